"""Inverse-kinematics tasks beside those of mink: for ball joints, for two people in one model, for surfaces."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import mink
import mujoco
import numpy as np

from .stage import Flesh


def world_point(configuration: mink.Configuration, body: int, local: np.ndarray) -> np.ndarray:
    """A body's point in the world [m]."""
    data = configuration.data
    return data.xpos[body] + data.xmat[body].reshape(3, 3) @ local


def point_jacobian(configuration: mink.Configuration, body: int, point: np.ndarray) -> np.ndarray:
    """Velocity of the body's material at a world point per velocity of the joints, shape (3, nv)."""
    jacobian = np.empty((3, configuration.nv))
    mujoco.mj_jac(configuration.model, configuration.data, jacobian, None, point, body)
    return jacobian


class PointTask(mink.Task):
    """A body's point at a place in the world, or at a place fixed to another body.

    Attributes:
        target: In the world, or in the other body's frame [m], shape (3,).
    """

    def __init__(
        self,
        body: int,
        local: np.ndarray,
        target: np.ndarray,
        cost: float | Sequence[float],
        *,
        other: int | None = None,
    ) -> None:
        super().__init__(cost=np.broadcast_to(np.asarray(cost, dtype=float), 3).copy())
        self.body, self.local, self.target, self.other = body, np.asarray(local), np.asarray(target), other

    def compute_error(self, configuration: mink.Configuration) -> np.ndarray:
        """Place minus target, shape (3,)."""
        point = world_point(configuration, self.body, self.local)
        if self.other is None:
            return point - self.target
        data = configuration.data
        return data.xmat[self.other].reshape(3, 3).T @ (point - data.xpos[self.other]) - self.target

    def compute_jacobian(self, configuration: mink.Configuration) -> np.ndarray:
        """Shape (3, nv)."""
        point = world_point(configuration, self.body, self.local)
        jacobian = point_jacobian(configuration, self.body, point)
        if self.other is None:
            return jacobian
        rotation = configuration.data.xmat[self.other].reshape(3, 3)
        return rotation.T @ (jacobian - point_jacobian(configuration, self.other, point))


class ComTask(mink.Task):
    """One person's centre of mass over a place on the ground (mink's own takes the whole model for one body)."""

    def __init__(self, root: int, target: np.ndarray, cost: float) -> None:
        super().__init__(cost=np.array([cost, cost]))
        self.root, self.target = root, np.asarray(target)

    def compute_error(self, configuration: mink.Configuration) -> np.ndarray:
        """Shape (2,)."""
        return configuration.data.subtree_com[self.root, :2] - self.target

    def compute_jacobian(self, configuration: mink.Configuration) -> np.ndarray:
        """Shape (2, nv)."""
        jacobian = np.empty((3, configuration.nv))
        mujoco.mj_jacSubtreeCom(configuration.model, configuration.data, jacobian, self.root)
        return jacobian[:2]


class PostureTask(mink.Task):
    """Every joint near a reference, pelvis included (mink's own leaves free joints out)."""

    def __init__(self, reference: np.ndarray, cost: np.ndarray) -> None:
        super().__init__(cost=cost)
        self.reference = reference

    def compute_error(self, configuration: mink.Configuration) -> np.ndarray:
        """Shape (nv,)."""
        error = np.empty(configuration.nv)
        mujoco.mj_differentiatePos(configuration.model, error, 1.0, self.reference, configuration.q)
        return error

    def compute_jacobian(self, configuration: mink.Configuration) -> np.ndarray:
        """Identity: exact to first order in the error, shape (nv, nv)."""
        return np.eye(configuration.nv)


class LimitTask(mink.Task):
    """Ball joints inside a box of rotation vectors; what sticks out is pulled back.

    Attributes:
        qpos: Addresses of the quaternions, shape (J, 4).
        qvel: Addresses of the velocities, shape (J, 3).
        low: Smallest rotation vector [rad], shape (J, 3).
        high: Largest rotation vector [rad], shape (J, 3).
    """

    def __init__(self, qpos: np.ndarray, qvel: np.ndarray, low: np.ndarray, high: np.ndarray, cost: float) -> None:
        super().__init__(cost=np.full(low.size, cost))
        self.qpos, self.qvel, self.low, self.high = qpos, qvel, low, high

    def _rotvecs(self, configuration: mink.Configuration) -> np.ndarray:
        rotvecs = np.empty(self.low.shape)
        for k, address in enumerate(self.qpos):
            mujoco.mju_quat2Vel(rotvecs[k], configuration.data.qpos[address], 1.0)
        return rotvecs

    def compute_error(self, configuration: mink.Configuration) -> np.ndarray:
        """Excess, shape (3J,)."""
        rotvecs = self._rotvecs(configuration)
        return (rotvecs - np.clip(rotvecs, self.low, self.high)).ravel()

    def compute_jacobian(self, configuration: mink.Configuration) -> np.ndarray:
        """Rows of components inside their limits are zero, shape (3J, nv)."""
        rotvecs = self._rotvecs(configuration)
        active = (rotvecs < self.low) | (rotvecs > self.high)
        jacobian = np.zeros((rotvecs.size, configuration.nv))
        for k in np.flatnonzero(active.any(axis=1)):
            rows = np.where(active[k][:, None], _rotvec_rate(rotvecs[k]), 0.0)
            jacobian[3 * k : 3 * k + 3, self.qvel[k]] = rows
        return jacobian


