"""Signed distances of simple forms and how they join. Points are in the model frame: x left, y up, z forward [m]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

FAR = 0.3
"""Distance a form reports outside the box around it [m]: more than any blend reaches."""
_REACH = 0.07
Form = Callable[..., np.ndarray]
"""Points (N, 3) and the numbers of a form to distances (N,)."""


def _local(form: Callable[..., np.ndarray], box: Callable[..., tuple[np.ndarray, np.ndarray]]) -> Form:
    """Return a form that is worked out only near the box around it."""

    def field(p: np.ndarray, *shape: Any) -> np.ndarray:
        low, high = box(*shape)
        near = np.flatnonzero(((p > low - _REACH) & (p < high + _REACH)).all(axis=1))
        out = np.full(len(p), FAR, np.float32)
        out[near] = form(p[near], *shape)
        return out

    return field


def _cone(p: np.ndarray, a: Any, b: Any, first: float, second: float) -> np.ndarray:
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    along = b - a
    t = np.clip((p - a) @ along / (along @ along), 0, 1)
    return np.linalg.norm(p - a - t[:, None] * along, axis=1) - (first + (second - first) * t)


def _cone_box(a: Any, b: Any, first: float, second: float) -> tuple[np.ndarray, np.ndarray]:
    r = max(first, second)
    return np.minimum(a, b) - r, np.maximum(a, b) + r


cone = _local(_cone, _cone_box)
"""A rod from a to b whose radius changes from `first` to `second`."""


def _ellipsoid(p: np.ndarray, centre: Any, radii: Any) -> np.ndarray:
    q = p - np.asarray(centre, np.float32)
    r = np.asarray(radii, np.float32)
    k0, k1 = np.linalg.norm(q / r, axis=1), np.linalg.norm(q / (r * r), axis=1)
    return k0 * (k0 - 1) / np.maximum(k1, 1e-6)


ellipsoid = _local(_ellipsoid, lambda centre, radii: (np.subtract(centre, radii), np.add(centre, radii)))
"""An ellipsoid with the model's axes; near its surface the value is the distance."""


def _tube(p: np.ndarray, start: np.ndarray, end: np.ndarray, table: Any, across: np.ndarray) -> np.ndarray:
    along = np.asarray(end, float) - start
    length = float(np.linalg.norm(along))
    along /= length
    side = np.asarray(across, float) - along * (along @ across)
    side /= np.linalg.norm(side)
    depth = np.cross(side, along)
    q = p - np.asarray(start, float)
    t = q @ along / length
    stations = np.asarray(table, float)
    fine = np.linspace(stations[0, 0], stations[-1, 0], 200)
    a, b, shift_a, shift_b = (np.interp(t, fine, _smooth(fine, stations[:, 0], stations[:, k])) for k in range(1, 5))
    beyond = np.maximum(np.maximum(stations[0, 0] - t, t - stations[-1, 0]), 0) * length
    u, v = (q @ side - shift_a) / a, (q @ depth - shift_b) / b
    k0 = np.sqrt(u * u + v * v)
    k1 = np.sqrt((u / a) ** 2 + (v / b) ** 2)
    flat = np.where(k0 > 1e-3, k0 * (k0 - 1) / np.maximum(k1, 1e-6), -np.minimum(a, b))
    return np.where(beyond > 0, np.hypot(np.maximum(flat, 0), beyond), flat)


def _tube_box(start: np.ndarray, end: np.ndarray, table: Any, across: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    stations = np.asarray(table, float)
    ends = [np.asarray(start, float) + t * (np.asarray(end, float) - start) for t in (stations[0, 0], stations[-1, 0])]
    r = np.abs(stations[:, 1:]).max() + np.abs(stations[:, 3:]).max()
    return np.minimum(*ends) - r, np.maximum(*ends) + r


tube = _local(_tube, _tube_box)
"""A tube with elliptic sections: rows of `table` are (share of the way from start to end, half width, half depth,
shift along the width, shift along the depth), `across` the direction of the width; ends are flat."""


def _smooth(at: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Interpolate with a cubic whose slopes are finite differences (Catmull and Rom)."""
    slope = np.gradient(y, x)
    k = np.clip(np.searchsorted(x, at) - 1, 0, len(x) - 2)
    h = x[k + 1] - x[k]
    t = (at - x[k]) / h
    return (
        (2 * t**3 - 3 * t**2 + 1) * y[k]
        + (t**3 - 2 * t**2 + t) * h * slope[k]
        + (3 * t**2 - 2 * t**3) * y[k + 1]
        + (t**3 - t**2) * h * slope[k + 1]
    )


def join(k: float, *fields: np.ndarray) -> np.ndarray:
    """Return the union of forms, rounded where they meet over a width of `k` [m]."""
    out = fields[0]
    for other in fields[1:]:
        h = np.maximum(k - np.abs(out - other), 0) / k
        out = np.minimum(out, other) - h * h * k / 4
    return out


def cut(k: float, field: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return a form without another, the edge rounded over a width of `k` [m]."""
    return -join(k, -field, other)
