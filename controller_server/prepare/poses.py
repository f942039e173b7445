"""A clip's 22 body joints as arrays: what every step of preparing reads and changes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from controller_server.body.layout import clip_local_quats, clip_root_positions
from controller_server.clip.interaction import InteractionClip, SmplxMotion
from controller_server.clip.rotation import quat_conj, quat_from_rotvec, quat_mul, rotvec_from_quat
from controller_server.clip.skeleton import N_BODY_JOINTS, forward_kinematics

BODY_JOINTS = tuple(range(N_BODY_JOINTS))


@dataclass(frozen=True)
class PairPoses:
    """Both people's poses over time. Fingers, face and everything else stay in the clip.

    Attributes:
        fps: Frames per second.
        offsets: Rest offsets of each person's own skeleton [m], shape (2, 55, 3).
        roots: Pelvis joint in the world [m], shape (T, 2, 3).
        quats: Pelvis in the world, other joints relative to their parent, shape (T, 2, 22, 4).
    """

    fps: float
    offsets: np.ndarray
    roots: np.ndarray
    quats: np.ndarray

    @staticmethod
    def of(clip: InteractionClip) -> PairPoses:
        """Return the poses of a clip."""
        return PairPoses(
            fps=clip.fps,
            offsets=np.stack([motion.skeleton.offsets for _, motion in clip.people]),
            roots=clip_root_positions(clip),
            quats=clip_local_quats(clip, BODY_JOINTS),
        )

    @property
    def n_frames(self) -> int:
        """Number of frames T."""
        return self.roots.shape[0]

    @cached_property
    def world(self) -> tuple[np.ndarray, np.ndarray]:
        """Joint positions (T, 2, 22, 3) [m] and rotations (T, 2, 22, 4) in the world."""
        return forward_kinematics(self.offsets, self.roots, self.quats, BODY_JOINTS)

    @property
    def positions(self) -> np.ndarray:
        """Joint positions in the world [m], shape (T, 2, 22, 3)."""
        return self.world[0]

    def with_changes(self, *, roots: np.ndarray | None = None, quats: np.ndarray | None = None) -> PairPoses:
        """Return a copy with other roots or joint rotations."""
        return replace(self, roots=self.roots if roots is None else roots, quats=self.quats if quats is None else quats)

    def frames(self, index: np.ndarray | slice) -> PairPoses:
        """Return some of the frames."""
        return self.with_changes(roots=self.roots[index], quats=self.quats[index])

    def minus(self, other: PairPoses) -> tuple[np.ndarray, np.ndarray]:
        """Return how these poses differ from others.

        Root shift (T, 2, 3) [m], joint rotation vectors (T, 2, 22, 3) [rad].
        """
        return self.roots - other.roots, rotvec_from_quat(quat_mul(quat_conj(other.quats), self.quats))

    def plus(self, shift: np.ndarray, rotvecs: np.ndarray) -> PairPoses:
        """Return the inverse of `minus`: every joint turned about its own axes, the pelvis moved."""
        quats = quat_mul(self.quats, quat_from_rotvec(rotvecs))
        quats /= np.linalg.norm(quats, axis=-1, keepdims=True)
        return self.with_changes(roots=self.roots + shift, quats=quats)

    def to_clip(self, clip: InteractionClip) -> InteractionClip:
        """Return the clip with these poses in place of its own."""

        def motion(person: int, old: SmplxMotion) -> SmplxMotion:
            rotvecs = rotvec_from_quat(self.quats[:, person])
            return replace(
                old,
                trans=self.roots[:, person] - old.skeleton.rest_joints[0],
                root_orient=rotvecs[:, 0],
                pose_body=rotvecs[:, 1:].reshape(-1, 63),
            )

        return replace(clip, supporter=motion(0, clip.supporter), recipient=motion(1, clip.recipient))
