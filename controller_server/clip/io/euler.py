"""Rotations as angles about axes in any order, near to given ones."""

from __future__ import annotations

import numpy as np

from controller_server.clip.rotation import quat_to_matrix

_LOCKED = 1 - 1e-9


def angles_near(quats: np.ndarray, axes: tuple[int, ...], near: np.ndarray) -> np.ndarray:
    """Return the angles that turn about axes one after the other, R = R(axes[0]) R(axes[1]) ...

    Of the two triples that give a rotation, and of all whole turns, those are taken that are nearest to `near`. With
    fewer than three axes the rotation about the missing ones is lost.

    Args:
        quats: Shape (T, 4).
        axes: 0, 1 or 2 each, none twice.
        near: Shape (T, len(axes)) [degrees].

    Returns:
        Shape (T, len(axes)) [degrees].
    """
    given = len(axes)
    axes = (*axes, *(axis for axis in range(3) if axis not in axes))
    near = np.concatenate([near, np.zeros((len(near), 3 - given))], axis=1)
    i, j, k = axes
    sign = 1.0 if (j - i) % 3 == 1 else -1.0
    m = quat_to_matrix(quats)
    sine = np.clip(sign * m[:, i, k], -1, 1)
    first = np.arctan2(-sign * m[:, j, k], m[:, k, k])
    third = np.arctan2(-sign * m[:, i, j], m[:, i, i])
    # With the second at a right angle the others turn about one axis: the first stays, the third takes the rest.
    locked = np.abs(sine) > _LOCKED
    kept, upper = np.radians(near[:, 0]), np.sign(sine)
    both = np.arctan2(sign * m[:, j, i], m[:, j, j])
    first = np.where(locked, kept, first)
    third = np.where(locked, both - sign * upper * kept, third)
    angles = np.degrees(np.stack([first, np.arcsin(sine), third], axis=1))
    other = angles * [1, -1, 1] + 180.0
    choices = np.stack([choice + 360 * np.round((near - choice) / 360) for choice in (angles, other)])
    distance = np.abs(choices - near)[..., :given].sum(axis=-1)
    return np.take_along_axis(choices, distance.argmin(axis=0)[None, :, None], axis=0)[0, :, :given]
