"""From distances to a mesh: marching cubes on a grid finer at head and hands, fewer triangles, zones cut apart."""

from __future__ import annotations

from collections.abc import Callable

import fast_simplification
import numpy as np
from skimage.measure import marching_cubes

Fields = Callable[[np.ndarray], np.ndarray]
"""Points (N, 3) to the distances of all zones, shape (N, zones)."""


def _axis(parts: list[tuple[float, float, float]]) -> np.ndarray:
    """Return a grid's lines from (start, end, step) pieces, one after the other."""
    return np.concatenate([np.arange(a, b - 1e-9, step) for a, b, step in parts] + [[parts[-1][1]]])


def extract(union: Callable[[np.ndarray], np.ndarray], detail: float = 1.0) -> tuple[np.ndarray, ...]:
    """Return points in the grid's own units, faces, and the grid's lines along x, y and z."""
    fine, coarse = 0.0026 * detail, 0.0052 * detail
    x = _axis([(0.0, 0.09, 0.0026 * detail), (0.09, 0.64, coarse), (0.64, 0.875, fine)])
    y = _axis(
        [(-1.325, -1.20, 0.0040 * detail), (-1.20, 0.09, coarse), (0.09, 0.21, 0.0036 * detail), (0.21, 0.47, fine)]
    )
    z = _axis(
        [(-0.19, -0.10, coarse), (-0.10, 0.05, 0.0036 * detail), (0.05, 0.13, 0.0026 * detail), (0.13, 0.24, coarse)]
    )
    volume = _volume(union, (x, y, z))
    volume, x = np.concatenate([volume[:0:-1], volume]), np.concatenate([-x[:0:-1], x])
    points, faces, _, _ = marching_cubes(volume, 0.0)
    return points, faces, (x, y, z)


def _volume(union: Callable[[np.ndarray], np.ndarray], axes: tuple[np.ndarray, ...], block: int = 4) -> np.ndarray:
    """Return the distance at each grid point of x >= 0; far from the surface, that of the middle of its block."""
    starts = [np.arange(0, len(axis), block) for axis in axes]
    low = [axis[start] for axis, start in zip(axes, starts, strict=True)]
    high = [axis[np.minimum(start + block, len(axis)) - 1] for axis, start in zip(axes, starts, strict=True)]
    middle = np.stack(np.meshgrid(*((a + b) / 2 for a, b in zip(low, high, strict=True)), indexing="ij"), axis=-1)
    half = np.stack(np.meshgrid(*((b - a) / 2 for a, b in zip(low, high, strict=True)), indexing="ij"), axis=-1)
    coarse = _in_parts(union, middle.reshape(-1, 3)).reshape(middle.shape[:3])
    # Ellipsoids tell a shorter way than there is when their surface is far, so the margin is wide.
    near = np.abs(coarse) < 1.4 * np.linalg.norm(half, axis=-1) + 0.006
    owner = np.ix_(*(np.arange(len(axis)) // block for axis in axes))
    volume, chosen = coarse[owner].astype(np.float32), near[owner]
    x, y, z = np.nonzero(chosen)
    volume[chosen] = _in_parts(union, np.stack([axes[0][x], axes[1][y], axes[2][z]], axis=1))
    return volume


def _in_parts(union: Callable[[np.ndarray], np.ndarray], points: np.ndarray, size: int = 1 << 16) -> np.ndarray:
    parts = [union(points[k : k + size].astype(np.float32)) for k in range(0, len(points), size)]
    return np.concatenate(parts)


def largest(points: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest connected piece alone."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    graph = coo_matrix((np.ones(len(edges)), edges.T), shape=(len(points), len(points)))
    label = connected_components(graph, directed=False)[1]
    keep = label == np.bincount(label).argmax()
    new = np.cumsum(keep) - 1
    return points[keep], new[faces[keep[faces].all(axis=1)]]


def simplified(points: np.ndarray, faces: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a mesh of `count` triangles."""
    points, faces = fast_simplification.simplify(
        points.astype(np.float32), faces.astype(np.int32), target_count=count, agg=7
    )
    return points.astype(float), faces.astype(int)


def to_metres(points: np.ndarray, axes: tuple[np.ndarray, ...]) -> np.ndarray:
    """Return places of points given in the grid's units."""
    return np.stack([np.interp(points[:, k], np.arange(len(axes[k])), axes[k]) for k in range(3)], axis=1)


def settle(points: np.ndarray, union: Callable[[np.ndarray], np.ndarray], rounds: int = 3) -> np.ndarray:
    """Return points moved onto the surface."""
    step = 4e-4
    for _ in range(rounds):
        value = union(points.astype(np.float32))
        shifted = [
            union((points + step * e).astype(np.float32)) - union((points - step * e).astype(np.float32))
            for e in np.eye(3)
        ]
        slope = np.stack(shifted, axis=1) / (2 * step)
        size = np.maximum((slope**2).sum(axis=1), 0.1)
        points = points - np.clip(value / size, -0.003, 0.003)[:, None] * slope
    return points


def cut_zones(points: np.ndarray, faces: np.ndarray, fields: Fields) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mesh with triangles cut where zones meet, and the zone of each face."""
    values = fields(points.astype(np.float32))
    label = values.argmin(axis=1)
    extra: dict[tuple[int, int], int] = {}
    added: list[np.ndarray] = []

    def between(a: int, b: int) -> int:
        a, b = min(a, b), max(a, b)
        if (a, b) not in extra:
            first, second = (values[k, label[b]] - values[k, label[a]] for k in (a, b))
            share = np.clip(first / (first - second + 1e-12), 0.1, 0.9)
            extra[a, b] = len(points) + len(added)
            added.append(points[a] + share * (points[b] - points[a]))
        return extra[a, b]

    out, zones = [], []
    for face in faces:
        kinds = label[face]
        if (kinds == kinds[0]).all():
            out.append(tuple(face))
            zones.append(kinds[0])
        elif len(set(kinds)) == 2:
            lone = next(k for k in range(3) if (kinds == kinds[k]).sum() == 1)
            a, b, c = (int(face[(lone + k) % 3]) for k in range(3))
            ab, ac = between(a, b), between(a, c)
            out += [(a, ab, ac), (ab, b, c), (ab, c, ac)]
            zones += [label[a], label[b], label[b]]
        else:
            a, b, c = map(int, face)
            ab, bc, ca = between(a, b), between(b, c), between(c, a)
            out += [(a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca)]
            zones += [label[a], label[b], label[c], label[a]]
    return np.concatenate([points, np.reshape(added, (-1, 3))]), np.array(out), np.array(zones)
