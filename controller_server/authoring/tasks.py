"""Inverse-kinematics tasks beside those of mink: for ball joints and for two people in one model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import mink
import mujoco
import numpy as np


def world_point(configuration: mink.Configuration, body: int, local: np.ndarray) -> np.ndarray:
    """Return a body's point in the world [m]."""
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
    """One person's centre of mass over a place on the ground (mink's own takes the whole model for one body).

    Attributes:
        target: x and y, or x, y and z [m], shape (2,) or (3,).
    """

    def __init__(self, root: int, target: np.ndarray, cost: float) -> None:
        super().__init__(cost=np.full(len(target), cost))
        self.root, self.target = root, np.asarray(target)

    def compute_error(self, configuration: mink.Configuration) -> np.ndarray:
        """Shape (2,) or (3,)."""
        return configuration.data.subtree_com[self.root, : len(self.target)] - self.target

    def compute_jacobian(self, configuration: mink.Configuration) -> np.ndarray:
        """Shape (2, nv) or (3, nv)."""
        jacobian = np.empty((3, configuration.nv))
        mujoco.mj_jacSubtreeCom(configuration.model, configuration.data, jacobian, self.root)
        return jacobian[: len(self.target)]


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
        """Return rows of components inside their limits are zero, shape (3J, nv)."""
        rotvecs = self._rotvecs(configuration)
        active = (rotvecs < self.low) | (rotvecs > self.high)
        jacobian = np.zeros((rotvecs.size, configuration.nv))
        for k in np.flatnonzero(active.any(axis=1)):
            rows = np.where(active[k][:, None], _rotvec_rate(rotvecs[k]), 0.0)
            jacobian[3 * k : 3 * k + 3, self.qvel[k]] = rows
        return jacobian


def _rotvec_rate(rotvec: np.ndarray) -> np.ndarray:
    """Return derivative of a rotation vector by the local angular velocity (inverse right Jacobian of SO(3)).

    Shape (3, 3).
    """
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
