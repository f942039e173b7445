"""Outside help: a bounded external wrench on each pelvis, the last of the fallback strategies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.clip.rotation import quat_conj, quat_mul, rotvec_from_quat
from controller_server.control.reference.reference import Reference
from controller_server.metrics.effort import GRAVITY
from controller_server.physics.backend import Backend

MAX_FORCE = 0.5
"""Bound of assistance at any step in body weights; `metrics.effort.MAX_MEAN_HELP` bounds its mean."""
MAX_TORQUE = 100.0
"""Bound of assistance at any step [N m]."""


@dataclass(frozen=True)
class Assistance:
    """A spring and damper between the pelvis and its reference, silent while the error is small.

    Attributes:
        pair: Whose bodies.
        level: Force limit in body weights, 0 (none) to `MAX_FORCE`; torque is limited in proportion.
        deadband: Position error below which no force acts [m].
        angle_deadband: Rotation error below which no torque acts [rad].
        stiffness: Force per position error beyond the deadband, in body weights per metre.
        damping: In body weights per metre per second.
    """

    pair: PairBody
    level: float
    deadband: float = 0.02
    angle_deadband: float = 0.1
    stiffness: float = 5.0
    damping: float = 0.5

    def wrench(self, backend: Backend, reference: Reference, frame: int) -> np.ndarray:
        """Force [N] and torque [N m] on each pelvis in world axes, shape (N, 2, 6)."""
        row = reference.row(frame)
        weight = np.array([person.mass for person in self.pair.people])[:, None] * GRAVITY
        error = reference.positions[row, :, 0] - backend.positions()[:, :, 0]
        slip = reference.state.root_velocity[row] - backend.linear_velocity()[:, :, 0]
        force = self.stiffness * _beyond(error, self.deadband)
        active = np.linalg.norm(force, axis=-1, keepdims=True) > 0
        force = _limit(force + active * self.damping * slip, self.level) * weight
        turn = rotvec_from_quat(quat_mul(reference.quats[row, :, 0], quat_conj(backend.quats()[:, :, 0])))
        spin = reference.state.root_spin[row] - backend.angular_velocity()[:, :, 0]
        torque = 300.0 * _beyond(turn, self.angle_deadband)
        active = np.linalg.norm(torque, axis=-1, keepdims=True) > 0
        torque = _limit(torque + active * 30.0 * spin, MAX_TORQUE * self.level / MAX_FORCE)
        return np.concatenate([force, torque], axis=-1)


def _beyond(vector: np.ndarray, deadband: float) -> np.ndarray:
    """Return the part of a vector beyond a dead band around zero."""
    norm = np.linalg.norm(vector, axis=-1, keepdims=True)
    return vector * np.maximum(norm - deadband, 0) / np.maximum(norm, 1e-9)


def _limit(vector: np.ndarray, longest: float) -> np.ndarray:
    norm = np.linalg.norm(vector, axis=-1, keepdims=True)
    return vector * np.minimum(1.0, longest / np.maximum(norm, 1e-9))
