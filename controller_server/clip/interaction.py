"""InteractionClip: two people, one helping the other. The one type every stage of the road speaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from controller_server.core.errors import ClipError

from .skeleton import LEFT_HAND, N_JOINTS, RIGHT_HAND, Skeleton, smplx_forward

ROLES = ("supporter", "recipient")
MIN_FRAMES, MAX_FRAMES = 2, 20_000
MIN_FPS, MAX_FPS = 1.0, 240.0
_FULL_TURN = 2 * np.pi


def _frozen(array: Any, dtype: type = float) -> np.ndarray:
    array = np.array(array, dtype=dtype)
    array.flags.writeable = False
    return array


def _require_finite(what: str, array: np.ndarray) -> None:
    bad = ~np.isfinite(array)
    if bad.any():
        frame = int(np.argwhere(bad)[0, 0])
        raise ClipError(
            f"{what}: not a finite number at frame {frame} (first of {int(bad.sum())} values); "
            "re-export the clip or cut that frame out"
        )


@dataclass(frozen=True)
class SmplxMotion:
    """One person's motion as SMPL-X parameters in the Z-up world (AMASS convention).

    Attributes:
        trans: Translation; pelvis = rest pelvis + trans [m], shape (T, 3).
        root_orient: Rotation vectors turning the model frame (y up, z forward) into the world [rad], shape (T, 3).
        pose_body: Rotation vectors of joints 1-21 relative to their parents [rad], shape (T, 63).
        left_hand_pose: Rotation vectors of 15 finger joints relative to the flat hand [rad], shape (T, 45).
        right_hand_pose: The same for the right hand, shape (T, 45).
        jaw: Carried through untouched [rad], shape (T, 3).
        eyes: Carried through untouched [rad], shape (T, 6).
        expression: Carried through untouched, shape (T, E).
        betas: SMPL-X shape coefficients, shape (B,).
        gender: "neutral", "female" or "male".
        rest_joints: The person's own rest skeleton in the model frame [m], shape (55, 3); stands above betas.
    """

    trans: np.ndarray
    root_orient: np.ndarray
    pose_body: np.ndarray
    left_hand_pose: np.ndarray | None = None
    right_hand_pose: np.ndarray | None = None
    jaw: np.ndarray | None = None
    eyes: np.ndarray | None = None
    expression: np.ndarray | None = None
    betas: np.ndarray = field(default_factory=lambda: np.zeros(10))
    gender: str = "neutral"
    rest_joints: np.ndarray | None = None

    def __post_init__(self) -> None:
        try:
            frames = np.asarray(self.trans).shape[0]
        except IndexError:
            raise ClipError("trans: expected shape (T, 3), got a single number") from None
        widths: Mapping[str, int | None] = {
            "trans": 3,
            "root_orient": 3,
            "pose_body": 63,
            "left_hand_pose": 45,
            "right_hand_pose": 45,
            "jaw": 3,
            "eyes": 6,
            "expression": None,
        }
        for name, width in widths.items():
            value = getattr(self, name)
            if value is None:
                if name in ("left_hand_pose", "right_hand_pose"):
                    object.__setattr__(self, name, _frozen(np.zeros((frames, 45))))
                continue
            object.__setattr__(self, name, _check_track(name, value, frames, width))
        betas = _frozen(np.atleast_1d(self.betas))
        if betas.ndim != 1 or betas.size > 400:
            raise ClipError(f"betas: expected shape (B,) with B up to 400, got {betas.shape}")
        _require_finite("betas", betas)
        object.__setattr__(self, "betas", betas)
        if self.gender not in ("neutral", "female", "male"):
            raise ClipError(f"gender: expected neutral, female or male, got {self.gender!r}")
        if self.rest_joints is not None:
            object.__setattr__(self, "rest_joints", _check_rest_joints(self.rest_joints))

    @property
    def n_frames(self) -> int:
        """Number of frames T."""
        return self.trans.shape[0]

    @property
    def pose(self) -> np.ndarray:
        """Rotation vectors of joints 1-54 in SMPL-X order [rad], shape (T, 54, 3)."""
        pose = np.zeros((self.n_frames, N_JOINTS, 3))
        pose[:, 1:22] = self.pose_body.reshape(-1, 21, 3)
        if self.jaw is not None:
            pose[:, 22] = self.jaw
        if self.eyes is not None:
            pose[:, 23:25] = self.eyes.reshape(-1, 2, 3)
        assert self.left_hand_pose is not None and self.right_hand_pose is not None
        pose[:, LEFT_HAND] = self.left_hand_pose.reshape(-1, 15, 3)
        pose[:, RIGHT_HAND] = self.right_hand_pose.reshape(-1, 15, 3)
        return pose[:, 1:]

    @cached_property
    def skeleton(self) -> Skeleton:
        """The person's rest pose: `rest_joints` if given, else the neutral table (betas need the licensed model)."""
        return Skeleton(self.rest_joints) if self.rest_joints is not None else Skeleton.neutral()

    @cached_property
    def joints(self) -> tuple[np.ndarray, np.ndarray]:
        """World positions (T, 55, 3) [m] and rotations (T, 55, 4) of all joints."""
        return smplx_forward(self.skeleton, self.trans, self.root_orient, self.pose)


