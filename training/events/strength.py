"""Muscles and masses that differ from what the bodies say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from controller_server.body.muscles import LEGS
from controller_server.body.strength import Strength
from controller_server.errors import AssistMimicError
from controller_server.terms import event, strength

from .context import Effect, EventContext

_HIPS = ("hip", "left_hip", "right_hip")
_MOST = 5.0
_FACTOR = re.compile(r"(\w*[A-Za-z_])(\d+(?:\.\d+)?)")


@strength()
def mass(person: Strength, factor: float) -> Strength:
    """Return a person whose mass is changed by a factor."""
    return replace(person, mass=person.mass * factor)


@strength()
def gains(person: Strength, factor: float) -> Strength:
    """Return a person whose legs have other gains."""
    return replace(person, gains={**person.gains, **{group: person.gains.get(group, 1.0) * factor for group in LEGS}})


@strength()
def hip(person: Strength, factor: float) -> Strength:
    """Return a person whose hips have another torque limit."""
    muscles, limits = dict(person.muscles), dict(person.limits)
    muscles |= {part: muscles.get(part, muscles.get("hip", 1.0)) * factor for part in _HIPS}
    limits |= {"hip": limits["hip"] * factor} if "hip" in limits else {}
    return replace(person, muscles=muscles, limits=limits)


def changed(person: Strength, factors: Mapping[str, float]) -> Strength:
    """Return a person with every change of a factor that is not one; by name, as in `terms.strength`."""
    for name, factor in factors.items():
        if factor != 1:
            person = strength[name].function(person, factor)
    return person


def parse_change(text: str, where: str, *others: str) -> tuple[str, float]:
    """Return name and factor of a change such as "mass1.2".

    Args:
        text: The change.
        where: The entry, for complaints.
        others: What could have stood there too.

    Raises:
        AssistMimicError: there is no such change.
    """
    match = _FACTOR.fullmatch(text)
    if match is None or match[1] not in strength or not 0 < float(match[2]) <= _MOST:
        *names, last = strength.all()
        raise AssistMimicError(
            f"{where} {text!r}: expected {', '.join([*others, ''])}or {', '.join(names)} or {last} with a factor up to "
            f"{_MOST:g}, such as mass1.2"
        )
    return match[1], float(match[2])


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
        raise AssistMimicError("recipients: expected seen, or changes such as mass1.2")
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
    if not 0 < least <= most <= _MOST:
        raise AssistMimicError(f"random_strength: least {least:g} and most {most:g} must be within 0-{_MOST:g}")
    drawn = c.rng.uniform(least, most, (c.n, 2))
    return Effect(strength={change: np.where([supporter, recipient], drawn, 1.0)})
