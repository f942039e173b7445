"""The cost that the search minimises: distance of worlds from the reference."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.clip.rotation import quat_conj, quat_mul
from controller_server.clip.skeleton import JOINT_NAMES
from controller_server.control.footing import Footing
from controller_server.control.reference.reference import Reference
from controller_server.physics.backend import Backend

_HEAVY = {"pelvis": 3.0, "wrist": 2.0, "ankle": 1.5, "foot": 1.5, "head": 1.5}


@dataclass(frozen=True)
class TrackingCost:
    """Sum of squared errors, each against the size of error that counts as one.

    Attributes:
        pair: Whose bodies.
        position: Root of the weighted mean of squared joint distances [m].
        orientation: Rotation of the pelvis and of the chest [rad].
        com: Centre of mass [m].
        capture: Capture point, com + velocity / omega with omega = sqrt(g / 1 m): where it will come to rest [m].
        height: Height of the pelvis [m]: falling short by sagging must not pay.
        slip: How far beyond 1 cm from where it came down a standing foot is [m] at which it costs half of `slipping`.
        slipping: What a foot costs at most that slips: no more, because a step out of place may save a fall.
        grasp: How far a holding hand is from its place on the partner [m] at which it costs half of `letting_go`.
        letting_go: What a hand costs at most that does not hold: a hold that is lost is no reason to run after it.
        bounce: Vertical acceleration of the centre of mass beyond the reference's [m/s^2] that costs half of
            `bouncing`.
        bouncing: What it costs at most.
    """

    pair: PairBody
    position: float = 0.05
    orientation: float = 0.25
    com: float = 0.06
    capture: float = 0.08
    height: float = 0.06
    slip: float = 0.015
    slipping: float = 3.0
    grasp: float = 0.05
    letting_go: float = 2.0
    bounce: float = 2.0
    bouncing: float = 1.0

    @cached_property
    def _weights(self) -> np.ndarray:
        weights = np.array(
            [_HEAVY.get(JOINT_NAMES[j].split("_")[-1], 1.0) if j < 22 else 0.1 for j in self.pair.joints]
        )
        return weights / weights.sum()

    @cached_property
    def _trunk_rows(self) -> list[int]:
        return [0, self.pair.joints.index(JOINT_NAMES.index("spine3"))]

    def __call__(
        self, backend: Backend, reference: Reference, frame: int, footing: Footing, rising: np.ndarray
    ) -> np.ndarray:
        """Cost of each person in each world at a control frame, shape (N, 2).

        Args:
            backend: The worlds.
            reference: What they are to follow.
            frame: Control frame they are at.
            footing: What stands where.
            rising: Vertical velocity of the centres of mass one control frame ago [m/s], shape (N, 2).
        """
        row = reference.row(frame)
        positions = backend.positions()
        error = positions - reference.positions[row]
        squared = np.einsum("npbi,npbi->npb", error, error)
        cost = squared @ self._weights / self.position**2
        quats = backend.quats()[:, :, self._trunk_rows]
        turn = quat_mul(quat_conj(quats), reference.quats[None, row][:, :, self._trunk_rows])
        sine = np.einsum("npbi,npbi->npb", turn[..., 1:], turn[..., 1:])
        cost += (4 * sine).sum(axis=-1) / self.orientation**2  # (2 sin(a/2))^2, a^2 for small angles
        com, velocity = backend.com() - reference.com[row], backend.com_velocity()
        capture = com[..., :2] + (velocity - reference.com_velocity[row])[..., :2] / 3.13
        cost += np.einsum("npi,npi->np", com, com) / self.com**2
        cost += np.einsum("npi,npi->np", capture, capture) / self.capture**2
        cost += error[:, :, 0, 2] ** 2 / self.height**2
        cost += self.slipping * _share(footing.slip(backend), self.slip).sum(axis=-1)
        gap = reference.grasp.gap(backend, row)
        gap = _share(np.einsum("nphi,nphi->nph", gap, gap), self.grasp)
        cost += self.letting_go * (gap * reference.grasp.weight[row]).sum(axis=-1)
        change = (velocity[..., 2] - rising) * reference.hz
        before = reference.com_velocity[reference.row(frame - 1), :, 2]
        meant = (reference.com_velocity[row, :, 2] - before) * reference.hz
        cost += self.bouncing * _share((change - meant) ** 2, self.bounce)
        return cost


def _share(squared: np.ndarray, half: float) -> np.ndarray:
    """Return the square of an error against the size that counts half, never more than one."""
    return squared / (squared + half**2)
