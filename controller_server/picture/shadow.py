"""Soft shadows on bodies and on the floor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .blur import box_blur
from .camera import view_axes
from .raster import rasterise

_TEXELS = 640
_TAPS = ((-1.2, -0.4), (-0.4, 1.2), (0.4, -1.2), (1.2, 0.4), (-0.5, -0.7), (0.7, -0.5), (-0.7, 0.5), (0.5, 0.7))
"""Where around a place the shadow is asked for, in widths of its soft edge."""
_CELL = 0.015
"""Width of the floor shadow's cells [m]."""


@dataclass(frozen=True)
class SunShadow:
    """How far the sun's light reaches along each of its rays.

    Attributes:
        axes: Right, down and forward of the sun's view, shape (3, 3).
        low: Smallest coordinates along `axes` right and down [m], shape (2,).
        texel: Width of a texel [m].
        reach: How far along forward the light gets in each texel, negative, shape (N, N).
    """

    axes: np.ndarray
    low: np.ndarray
    texel: float
    reach: np.ndarray

    @staticmethod
    def of(points: np.ndarray, faces: np.ndarray, sun: np.ndarray) -> SunShadow:
        """Return the shadow that a mesh throws on itself; `sun` is the direction to the sun."""
        axes = view_axes(-sun)
        seen = points @ axes.T
        low, high = seen[:, :2].min(axis=0) - 0.05, seen[:, :2].max(axis=0) + 0.05
        texel = float((high - low).max() / _TEXELS)
        flat = np.concatenate([(seen[:, :2] - low) / texel, -seen[:, 2:]], axis=1)
        return SunShadow(axes, low, texel, rasterise(flat, faces, _TEXELS, _TEXELS).nearness)

    def light(self, place: np.ndarray, normal: np.ndarray) -> np.ndarray:
        """Return the share of sunlight at places with these normals, 0 to 1, shape (N,)."""
        seen = (place + np.float32(0.012) * normal) @ self.axes.astype(np.float32).T
        at = (seen[:, :2] - self.low.astype(np.float32)) / np.float32(self.texel)
        depth = -seen[:, 2] + np.float32(0.004 + 0.6 * self.texel)
        share = np.zeros(len(place), np.float32)
        reach, soft = self.reach.ravel(), max(0.011 / self.texel, 1.0)
        for across, down in _TAPS:
            column = np.clip((at[:, 0] + np.float32(soft * across)).astype(np.int32), 0, _TEXELS - 1)
            row = np.clip((at[:, 1] + np.float32(soft * down)).astype(np.int32), 0, _TEXELS - 1)
            share += reach[row * _TEXELS + column] < depth
        return share / len(_TAPS)


@dataclass(frozen=True)
class FloorShadow:
    """The floor's light, sharper where what throws the shadow is near.

    Attributes:
        low: Corner of the map [m], shape (2,).
        darkness: 0 in the light, 1 in the dark, shape (rows along y, columns along x).
    """

    low: np.ndarray
    darkness: np.ndarray

    @staticmethod
    def of(points: np.ndarray, faces: np.ndarray, sun: np.ndarray) -> FloorShadow:
        """Return the shadow that a mesh throws on the floor z = 0."""

        height = np.maximum(points[:, 2], 0)
        thrown = points[:, :2] - height[:, None] * sun[:2] / sun[2]
        low = np.minimum(thrown.min(axis=0), points[:, :2].min(axis=0)) - 0.5
        high = np.maximum(thrown.max(axis=0), points[:, :2].max(axis=0)) + 0.5
        columns, rows = np.ceil((high - low) / _CELL).astype(int)

        def drawn(flat: np.ndarray) -> np.ndarray:
            # The map's rows run along +y, pictures' rows downwards: seen from below, so faces are turned over.
            cells = np.concatenate([(flat - low) / _CELL, height[:, None]], axis=1)
            return rasterise(cells, faces[:, ::-1], columns, rows).nearness

        over = drawn(thrown)
        full = np.isfinite(over)
        near = box_blur(box_blur((full & (over < 0.35)).astype(np.float32), 1), 1)
        wide = full.astype(np.float32)
        for _ in range(3):
            wide = box_blur(wide, 3)
        above = drawn(points[:, :2])
        close = np.where(np.isfinite(above), np.clip(1 - above / 0.5, 0, 1), 0).astype(np.float32)
        for _ in range(2):
            close = box_blur(close, 7)
        return FloorShadow(low, np.maximum(0.42 * np.maximum(near, wide), 0) + 0.30 * close)

    def light(self, place: np.ndarray) -> np.ndarray:
        """Return the share of light at floor places, shape (N, 2), between the map's cells too."""
        at = (place - self.low.astype(np.float32)) / np.float32(_CELL) - np.float32(0.5)
        rows, columns = self.darkness.shape
        cell = np.clip(np.floor(at).astype(np.int64), 0, [columns - 2, rows - 2])
        inside = ((at >= 0) & (at <= [columns - 1, rows - 1])).all(axis=1)
        u, v = np.clip(at - cell, 0, 1).T
        d, x, y = self.darkness, cell[:, 0], cell[:, 1]
        dark = (d[y, x] * (1 - u) + d[y, x + 1] * u) * (1 - v) + (d[y + 1, x] * (1 - u) + d[y + 1, x + 1] * u) * v
        return 1 - np.where(inside, dark, 0)