def _check_track(name: str, value: Any, frames: int, width: int | None) -> np.ndarray:
    try:
        array = _frozen(value)
    except (TypeError, ValueError):
        raise ClipError(f"{name}: holds something that is not a number") from None
    if array.ndim != 2 or array.shape[0] != frames or (width is not None and array.shape[1] != width):
        hint = ""
        if array.ndim >= 2 and array.shape[-1] == 4:
            hint = "; these look like quaternions, convert them to rotation vectors"
        raise ClipError(f"{name}: expected shape ({frames}, {width or 'E'}), got {array.shape}{hint}")
    _require_finite(name, array)
    if name not in ("trans", "expression"):
        angle = np.linalg.norm(array.reshape(frames, -1, 3), axis=-1)
        if angle.max(initial=0) > _FULL_TURN + 1e-6:
            frame, which = np.unravel_index(int(angle.argmax()), angle.shape)
            raise ClipError(
                f"{name}: rotation of {angle.max():.1f} rad at frame {frame}, joint {which}: more than a full turn; "
                "expected rotation vectors (axis x angle in radians), not degrees or quaternions"
            )
    return array


def _check_rest_joints(value: Any) -> np.ndarray:
    rest = _frozen(value)
    if rest.shape != (N_JOINTS, 3):
        raise ClipError(f"rest_joints: expected shape ({N_JOINTS}, 3), got {rest.shape}")
    _require_finite("rest_joints", rest)
    leg = Skeleton(rest).leg_length
    if not 0.3 <= leg <= 1.5:
        raise ClipError(f"rest_joints: legs are {leg:.3g} m long; expected 0.3 to 1.5 m (is the unit metres?)")
    return rest


@dataclass(frozen=True)
class Prop:
    """A static box: a chair's seat, a bed.

    Attributes:
        name: What it is.
        position: Centre in the world [m], shape (3,).
        quat: Rotation (w, x, y, z), shape (4,).
        size: Full edge lengths [m], shape (3,).
    """

    name: str
    position: np.ndarray
    size: np.ndarray
    quat: np.ndarray = field(default_factory=lambda: np.array([1.0, 0.0, 0.0, 0.0]))

    def __post_init__(self) -> None:
        for key, n in (("position", 3), ("size", 3), ("quat", 4)):
            value = _frozen(getattr(self, key))
            if value.shape != (n,):
                raise ClipError(f"prop {self.name!r}: {key} must have {n} numbers, got shape {value.shape}")
            if not np.isfinite(value).all():
                raise ClipError(f"prop {self.name!r}: {key} holds a number that is not finite")
            object.__setattr__(self, key, value)
        if self.size.min() < 1e-3 or self.size.max() > 100:
            raise ClipError(f"prop {self.name!r}: edges must be 1 mm to 100 m, got {self.size.tolist()}")
        norm = np.linalg.norm(self.quat)
        if norm < 0.5:
            raise ClipError(f"prop {self.name!r}: quat is not a rotation: {self.quat.tolist()}")
        object.__setattr__(self, "quat", _frozen(self.quat / norm))


