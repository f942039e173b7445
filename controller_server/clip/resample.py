"""A clip at other moments: cubic positions, rotations through slerp."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .interaction import InteractionClip, SmplxMotion
from .rotation import quat_from_rotvec, quat_slerp, rotvec_from_quat


def sample_cubic(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Catmull-Rom interpolation along the first axis, held constant outside.

    Args:
        values: Shape (T, ...).
        at: Fractional frame indices, shape (S,).

    Returns:
        Shape (S, ...).
    """
    last = len(values) - 1
    at = np.clip(at, 0, last)
    k = np.minimum(at.astype(int), max(last - 1, 0))
    t = (at - k).reshape(-1, *[1] * (values.ndim - 1))
    a, b, c, d = (values[np.clip(k + i, 0, last)] for i in (-1, 0, 1, 2))
    # Mirrored end points, so that a straight line stays one to its ends.
    first, final = (k == 0).reshape(t.shape), (k + 2 > last).reshape(t.shape)
    a, d = np.where(first, 2 * b - c, a), np.where(final, 2 * c - b, d)
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))


def sample_quats(quats: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Slerp along the first axis, held constant outside. Shapes (T, ..., 4) and (S,) to (S, ..., 4)."""
    last = len(quats) - 1
    at = np.clip(at, 0, last)
    k = np.minimum(at.astype(int), max(last - 1, 0))
    t = (at - k).reshape(-1, *[1] * (quats.ndim - 1))
    return quat_slerp(quats[k], quats[np.minimum(k + 1, last)], t)


def sample_rotvecs(rotvecs: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Slerp of rotation vectors laid side by side. Shapes (T, 3 n) and (S,) to (S, 3 n)."""
    quats = quat_from_rotvec(rotvecs.reshape(len(rotvecs), -1, 3))
    return rotvec_from_quat(sample_quats(quats, at)).reshape(len(at), -1)


def resample(clip: InteractionClip, fps: float, n_frames: int | None = None) -> InteractionClip:
    """Return the clip at another frame rate, from the same first moment; times beyond the end hold the last frame."""
    if n_frames is None:
        n_frames = max(2, int(np.floor(clip.duration * fps + 1e-6)) + 1)
    if fps == clip.fps and n_frames == clip.n_frames:
        return clip
    at = np.arange(n_frames) * clip.fps / fps

    def person(motion: SmplxMotion) -> SmplxMotion:
        rotations = {
            name: sample_rotvecs(value, at)
            for name in ("root_orient", "pose_body", "left_hand_pose", "right_hand_pose", "jaw", "eyes")
            if (value := getattr(motion, name)) is not None
        }
        expression = None if motion.expression is None else sample_cubic(motion.expression, at)
        return replace(motion, trans=sample_cubic(motion.trans, at), expression=expression, **rotations)

    grips = None if clip.grips is None else np.clip(sample_cubic(clip.grips, at), 0, 1)
    return InteractionClip(fps, person(clip.supporter), person(clip.recipient), clip.props, grips, clip.source)
