"""Cubic B-splines over a clip, and the sparse equations that fit them: plain numpy, memory in proportion to knots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ORDER = 4
"""Coefficients that act on one frame."""


@dataclass(frozen=True)
class Spline:
    """A uniform cubic B-spline evaluated at every frame.

    Attributes:
        n_knots: Number of coefficients K.
        spacing: Time between knots [s].
        step: Frames between knots.
        first: The first of the four coefficients that act on each frame, shape (T,).
        weights: How much each of the four acts, shape (T, 4).
    """

    n_knots: int
    spacing: float
    step: float
    first: np.ndarray
    weights: np.ndarray

    @staticmethod
    def over(n_frames: int, fps: float, spacing: float) -> Spline:
        """Knots about every `spacing` seconds, the first and last at the ends of the clip."""
        pieces = max(1, round((n_frames - 1) / fps / spacing))
        at = np.arange(n_frames) * (pieces / max(n_frames - 1, 1))
        first = np.minimum(at.astype(int), pieces - 1)
        x = at - first
        weights = np.stack([(1 - x) ** 3, 3 * x**3 - 6 * x**2 + 4, -3 * x**3 + 3 * x**2 + 3 * x + 1, x**3], axis=1) / 6
        step = (n_frames - 1) / pieces
        return Spline(pieces + ORDER - 1, step / fps, step, first, weights)

    def evaluate(self, coefficients: np.ndarray) -> np.ndarray:
        """Return the curve, shape (T, ...), from coefficients of shape (K, ...)."""
        weights = self.weights.reshape(*self.weights.shape, *[1] * (coefficients.ndim - 1))
        return sum(weights[:, k] * coefficients[self.first + k] for k in range(ORDER))  # type: ignore[return-value]

    def curvature(self, weight: np.ndarray | None = None) -> np.ndarray:
        """Integral of the squared second derivative as a quadratic form: bands of a (K, K) matrix, shape (4, K, ...).

        Row d holds the entries (k + d, k). The second derivative is taken at the knots, by differences of coefficients
        (Eilers and Marx, 1996).

        Args:
            weight: Of each frame, one for each curve, shape (T, ...); 1 by default.
        """
        weight = np.ones(len(self.first)) if weight is None else weight
        at = np.clip(np.arange(self.n_knots - 2) * self.step, 0, len(weight) - 1).round().astype(int)
        weight = weight[at]
        bands = np.zeros((ORDER, self.n_knots, *weight.shape[1:]))
        difference = np.array([1.0, -2, 1]) / self.spacing**2
        for i in range(3):
            for j in range(i, 3):
                bands[j - i, i : i + len(weight)] += difference[i] * difference[j] * self.spacing * weight
        return bands

    def gram(self, values: np.ndarray) -> np.ndarray:
        """Sum over frames of weights^T value weights: bands of shape (4, K, ...) from values (T, ...)."""
        bands = np.zeros((ORDER, self.n_knots, *values.shape[1:]))
        for a in range(ORDER):
            for b in range(a, ORDER):
                scale = (self.weights[:, a] * self.weights[:, b]).reshape(-1, *[1] * (values.ndim - 1))
                np.add.at(bands[b - a], self.first + a, scale * values)
        return bands

    def gather(self, values: np.ndarray) -> np.ndarray:
        """Sum over frames of weights^T values, shape (K, ...), from values (T, ...)."""
        out = np.zeros((self.n_knots, *values.shape[1:]))
        for a in range(ORDER):
            np.add.at(out, self.first + a, self.weights[:, a].reshape(-1, *[1] * (values.ndim - 1)) * values)
        return out


def solve_banded(bands: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve a symmetric positive definite system of blocks with three off-diagonal bands.

    Args:
        bands: Block (k + d, k) at [d, k], shape (4, K, n, n); overwritten.
        right: Shape (K, n).

    Returns:
        Shape (K, n).
    """
    depth, n_knots, n = bands.shape[:3]
    right, ahead = right.copy(), []
    for k in range(n_knots):
        reach = min(depth - 1, n_knots - 1 - k)
        below = bands[1 : reach + 1, k].reshape(reach * n, n)
        solved = np.linalg.solve(bands[0, k], np.concatenate([below.T, right[k][:, None]], axis=1))
        ahead.append(solved)
        right[k + 1 : k + 1 + reach] -= (below @ solved[:, -1]).reshape(reach, n)
        for j in range(reach):
            fill = bands[j + 1, k] @ solved[:, : (j + 1) * n]
            for i in range(j + 1):
                bands[j - i, k + 1 + i] -= fill[:, i * n : (i + 1) * n]
    out = np.zeros_like(right)
    for k in range(n_knots - 1, -1, -1):
        reach = min(depth - 1, n_knots - 1 - k)
        out[k] = ahead[k][:, -1] - ahead[k][:, : reach * n] @ out[k + 1 : k + 1 + reach].reshape(-1)
    return out
