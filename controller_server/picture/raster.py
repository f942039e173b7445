"""A rasteriser over whole arrays of triangles: the triangle that each pixel shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_CHUNK = 1 << 18
"""Pixels filled at once: few enough to stay in a processor's cache."""


@dataclass(frozen=True)
class Coverage:
    """What each pixel shows.

    Attributes:
        face: Row of the face, -1 where there is none, shape (H, W) int32.
        nearness: The nearest face's third coordinate, -inf where there is none, shape (H, W) float32.
    """

    face: np.ndarray
    nearness: np.ndarray


def rasterise(points: np.ndarray, faces: np.ndarray, width: int, height: int) -> Coverage:
    """Return the nearest face at each pixel's centre.

    Args:
        points: Pixel column, pixel row (downwards) and nearness (larger hides smaller; linear over the picture, as the
            inverse distance of a perspective view is), shape (V, 3).
        faces: Rows of `points`, counter-clockwise in the picture when seen from the front; others are not drawn,
            shape (F, 3).
        width: Of the picture [pixels].
        height: Of the picture [pixels].
    """
    face = np.full(width * height, -1, np.int32)
    nearness = np.full(width * height, -np.inf, np.float32)
    corners = points[faces].astype(np.float64)
    x, y, z = corners[..., 0], corners[..., 1], corners[..., 2]
    area = (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0]) - (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0])
    top, bottom = np.ceil(y.min(axis=1) - 0.5), np.floor(y.max(axis=1) - 0.5)
    seen = (area > 1e-12) & (bottom >= top) & (bottom >= 0) & (top < height)
    seen &= (x.max(axis=1) > 0) & (x.min(axis=1) < width)
    chosen = np.flatnonzero(seen)
    if not len(chosen):
        return Coverage(face.reshape(height, width), nearness.reshape(height, width))
    x, y, z, area = x[chosen], y[chosen], z[chosen], area[chosen]
    top = np.clip(top[chosen], 0, height - 1).astype(np.int64)
    bottom = np.clip(bottom[chosen], 0, height - 1).astype(np.int64)
    row_of, rows = _spread(top, bottom - top + 1)
    first, last = _spans(x, y, row_of, rows, width)
    filled = last >= first
    row_of, rows, first, last = row_of[filled], rows[filled], first[filled], last[filled]
    slope, level = _planes(x, y, z, area)
    start = slope[row_of, 1] * (rows + 0.5) + level[row_of] + 0.5 * slope[row_of, 0]
    step = slope[row_of, 0]
    ends = np.cumsum(last - first + 1)
    cuts = np.searchsorted(ends, np.arange(_CHUNK, ends[-1] if len(ends) else 0, _CHUNK))
    for part in np.split(np.arange(len(rows)), cuts):
        span, column = _spread(first[part], (last - first + 1)[part])
        at = part[span]
        pixel = rows[at] * width + column
        value = (start[at] + step[at] * column).astype(np.float32)
        np.maximum.at(nearness, pixel, value)
        won = nearness[pixel] == value
        face[pixel[won]] = chosen[row_of[at[won]]]
    return Coverage(face.reshape(height, width), nearness.reshape(height, width))


def _spread(first: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each range of `counts` numbers from `first`, its row and its numbers, one after the other."""
    owner = np.repeat(np.arange(len(first)), counts)
    start = np.cumsum(counts) - counts
    return owner, first[owner] + np.arange(len(owner)) - start[owner]


def _spans(x: np.ndarray, y: np.ndarray, row_of: np.ndarray, rows: np.ndarray, width: int) -> tuple:
    """Return the first and last pixel that each triangle covers in each of its rows."""
    low, high = np.zeros(len(rows)), np.full(len(rows), width - 1.0)
    for k in range(3):
        x0, y0, x1, y1 = x[:, k], y[:, k], x[:, (k + 1) % 3], y[:, (k + 1) % 3]
        rise = y1 - y0
        flat = np.abs(rise) < 1e-12
        lean = np.where(flat, 0.0, (x1 - x0) / np.where(flat, 1.0, rise))
        crossing = (x0 - y0 * lean)[row_of] + lean[row_of] * (rows + 0.5) - 0.5
        goes_down, goes_up = (rise > 1e-12)[row_of], (rise < -1e-12)[row_of]
        low = np.where(goes_down, np.maximum(low, np.ceil(crossing)), low)
        high = np.where(goes_up, np.minimum(high, np.ceil(crossing) - 1), high)
    return low.astype(np.int64), high.astype(np.int64)


def _planes(x: np.ndarray, y: np.ndarray, z: np.ndarray, area: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the third coordinate of each triangle as a plane over the picture: its slopes (F, 2) and level (F,)."""
    a, b = z[:, 1] - z[:, 0], z[:, 2] - z[:, 0]
    across = (b * (y[:, 1] - y[:, 0]) - a * (y[:, 2] - y[:, 0])) / area
    down = (a * (x[:, 2] - x[:, 0]) - b * (x[:, 1] - x[:, 0])) / area
    return np.stack([across, down], axis=-1), z[:, 0] - across * x[:, 0] - down * y[:, 0]


def weights_at(points: np.ndarray, faces: np.ndarray, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the shares of a face's three corners at a pixel's centre, in perspective.

    Args:
        points: As in `rasterise`, nearness being the inverse distance, shape (V, 3).
        faces: The face that each pixel shows, shape (N, 3).
        columns: Of each pixel, shape (N,).
        rows: Of each pixel, shape (N,).
    """
    corners = points[faces]
    x, y = corners[..., 0] - (columns[:, None] + 0.5), corners[..., 1] - (rows[:, None] + 0.5)
    shares = np.stack([x[:, (k + 1) % 3] * y[:, (k + 2) % 3] - x[:, (k + 2) % 3] * y[:, (k + 1) % 3] for k in range(3)])
    shares = shares.T * corners[..., 2]
    return shares / shares.sum(axis=1, keepdims=True)
