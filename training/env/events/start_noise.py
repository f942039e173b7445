"""Noise of start states: place, heading, joints, velocities."""

from __future__ import annotations

import numpy as np

from controller_server.evaluation.start_noise import Noise, noisy_start
from controller_server.physics.backend import PairState
from controller_server.terms import event

from .context import Effect, EventContext


@event(when="start")
def start_noise(
    c: EventContext,
    *,
    factor: float = 1.0,
    place: float = Noise.place,
    heading: float = Noise.heading,
    joint: float = Noise.joint,
    velocity: float = Noise.velocity,
    joint_velocity: float = Noise.joint_velocity,
) -> Effect:
    """Return start states with noise, of a factor on the standard deviations; kept ones stay as they are."""
    assert c.state is not None and c.kept is not None
    sizes = {"place": place, "heading": heading, "joint": joint, "velocity": velocity, "joint_velocity": joint_velocity}
    noise = Noise(**{name: factor * size for name, size in sizes.items()})
    noisy = noisy_start(c.state, c.pair, 1, c.rng, noise)
    picked = {
        name: np.where(c.kept.reshape(-1, *[1] * (value.ndim - 1)), getattr(c.state, name), value)
        for name, value in vars(noisy).items()
    }
    return Effect(state=PairState(**picked))
