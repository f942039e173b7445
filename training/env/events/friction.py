"""Friction of everything in a world."""

from __future__ import annotations

from controller_server.core.errors import TermError
from controller_server.terms import event

from .context import Effect, EventContext


@event(when="start")
def friction(c: EventContext, *, half_width: float = 0.2) -> Effect:
    """Return friction factors drawn evenly from 1 - half_width to 1 + half_width, new for every episode."""
    if not 0 <= half_width < 1:
        raise TermError(f"friction: half_width {half_width:g} is outside 0-1")
    return Effect(friction=c.rng.uniform(1 - half_width, 1 + half_width, c.n))