def _rotvec_rate(rotvec: np.ndarray) -> np.ndarray:
    """Derivative of a rotation vector by the local angular velocity (inverse right Jacobian of SO(3)), (3, 3)."""
    angle = float(np.linalg.norm(rotvec))
    x, y, z = rotvec
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    factor = 1 / 12 if angle < 1e-4 else 1 / angle**2 - (1 + np.cos(angle)) / (2 * angle * np.sin(angle))
    return np.eye(3) + skew / 2 + factor * skew @ skew


class PoleTask(mink.Task):
    """The middle joint of a limb (elbow, knee) on a given side of the line between its ends."""

    def __init__(self, bodies: tuple[int, int, int], offset: np.ndarray, cost: float) -> None:
        super().__init__(cost=np.full(3, cost))
        self.bodies, self.offset = bodies, offset

    def compute_error(self, configuration: mink.Configuration) -> np.ndarray:
        """Shape (3,)."""
        first, middle, last = configuration.data.xpos[list(self.bodies)]
        return middle - (first + last) / 2 - self.offset

    def compute_jacobian(self, configuration: mink.Configuration) -> np.ndarray:
        """Shape (3, nv)."""
        first, middle, last = (point_jacobian(configuration, b, configuration.data.xpos[b]) for b in self.bodies)
        return middle - (first + last) / 2


class AimTask(mink.Task):
    """An axis of a body pointing at something: a gaze, a palm."""

    def __init__(
        self, body: int, axis: np.ndarray, target: Callable[[mink.Configuration], np.ndarray], cost: float
    ) -> None:
        super().__init__(cost=np.full(3, cost))
        self.body, self.axis, self.target = body, np.asarray(axis, dtype=float), target

    def _axis(self, configuration: mink.Configuration) -> np.ndarray:
        return configuration.data.xmat[self.body].reshape(3, 3) @ self.axis

    def compute_error(self, configuration: mink.Configuration) -> np.ndarray:
        """Difference of the unit vectors, shape (3,)."""
        way = self.target(configuration) - configuration.data.xpos[self.body]
        return self._axis(configuration) - way / max(float(np.linalg.norm(way)), 1e-6)

    def compute_jacobian(self, configuration: mink.Configuration) -> np.ndarray:
        """Shape (3, nv); the target is taken as standing still."""
        rotation = np.empty((3, configuration.nv))
        mujoco.mj_jacBody(configuration.model, configuration.data, None, rotation, self.body)
        x, y, z = self._axis(configuration)
        return -np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]) @ rotation


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

    def __init__(self, first: Flesh, second: Flesh, target: float, cost: float) -> None:
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
        """One number for each near contact."""
        return self._rows(configuration)[0]

    def compute_jacobian(self, configuration: mink.Configuration) -> np.ndarray:
        """One row for each near contact."""
        return self._rows(configuration)[1]

    def compute_qp_residual(self, configuration: mink.Configuration) -> tuple[np.ndarray, np.ndarray, float]:
        """Both at once, so that collision detection runs once."""
        errors, rows = self._rows(configuration)
        return self.cost * rows, -self.cost * errors, 0.0


class ClearTask(mink.Task):
    """Two groups of flesh at least a margin apart, for parts whose contacts the model leaves out."""

    def __init__(self, first: Sequence[Flesh], second: Sequence[Flesh], *, margin: float, cost: float) -> None:
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
        """One number for each near pair."""
        return self._rows(configuration)[0]

    def compute_jacobian(self, configuration: mink.Configuration) -> np.ndarray:
        """One row for each near pair."""
        return self._rows(configuration)[1]

    def compute_qp_residual(self, configuration: mink.Configuration) -> tuple[np.ndarray, np.ndarray, float]:
        """Both at once."""
        errors, rows = self._rows(configuration)
        return self.cost * rows, -self.cost * errors, 0.0


def solve(
    configuration: mink.Configuration,
    tasks: Sequence[mink.Task],
    *,
    iterations: int,
    damping: float = 1e-3,
    tolerance: float = 1e-5,
    step: float = 0.25,
) -> int:
    """Levenberg-Marquardt on the tasks' weighted least squares; changes the configuration in place.

    Unlike one mink step after the other, a step that makes things worse is taken back: contacts that come and go
    would otherwise make the solution chatter between two poses.

    Args:
        configuration: Where to start and what to change.
        tasks: What to fulfil.
        iterations: At most so many steps.
        damping: Smallest and first addition to the Hessian's diagonal.
        tolerance: Largest joint step at which it is done [rad or m].
        step: Longest step of any joint [rad or m].

    Returns:
        The number of steps tried.
    """
    mu = damping
    jacobian, error = _stacked(configuration, tasks)
    for k in range(iterations):
        hessian = jacobian.T @ jacobian
        hessian.flat[:: configuration.nv + 1] += mu
        change = np.linalg.solve(hessian, jacobian.T @ error)
        longest = float(np.abs(change).max())
        if longest < tolerance:
            return k + 1
        before = configuration.q
        configuration.integrate_inplace(change * min(1.0, step / longest), 1.0)
        next_jacobian, next_error = _stacked(configuration, tasks)
        if next_error @ next_error <= error @ error:
            jacobian, error, mu = next_jacobian, next_error, max(mu / 4, damping)
        else:
            configuration.update(before)
            mu *= 8
    return iterations


def _stacked(configuration: mink.Configuration, tasks: Sequence[mink.Task]) -> tuple[np.ndarray, np.ndarray]:
    """Cost-weighted Jacobian and negative error of all tasks."""
    parts = [task.compute_qp_residual(configuration) for task in tasks]
    return np.vstack([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
