"""Settled start states: people pressed into the floor by as much as it takes to carry them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.physics.backend import Backend, EngineOptions, PairState
from controller_server.physics.engines import BUILT_IN, make_backend

from .reference import Reference

_REACH = 0.02  # m a person is moved at most
_TRIED = 21
_ROUNDS = 2  # each person's place depends a little on the partner's


def settled_start(pair: PairBody, reference: Reference, engine: str = BUILT_IN) -> PairState:
    """Return the reference's first state with each person moved up or down to where contacts carry them.

    A prepared clip stands on the floor without pressing on it. Simulated from there people fall for a tenth of a second
    and are caught with twice their weight, several times. The height is searched at which the first physics
    step accelerates a person's centre of mass as the reference does.

    Args:
        pair: The bodies.
        reference: The reference motion.
        engine: Name of the engine.

    Returns:
        n = 1. Who is in the air, or whom nothing near carries, stays where they are.
    """
    start, row = reference.state[:1], reference.row(1)
    ahead = reference.opening[row]
    heights = np.linspace(-_REACH, _REACH, _TRIED)
    worlds = make_backend(engine, pair, _TRIED, EngineOptions(threads=1, sensors=False))
    wanted = (reference.com_velocity[row, :, 2] - reference.com_velocity[0, :, 2]) * reference.hz
    for _ in range(_ROUNDS):
        for person in range(2):
            gained = _acceleration(worlds, start, ahead, reference.grips[0], person, heights)
            root = start.root_position.copy()
            root[0, person, 2] += _crossing(heights, gained - wanted[person])
            start = replace(start, root_position=root)
    return start


def _acceleration(
    worlds: Backend, start: PairState, targets: np.ndarray, grips: np.ndarray, person: int, heights: np.ndarray
) -> np.ndarray:
    """Return the vertical acceleration of a person's centre of mass at heights over the start [m/s2]."""
    states = start[np.zeros(len(heights), int)]
    root = states.root_position.copy()
    root[:, person, 2] += heights
    worlds.set_state(replace(states, root_position=root))
    worlds.set_targets(np.repeat(targets[None], len(heights), axis=0))
    worlds.set_grips(grips)
    before = worlds.com_velocity()[:, person, 2].copy()
    worlds.step_unchecked(1)
    return (worlds.com_velocity()[:, person, 2] - before) * worlds.pair.physics_hz


def _crossing(heights: np.ndarray, excess: np.ndarray) -> float:
    """Return the highest height at which an excess that falls with height passes zero; 0 where it never does."""
    above = np.flatnonzero((excess[:-1] >= 0) & (excess[1:] < 0))
    if not above.size:
        return 0.0
    k = above[-1]
    share = excess[k] / (excess[k] - excess[k + 1])
    return float(heights[k] + share * (heights[k + 1] - heights[k]))
