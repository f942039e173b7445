"""Cameras of pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Camera:
    """A camera that stands at `eye`, looks at `target` and holds its head upright in the Z-up world.

    Attributes:
        eye: [m], shape (3,).
        target: [m], shape (3,).
        field_of_view: Of the picture's height [rad].
    """

    eye: np.ndarray
    target: np.ndarray
    field_of_view: float = 0.52

    @property
    def axes(self) -> np.ndarray:
        """Right, down and forward in the world, one a row, shape (3, 3)."""
        return view_axes(np.asarray(self.target, float) - self.eye)

    def project(self, points: np.ndarray, width: int, height: int) -> np.ndarray:
        """Return pixel column, pixel row and inverse distance of world points, shape (V, 3)."""
        seen = (points - self.eye) @ self.axes.T
        inverse = 1.0 / np.maximum(seen[:, 2], 1e-3)
        focal = height / 2 / np.tan(self.field_of_view / 2)
        flat = seen[:, :2] * (focal * inverse)[:, None] + [width / 2, height / 2]
        return np.concatenate([flat, inverse[:, None]], axis=1)

    def rays(self, width: int, height: int) -> np.ndarray:
        """Return the direction that each pixel looks in, its part along the view being 1, shape (height, width, 3)."""
        focal = height / 2 / np.tan(self.field_of_view / 2)
        right, down, forward = self.axes.astype(np.float32)
        across = ((np.arange(width, dtype=np.float32) + 0.5 - width / 2) / focal)[:, None] * right
        along = ((np.arange(height, dtype=np.float32) + 0.5 - height / 2) / focal)[:, None, None] * down
        return along + across + forward


def view_axes(forward: np.ndarray) -> np.ndarray:
    """Return right, down and forward of a view, one a row, shape (3, 3)."""
    forward = forward / np.linalg.norm(forward)
    up = np.array([0.0, 0, 1]) if abs(forward[2]) < 0.999 else np.array([0.0, 1, 0])
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(forward, right), forward])
