"""People as foreign files hold them: body parameters or joint positions, in the file's own axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from controller_server.clip.interaction import SmplxMotion
from controller_server.clip.rotation import (
    quat_from_matrix,
    quat_from_rotvec,
    quat_mul,
    quat_rotate,
    rotvec_from_quat,
)
from controller_server.clip.skeleton import NEUTRAL_REST_JOINTS
from controller_server.core.errors import ClipError

_LARGEST = 1e7  # of any number in a motion, whatever its unit
Model = Literal["smplx", "smplh", "smpl"]
# Rest pelvis of the neutral shape in the model's own frame [m]. The root turns the body about it, so it does not turn
# with a change of axes as the translation does.
_REST_PELVIS = {
    "smplx": NEUTRAL_REST_JOINTS[0],
    "smplh": np.array([-0.0018, -0.2233, 0.0282]),
    "smpl": np.array([-0.0022, -0.2408, 0.0286]),
}


@dataclass(frozen=True)
class SmplTrack:
    """One person as parameters of the SMPL family.

    Attributes:
        trans: Translation; pelvis = rest pelvis + trans [m], shape (T, 3).
        root_orient: Rotation vectors of the pelvis in the file's world [rad], shape (T, 3).
        pose_body: Rotation vectors of joints 1-21 [rad], shape (T, 21, 3).
        left_hand: Rotation vectors relative to the flat hand [rad], shape (T, 15, 3); None without hands.
        right_hand: The same of the right hand.
        betas: Shape coefficients, shape (B,).
        gender: "neutral", "female" or "male".
        model: Body model the numbers belong to.
        pelvis_given: Whether `trans` is where the pelvis joint is, without the rest pelvis.
    """

    trans: np.ndarray
    root_orient: np.ndarray
    pose_body: np.ndarray
    left_hand: np.ndarray | None = None
    right_hand: np.ndarray | None = None
    betas: np.ndarray | None = None
    gender: str = "neutral"
    model: Model = "smplx"
    pelvis_given: bool = False

    @property
    def n_frames(self) -> int:
        """Number of frames T."""
        return len(self.trans)

    def pelvis(self) -> np.ndarray:
        """Return where the pelvis is in the file's world, with the neutral shape's rest pelvis [m], shape (T, 3)."""
        return self.trans if self.pelvis_given else self.trans + _REST_PELVIS[self.model]

    def cut(self, frames: slice) -> SmplTrack:
        """Return some frames."""
        return self.at(np.arange(self.n_frames)[frames])

    def at(self, frames: np.ndarray) -> SmplTrack:
        """Return frames by their numbers, shape (S,)."""
        tracks = ("trans", "root_orient", "pose_body", "left_hand", "right_hand")
        values = {name: getattr(self, name) for name in tracks}
        return replace(self, **{name: value[frames] for name, value in values.items() if value is not None})

    def moved(self, rotation: np.ndarray, shift: np.ndarray) -> SmplTrack:
        """Return the person in another world: x' = R x + t.

        Args:
            rotation: Quaternions (w, x, y, z), shape (4,) or (T, 4).
            shift: In the new world [m], shape (3,) or (T, 3).
        """
        pelvis = quat_rotate(rotation, self.pelvis()) + shift
        root = rotvec_from_quat(quat_mul(rotation, quat_from_rotvec(self.root_orient)))
        return replace(self, trans=pelvis, root_orient=root, pelvis_given=True)

    def to_motion(self, matrix: np.ndarray) -> SmplxMotion:
        """Return the SMPL-X motion in the Z-up world. `matrix` turns the file's axes into it, shape (3, 3)."""
        turned = self.moved(quat_from_matrix(matrix), np.zeros(3))
        frames = self.n_frames
        betas = np.zeros(0) if self.betas is None or self.model != "smplx" else self.betas
        hands = {
            name: _whole_turns(value).reshape(frames, 45)
            for name, value in (("left_hand_pose", self.left_hand), ("right_hand_pose", self.right_hand))
            if value is not None
        }
        return SmplxMotion(
            trans=turned.trans - NEUTRAL_REST_JOINTS[0],
            root_orient=turned.root_orient,
            pose_body=_whole_turns(self.pose_body).reshape(frames, 63),
            betas=betas,
            gender=self.gender,
            **hands,
        )


def _whole_turns(rotvecs: np.ndarray) -> np.ndarray:
    """Return the rotation vectors with those of more than a full turn, which optimisers leave, brought back."""
    angle = np.linalg.norm(rotvecs, axis=-1, keepdims=True)
    wrapped = rotvec_from_quat(quat_from_rotvec(rotvecs))
    return np.where(angle > np.pi, wrapped, rotvecs)


@dataclass(frozen=True)
class JointTrack:
    """One person as joint positions.

    Attributes:
        positions: In the file's axes and unit, shape (T, J, 3).
        names: Joint names of a known rig, J of them.
        quats: World rotations that SMPL's joints have, in the file's axes, shape (T, J, 4); None without.
    """

    positions: np.ndarray
    names: tuple[str, ...]
    quats: np.ndarray | None = None

    @property
    def n_frames(self) -> int:
        """Number of frames T."""
        return len(self.positions)

    def cut(self, frames: slice) -> JointTrack:
        """Return some frames."""
        quats = None if self.quats is None else self.quats[frames]
        return replace(self, positions=self.positions[frames], quats=quats)


Track = SmplTrack | JointTrack


@dataclass(frozen=True)
class Content:
    """What one file holds.

    Attributes:
        tracks: The people in it.
        labels: What to call them, as many.
        fps: Frame rate; None where neither file nor format says.
        fps_assumed: Whether the rate is the format's usual one and not in the file.
        up: Up axis; None to judge by the motion.
        floor_known: Whether heights count from the floor.
        order: Whether the first person is the supporter by the format's own rule.
        source: Free text.
        notes: What was found out.
    """

    tracks: tuple[Track, ...]
    labels: tuple[str, ...]
    fps: float | None = None
    fps_assumed: bool = False
    up: str | None = None
    floor_known: bool = False
    order: bool = False
    source: str = ""
    notes: tuple[str, ...] = ()


def numbers(where: str, name: str, array: np.ndarray, shape: Sequence[int | None]) -> np.ndarray:
    """Return an array as floats after checking it; None in `shape` admits any length. Raises AssistMimicError."""
    array = np.asarray(array)
    wanted = "(" + ", ".join("any" if n is None else str(n) for n in shape) + ")"
    fits = array.ndim == len(shape) and all(n is None or n == m for n, m in zip(shape, array.shape, strict=True))
    if not fits or array.dtype.kind not in "fiu":
        raise ClipError(f"{where}: {name} must be numbers of shape {wanted}, got {array.dtype} {array.shape}")
    array = array.astype(float)
    bad = ~(np.abs(array) < _LARGEST)
    if bad.any():
        at = np.argwhere(bad)[0]
        what = "is not a finite number" if not np.isfinite(array[tuple(at)]) else f"is {array[tuple(at)]:g}"
        raise ClipError(f"{where}: {name} {what} at {tuple(at.tolist())}; fill the gap or cut it")
    return array
