"""How far worlds are from the reference: the cost a search goes down."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..body.pair import PairBody
from ..clip.rotation import quat_conj, quat_mul
from ..clip.skeleton import JOINT_NAMES
from ..physics.backend import Backend
from .reference import FOOT_ROWS, Reference

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
        slide: Horizontal speed of a foot that stands in the reference [m/s] at which it costs half of `sliding`.
        sliding: What a foot costs at most that slides: no more, because a step out of place may save a fall.
    """

    pair: PairBody
    position: float = 0.05
    orientation: float = 0.25
    com: float = 0.06
    capture: float = 0.08
    height: float = 0.06
    slide: float = 0.3
    sliding: float = 3.0

    @cached_property
    def _weights(self) -> np.ndarray:
        weights = np.array(
            [_HEAVY.get(JOINT_NAMES[j].split("_")[-1], 1.0) if j < 22 else 0.1 for j in self.pair.joints]
        )
        return weights / weights.sum()

    @cached_property
    def _trunk_rows(self) -> list[int]:
        return [0, self.pair.joints.index(JOINT_NAMES.index("spine3"))]

    def __call__(self, backend: Backend, reference: Reference, frame: int) -> np.ndarray:
        """Cost of each person in each world at a control frame, shape (N, 2)."""
        row = reference.row(frame)
        positions = backend.positions()
        error = positions - reference.positions[row]
        squared = np.einsum("npbi,npbi->npb", error, error)
        cost = squared @ self._weights / self.position**2
        quats = backend.quats()[:, :, self._trunk_rows]
        turn = quat_mul(quat_conj(quats), reference.quats[None, row][:, :, self._trunk_rows])
        sine = np.einsum("npbi,npbi->npb", turn[..., 1:], turn[..., 1:])
        cost += (4 * sine).sum(axis=-1) / self.orientation**2  # (2 sin(a/2))^2, a^2 for small angles
        com = backend.com() - reference.com[row]
        capture = com[..., :2] + (backend.com_velocity() - reference.com_velocity[row])[..., :2] / 3.13
        cost += np.einsum("npi,npi->np", com, com) / self.com**2
        cost += np.einsum("npi,npi->np", capture, capture) / self.capture**2
        cost += error[:, :, 0, 2] ** 2 / self.height**2
        slip = backend.linear_velocity()[:, :, FOOT_ROWS, :2]
        squared = np.einsum("npfi,npfi->npf", slip, slip)
        share = squared / (squared + self.slide**2)
        cost += self.sliding * np.einsum("npf,pf->np", share, reference.standing[row])
        return cost
