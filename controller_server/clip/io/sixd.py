"""Rotations as six numbers, in the three conventions in use; see docs/formats.md for who uses which."""

from __future__ import annotations

from typing import Literal

import numpy as np

from controller_server.clip.fit.body_frames import unit
from controller_server.clip.rotation import quat_from_matrix

Convention = Literal["interleaved", "columns", "rows"]


def quat_from_sixd(values: np.ndarray, convention: Convention) -> np.ndarray:
    """Return quaternions (w, x, y, z) of 6D rotations, made orthonormal by Gram and Schmidt.

    Formula: Zhou et al. 2019, "On the continuity of rotation representations in neural networks", equation 16.

    Args:
        values: Shape (..., 6).
        convention: `interleaved` R00 R01 R10 R11 R20 R21 (InterHuman and what was trained on it), `columns` the first
            column, then the second (HumanML3D), `rows` the first row, then the second (Inter-X's models).

    Returns:
        Shape (..., 4).
    """
    if convention == "interleaved":
        first, second = values[..., 0::2], values[..., 1::2]
    else:
        first, second = values[..., :3], values[..., 3:]
    first = unit(first)
    second = unit(second - np.sum(first * second, axis=-1, keepdims=True) * first)
    axes = np.stack([first, second, np.cross(first, second)], axis=-2)
    return quat_from_matrix(axes if convention == "rows" else np.swapaxes(axes, -1, -2))