@dataclass(frozen=True)
class InteractionClip:
    """Two people over time. Immutable, validated on construction.

    Attributes:
        fps: Frames per second, 1-240.
        supporter: Who helps.
        recipient: Who is helped.
        props: Static boxes.
        grips: How much each hand holds the partner, 0-1, shape (T, 2 people, 2 hands left-right); None if unknown.
        source: Where the clip comes from, free text.

    Raises:
        AssistMimicError: naming the field and the frame.
    """

    fps: float
    supporter: SmplxMotion
    recipient: SmplxMotion
    props: tuple[Prop, ...] = ()
    grips: np.ndarray | None = None
    source: str = ""

    def __post_init__(self) -> None:
        try:
            fps = float(self.fps)
        except (TypeError, ValueError):
            raise ClipError(f"fps: expected a number, got {self.fps!r}") from None
        if not MIN_FPS <= fps <= MAX_FPS:
            raise ClipError(f"fps: {fps:g} is outside {MIN_FPS:g}-{MAX_FPS:g}; set the clip's true frame rate")
        object.__setattr__(self, "fps", fps)
        object.__setattr__(self, "props", tuple(self.props))
        n, m = self.supporter.n_frames, self.recipient.n_frames
        if n != m:
            raise ClipError(f"supporter has {n} frames, recipient {m}; cut both to the same range")
        if not MIN_FRAMES <= n <= MAX_FRAMES:
            raise ClipError(f"clip has {n} frame(s); {MIN_FRAMES} to {MAX_FRAMES} are possible")
        for role, motion in self.people:
            height = motion.trans[:, 2] + motion.skeleton.rest_joints[0, 2]
            for frame, ok in ((int(height.argmin()), height.min() > -1.5), (int(height.argmax()), height.max() < 20)):
                if not ok:
                    raise ClipError(
                        f"{role}: pelvis at {height[frame]:.2f} m at frame {frame}; the floor is z = 0 with Z up "
                        "in metres: check the up axis and the unit"
                    )
            if np.abs(motion.trans[:, :2]).max() > 1000:
                raise ClipError(f"{role}: more than 1 km from the origin; move the clip nearer to it")
        if self.grips is not None:
            grips = _frozen(self.grips)
            if grips.shape != (n, 2, 2):
                raise ClipError(f"grips: expected shape ({n}, 2, 2), got {grips.shape}")
            _require_finite("grips", grips)
            if grips.min() < 0 or grips.max() > 1:
                frame = int(np.argwhere((grips < 0) | (grips > 1))[0, 0])
                raise ClipError(f"grips: value outside 0-1 at frame {frame}")
            object.__setattr__(self, "grips", grips)

    @property
    def n_frames(self) -> int:
        """Number of frames T."""
        return self.supporter.n_frames

    @property
    def duration(self) -> float:
        """Time from the first frame to the last [s]."""
        return (self.n_frames - 1) / self.fps

    @property
    def people(self) -> tuple[tuple[str, SmplxMotion], ...]:
        """(role, motion) of supporter and recipient, in this order everywhere."""
        return (("supporter", self.supporter), ("recipient", self.recipient))

    @cached_property
    def joints(self) -> np.ndarray:
        """World joint positions of both people [m], shape (T, 2, 55, 3)."""
        return np.stack([motion.joints[0] for _, motion in self.people], axis=1)

    @cached_property
    def joint_quats(self) -> np.ndarray:
        """World joint rotations of both people, shape (T, 2, 55, 4)."""
        return np.stack([motion.joints[1] for _, motion in self.people], axis=1)

    def warnings(self) -> list[str]:
        """Things that are allowed but rarely meant."""
        found = []
        apart = np.linalg.norm(self.joints[:, 0, 0] - self.joints[:, 1, 0], axis=-1)
        if apart.min() > 3:
            found.append(
                f"the two people are never closer than {apart.min():.1f} m (up to {apart.max():.1f} m apart): "
                "nobody can help from there"
            )
        return found

    def with_people(self, change: Callable[[SmplxMotion], SmplxMotion]) -> InteractionClip:
        """Return a copy with `change` applied to both motions."""
        return replace(self, supporter=change(self.supporter), recipient=change(self.recipient))


def slice_motion(motion: SmplxMotion, frames: slice | np.ndarray) -> SmplxMotion:
    """Return the frames of a motion, a range or indices; betas, gender and rest joints stay."""
    tracks = ("trans", "root_orient", "pose_body", "left_hand_pose", "right_hand_pose", "jaw", "eyes", "expression")
    values = {name: getattr(motion, name) for name in tracks}
    return replace(motion, **{name: value[frames] for name, value in values.items() if value is not None})
