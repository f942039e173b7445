"""Muscles and masses that differ from what the bodies say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from controller_server.core.errors import TermError
from controller_server.evaluation.strength_changes import LARGEST_FACTOR, parse_change
from controller_server.terms import event

from .context import Effect, EventContext


@event(when="setup")
def dealt_strengths(c: EventContext, *, recipients: tuple = ("seen",)) -> Effect:
    """Return worlds dealt out evenly to recipients: "seen" as the body says, others changed, such as "mass1.25"."""
    kinds = parse_recipients(recipients)
    number = c.family % len(kinds)
    factors = {name: np.ones((c.n, 2)) for kind in kinds for name in kind}
    for k, kind in enumerate(kinds):
        for name, factor in kind.items():
            factors[name][number == k, 1] = factor
    return Effect(strength=factors)


def parse_recipients(recipients: Sequence[str]) -> list[dict[str, float]]:
    """Return the factors of each kind of recipient; none of "seen". Raises AssistMimicError."""
    kinds = [
        {} if name == "seen" else dict([parse_change(name, "recipients:", "seen")]) for name in map(str, recipients)
    ]
    if not kinds:
        raise TermError("recipients: expected seen, or changes such as mass1.2")
    return kinds


@event(when="start")
def random_strength(
    c: EventContext,
    *,
    change: str = "mass",
    least: float = 0.8,
    most: float = 1.2,
    supporter: bool = False,
    recipient: bool = True,
) -> Effect:
    """Return people whose mass, or another change, is drawn evenly from least to most, new for every episode."""
    if not 0 < least <= most <= LARGEST_FACTOR:
        raise TermError(f"random_strength: least {least:g} and most {most:g} must be within 0-{LARGEST_FACTOR:g}")
    drawn = c.rng.uniform(least, most, (c.n, 2))
    return Effect(strength={change: np.where([supporter, recipient], drawn, 1.0)})
