"""Inverse-kinematics tasks about surfaces: palms that touch, people who do not go through things."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import mink
import mujoco
import numpy as np

from .posing_scene import CollisionGeom
from .tasks import point_jacobian, world_point

_TOWARDS_MIDDLE = 0.08


def nearest_on_segments(
    a0: np.ndarray, a1: np.ndarray, b0: np.ndarray, b1: np.ndarray, *, pull: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Nearest points of two segments (Ericson, Real-Time Collision Detection, 5.1.9).

    Args:
        a0: First end of the first segment [m], shape (3,).
        a1: Its last end.
        b0: First end of the second segment.
        b1: Its last end.
        pull: How strongly the points are drawn to the segments' middles, relative to the distance. A little makes
            them move smoothly where the segments are nearly parallel; 0 is exact.

    Returns:
        The two points.
    """
    d1, d2, r = a1 - a0, b1 - b0, a0 - b0
    a, e, f, c, b = d1 @ d1, d2 @ d2, d2 @ r, d1 @ r, d1 @ d2
    pa, pe = pull * a, pull * e
    # Minimise |a(s) - b(t)|^2 + pa (s - 1/2)^2 + pe (t - 1/2)^2 over the unit square.
    aa, ee, ca, fe = a + pa, e + pe, c - pa / 2, f + pe / 2
    if aa < 1e-12 and ee < 1e-12:
        return a0, b0
    if aa < 1e-12:
        return a0, b0 + d2 * np.clip(fe / ee, 0, 1)
    if ee < 1e-12:
        return a0 + d1 * np.clip(-ca / aa, 0, 1), b0
    denominator = aa * ee - b * b
    s = np.clip((b * fe - ca * ee) / denominator, 0, 1) if denominator > 1e-12 * aa * ee else 0.5
    t = (b * s + fe) / ee
    if t < 0:
        t, s = 0.0, np.clip(-ca / aa, 0, 1)
    elif t > 1:
        t, s = 1.0, np.clip((b - ca) / aa, 0, 1)
    return a0 + d1 * s, b0 + d2 * t


class GapTask(mink.Task):
    """Distance between two people's surfaces; negative is inside."""

    def __init__(self, first: CollisionGeom, second: CollisionGeom, target: float, cost: float) -> None:
        super().__init__(cost=np.array([cost]))
        self.first, self.second, self.target = first, second, target

    def _points(self, configuration: mink.Configuration) -> tuple[np.ndarray, np.ndarray]:
        ends = [
            world_point(configuration, flesh.body, local)
            for flesh in (self.first, self.second)
            for local in (flesh.start, flesh.end)
        ]
        return nearest_on_segments(*ends, pull=_TOWARDS_MIDDLE)

    def gap(self, configuration: mink.Configuration) -> float:
        """Distance of the surfaces [m]."""
        p, q = self._points(configuration)
        return float(np.linalg.norm(q - p)) - self.first.radius - self.second.radius

    def compute_error(self, configuration: mink.Configuration) -> np.ndarray:
        """Shape (1,)."""
        return np.array([self.gap(configuration) - self.target])

    def compute_jacobian(self, configuration: mink.Configuration) -> np.ndarray:
        """Shape (1, nv)."""
        p, q = self._points(configuration)
        normal = (q - p) / max(float(np.linalg.norm(q - p)), 1e-9)
        rate = point_jacobian(configuration, self.second.body, q) - point_jacobian(configuration, self.first.body, p)
        return (normal @ rate)[None]


class ApartTask(mink.Task):
    """Everything that may collide at least a margin apart; near things push each other away.

    Attributes:
        margin: Distance that two geoms keep [m]; None where they may do as they like.
    """

    def __init__(self, margin: Callable[[int, int], float | None], cost: float) -> None:
        super().__init__(cost=np.array([cost]))
        self.margin = margin

    def _rows(self, configuration: mink.Configuration) -> tuple[np.ndarray, np.ndarray]:
        model, data = configuration.model, configuration.data
        mujoco.mj_collision(model, data)
        errors, rows = [], []
        if data.ncon:
            distances, geoms, points = data.contact.dist, data.contact.geom, data.contact.pos
            normals = data.contact.frame[:, :3]
            for k in range(data.ncon):
                first, second = int(geoms[k, 0]), int(geoms[k, 1])
                margin = self.margin(first, second)
                if margin is None or distances[k] >= margin:
                    continue
                a, b = model.geom_bodyid[first], model.geom_bodyid[second]
                rate = point_jacobian(configuration, b, points[k]) - point_jacobian(configuration, a, points[k])
                errors.append(distances[k] - margin)
                rows.append(normals[k] @ rate)
        return np.array(errors), np.array(rows).reshape(-1, configuration.nv)

    def compute_error(self, configuration: mink.Configuration) -> np.ndarray:
        """Return one number for each near contact."""
        return self._rows(configuration)[0]

    def compute_jacobian(self, configuration: mink.Configuration) -> np.ndarray:
        """Return one row for each near contact."""
        return self._rows(configuration)[1]

    def compute_qp_residual(self, configuration: mink.Configuration) -> tuple[np.ndarray, np.ndarray, float]:
        """Return both at once, so that collision detection runs once."""
        errors, rows = self._rows(configuration)
        return self.cost * rows, -self.cost * errors, 0.0


class ClearTask(mink.Task):
    """Two groups of flesh at least a margin apart, for parts whose contacts the model leaves out."""

    def __init__(
        self, first: Sequence[CollisionGeom], second: Sequence[CollisionGeom], *, margin: float, cost: float
    ) -> None:
        super().__init__(cost=np.array([cost]))
        self.first, self.second, self.margin = first, second, margin

    def _near(self, configuration: mink.Configuration) -> list[tuple[GapTask, float]]:
        """Pairs that are too close, with their distance."""
        near = []
        ends = {
            flesh.body: (
                world_point(configuration, flesh.body, flesh.start),
                world_point(configuration, flesh.body, flesh.end),
            )
            for flesh in (*self.first, *self.second)
        }
        for a in self.first:
            for b in self.second:
                (a0, a1), (b0, b1) = ends[a.body], ends[b.body]
                reach = a.radius + b.radius + self.margin + a.half_length + b.half_length
                apart = (a0 + a1 - b0 - b1) / 2
                if apart @ apart > reach * reach:
                    continue
                p, q = nearest_on_segments(a0, a1, b0, b1)
                distance = float(np.linalg.norm(q - p)) - a.radius - b.radius
                if distance < self.margin:
                    near.append((GapTask(a, b, target=self.margin, cost=1.0), distance))
        return near

    def _rows(self, configuration: mink.Configuration) -> tuple[np.ndarray, np.ndarray]:
        near = self._near(configuration)
        rows = [task.compute_jacobian(configuration) for task, _ in near]
        errors = np.array([distance - self.margin for _, distance in near])
        return errors, np.concatenate(rows) if rows else np.zeros((0, configuration.nv))

    def compute_error(self, configuration: mink.Configuration) -> np.ndarray:
        """Return one number for each near pair."""
        return self._rows(configuration)[0]

    def compute_jacobian(self, configuration: mink.Configuration) -> np.ndarray:
        """Return one row for each near pair."""
        return self._rows(configuration)[1]

    def compute_qp_residual(self, configuration: mink.Configuration) -> tuple[np.ndarray, np.ndarray, float]:
        """Return both at once."""
        errors, rows = self._rows(configuration)
        return self.cost * rows, -self.cost * errors, 0.0
