"""A person's centre of mass over time, and its motion without noise."""

from __future__ import annotations

import numpy as np

from controller_server.body.shape import body_shapes
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.rotation import quat_rotate

from .poses import PairPoses
from .smoothing import low_pass


def centres_of_mass(clip: InteractionClip, poses: PairPoses) -> np.ndarray:
    """Return both people's centres of mass [m], shape (T, 2, 3), of the simulated bodies' flesh.

    Args:
        clip: Whose skeletons they have.
        poses: Of these people.
    """
    positions, quats = poses.world
    out = np.zeros((poses.n_frames, 2, 3))
    for person, (_, motion) in enumerate(clip.people):
        shapes = body_shapes(motion.skeleton)
        for shape in shapes:
            arm = quat_rotate(quats[:, person, shape.joint], shape.position)
            out[:, person] += shape.mass * (positions[:, person, shape.joint] + arm)
        out[:, person] /= sum(shape.mass for shape in shapes)
    return out


def calmed(clip: InteractionClip, poses: PairPoses, share: np.ndarray, cutoff_hz: float) -> PairPoses:
    """Move each person as a whole so that the centre of mass goes smoothly.

    Floor and partner have to give every acceleration of the centre of mass; that of noise grows with the square of its
    frequency, and what the noise of all joints adds up to in it is felt by both people. Poses stay as they are.

    Args:
        clip: Whose skeletons they have.
        poses: To change.
        share: How much of the correction is wanted, 0-1, shape (T, 2).
        cutoff_hz: Half-power frequency of the centre of mass' path.
    """
    centre = centres_of_mass(clip, poses)
    shift = low_pass(centre, poses.fps, cutoff_hz, pinned=False) - centre
    return poses.with_changes(roots=poses.roots + share[..., None] * shift)
