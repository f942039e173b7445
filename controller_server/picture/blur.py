"""A blur of whole pictures."""

from __future__ import annotations

import numpy as np


def box_blur(picture: np.ndarray, radius: int) -> np.ndarray:
    """Return each pixel's mean over a square of edge 2 radius + 1, edges repeated, shape (H, W)."""
    for axis in (0, 1):
        padding = [(0, 0), (0, 0)]
        padding[axis] = (radius + 1, radius)
        total = np.cumsum(np.pad(picture, padding, mode="edge"), axis=axis, dtype=np.float64)
        n = picture.shape[axis]
        last = np.take(total, np.arange(2 * radius + 1, 2 * radius + 1 + n), axis=axis)
        picture = ((last - np.take(total, np.arange(n), axis=axis)) / (2 * radius + 1)).astype(np.float32)
    return picture
