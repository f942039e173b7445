"""Changes of a person's strength by a factor, by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from controller_server.body.muscles import LEGS
from controller_server.body.strength import Strength
from controller_server.core.errors import AssistMimicError
from controller_server.terms import strength

_HIPS = ("hip", "left_hip", "right_hip")


LARGEST_FACTOR = 5.0


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
    if match is None or match[1] not in strength or not 0 < float(match[2]) <= LARGEST_FACTOR:
        *names, last = strength.all()
        raise AssistMimicError(
            f"{where} {text!r}: expected {', '.join([*others, ''])}or {', '.join(names)} or {last} with a factor up to "
            f"{LARGEST_FACTOR:g}, such as mass1.2"
        )
    return match[1], float(match[2])
