"""A reference laid out for observing: one row of arrays a control frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller_server.clip.rotation import quat_heading
from controller_server.core.arrays import Array

from .reference import Reference


@dataclass(frozen=True)
class Bodies:
    """Poses and velocities of N pairs of people of B bodies, world axes.

    Attributes:
        positions: Positions of the joints [m], shape (N, 2, B, 3).
        quats: Shape (N, 2, B, 4).
        velocities: Velocities of the joints [m/s], shape (N, 2, B, 3).
        spins: Angular velocities [rad/s], shape (N, 2, B, 3).
    """

    positions: Array
    quats: Array
    velocities: Array
    spins: Array


@dataclass(frozen=True)
class ReferenceTrajectory:
    """A reference laid out for observing: float32, one row a control frame.

    The rows may be those of several clips, one after another (`joined.Joined`); then each world has its own among them.

    Attributes:
        frames: Shapes (K, 2, B, ·).
        headings: Headings of the pelvises (`quat_heading`), shape (K, 2, 4).
        com: Centre of mass [m] and its velocity [m/s], shape (K, 2, 2, 3).
        grips: Shape (K, 2, 2).
        hz: Control frames a second.
        first: Row at which each world's clip begins, shape (N,), or the same for all.
        length: Control frames of each world's clip, shape (N,); None where all follow all rows.
    """

    frames: Bodies
    headings: np.ndarray
    com: np.ndarray
    grips: np.ndarray
    hz: float
    first: np.ndarray | int = 0
    length: np.ndarray | None = None

    @staticmethod
    def of(reference: Reference) -> ReferenceTrajectory:
        """Return the track of a reference."""
        frames = Bodies(
            *(
                np.asarray(a, np.float32)
                for a in (reference.positions, reference.quats, reference.velocities, reference.spins)
            )
        )
        com = np.stack([reference.com, reference.com_velocity], axis=2)
        return ReferenceTrajectory(
            frames,
            quat_heading(frames.quats[:, :, 0]),
            np.asarray(com, np.float32),
            np.asarray(reference.grips, np.float32),
            reference.hz,
        )

    @property
    def n_frames(self) -> int:
        """Number of rows K."""
        return len(self.grips)

    def rows(self, frames: np.ndarray) -> np.ndarray:
        """Return the row of each world at a control frame of its clip, shape (N,).

        Beyond the end the last one holds.
        """
        return self.first + np.minimum(frames, (self.n_frames if self.length is None else self.length) - 1)

    def bodies(self, frames: np.ndarray) -> Bodies:
        """Return the reference at control frames, shape (N,)."""
        rows, of = self.rows(frames), self.frames
        return Bodies(of.positions[rows], of.quats[rows], of.velocities[rows], of.spins[rows])

    def positions(self, frames: np.ndarray) -> np.ndarray:
        """Return positions alone [m], shape (N, 2, B, 3)."""
        return self.frames.positions[self.rows(frames)]

    def com_at(self, frames: np.ndarray) -> np.ndarray:
        """Centre of mass [m] and its velocity [m/s], shape (N, 2, 2, 3)."""
        return self.com[self.rows(frames)]

    def headings_at(self, frames: np.ndarray) -> np.ndarray:
        """Headings, shape (N, 2, 4)."""
        return self.headings[self.rows(frames)]

    def grips_at(self, frames: np.ndarray) -> np.ndarray:
        """Grips, shape (N, 2, 2)."""
        return self.grips[self.rows(frames)]
