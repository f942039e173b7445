"""Pushes on a pelvis, at random moments of an episode."""

from __future__ import annotations

from typing import Any

import numpy as np

from controller_server.core.errors import TermError
from controller_server.terms import event

from .context import Effect, EventContext


@event(when="step", memory={"left": (), "wrench": (2, 6)})
def push(
    c: EventContext, memory: dict[str, Any], *, force: float = 100.0, duration: float = 0.2, every: float = 4.0
) -> Effect:
    """Return pushes of a force [N] and a duration [s], one every so many seconds on average in each world.

    Whom it hits and its horizontal direction are drawn anew each time.
    """
    if force < 0 or not (duration > 0 and every > 0):
        raise TermError(f"push: force {force:g}, duration {duration:g} and every {every:g} must be above 0")
    left, wrench = memory["left"], memory["wrench"]
    begins = (c.rng.random(c.n) * every * c.hz < 1) & (left <= 0)
    angle, person = c.rng.uniform(0, 2 * np.pi, c.n), c.rng.integers(0, 2, c.n)
    wrench[left <= 0] = 0
    now = np.flatnonzero(begins)
    wrench[now, person[now], :2] = force * np.stack([np.cos(angle[now]), np.sin(angle[now])], axis=-1)
    left[now] = np.ceil(duration * c.hz)
    memory["left"] = np.maximum(left - 1, 0)
    return Effect(wrench=wrench.copy())
