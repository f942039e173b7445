"""A scene in which everything happens at once: falls, pushes, pulls, grips."""

from __future__ import annotations

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.physics.backend import Backend, PairState

from .scenes import STANDING, arms_down, on_floor, random_targets, reach, repeated, start


class Struggle:
    """Two people close to each other with targets, grips and pushes that change every control frame.

    Args:
        pair: Who.
        n: Worlds, each with another start and another course.
        spread: Size of the targets' offsets from standing, as a share of up to 150 degrees.
    """

    def __init__(self, pair: PairBody, n: int, *, spread: float = 0.3) -> None:
        rng = np.random.default_rng(11)
        self.rest = np.stack([arms_down(pair)] * 2)
        # Shoulder to shoulder, so that the first contact comes soon and is no overlap.
        apart = reach(pair.supporter, STANDING, self.rest[0], (1, 0, 0))
        apart += reach(pair.recipient, STANDING, self.rest[1], (-1, 0, 0))
        start_state = repeated(on_floor(pair, STANDING, self.rest, apart=apart, above=0.02), n)
        roots = start_state.root_position + rng.normal(0, 0.01, (n, 2, 3))
        spin = rng.normal(0, 0.2, (n, 2, 3))
        speed = np.zeros((n, 2, 3))
        speed[:, :, 0] = [0.5, -0.5]  # m/s, towards each other
        self.state = PairState(roots, start_state.local_quats, speed, spin, start_state.joint_velocity)
        self.frames = 30
        self.targets = self.rest + spread * random_targets(rng, (self.frames, n, *self.rest.shape[:2]))
        self.grips = rng.integers(0, 2, (self.frames, n, 2, 2)).astype(float)
        self.wrench = rng.normal(0, 50, (self.frames, n, 2, 6))

    def begin(self, backend: Backend, worlds: np.ndarray) -> None:
        """Put a backend's worlds at the start of the courses `worlds`."""
        start(backend, self.state[worlds], self.rest)

    def play(self, backend: Backend, frames: range, worlds: np.ndarray) -> None:
        """Play control frames of the courses `worlds`."""
        for frame in frames:
            self.command(backend, frame, worlds)
            backend.step(backend.pair.substeps)

    def command(self, backend: Backend, frame: int, worlds: np.ndarray) -> None:
        """Set targets, grips and pushes of one control frame."""
        backend.set_targets(self.targets[frame, worlds])
        if backend.capabilities.grip:
            backend.set_grips(self.grips[frame, worlds])
        backend.set_wrench(self.wrench[frame, worlds])
