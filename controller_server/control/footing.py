"""Stance anchors: each foot is to stay where it really came down, not where it was drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller_server.control.reference.reference import FOOT_ROWS, Reference
from controller_server.physics.backend import Backend

_LOW = 0.02  # m over its height in the reference: a foot that is higher has not come down yet

_GIVE = 0.01  # m a foot may settle: nobody sees it


@dataclass(frozen=True)
class Footing:
    """Anchors of the feet's bodies in N worlds.

    Attributes:
        held: Which of FOOT_ROWS stand, shape (N, 2, 4).
        place: Where they came to stand [m], shape (N, 2, 4, 2); without meaning where they do not.
    """

    held: np.ndarray
    place: np.ndarray

    @staticmethod
    def none(n_worlds: int = 1) -> Footing:
        """Return nobody stands yet."""
        return Footing(np.zeros((n_worlds, 2, 4), bool), np.zeros((n_worlds, 2, 4, 2)))

    def fork(self, n_worlds: int) -> Footing:
        """Return the same in each of many worlds, of a single one."""
        return Footing(*(np.repeat(a, n_worlds, axis=0) for a in vars(self).values()))

    def after(self, backend: Backend, reference: Reference, frame: int) -> Footing:
        """Return what stands at a control frame.

        Feet that are to stand and are down; those that stood keep their place.
        """
        row = reference.row(frame)
        now = backend.positions()[:, :, FOOT_ROWS]
        down = now[..., 2] < reference.positions[row][:, FOOT_ROWS, 2] + _LOW
        meant = reference.standing[row] > 0
        held = meant & (self.held | down)
        return Footing(held, np.where((held & ~self.held)[..., None], now[..., :2], self.place))

    def slip(self, backend: Backend) -> np.ndarray:
        """Square of how far each standing foot is beyond 1 cm from its place [m^2], 0 for others, shape (N, 2, 4)."""
        off = np.linalg.norm(backend.positions()[:, :, FOOT_ROWS, :2] - self.place, axis=-1)
        return np.where(self.held, np.maximum(off - _GIVE, 0) ** 2, 0.0)
