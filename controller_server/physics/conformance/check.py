"""The outcome of one conformance check, and the input of every check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from controller_server.body.pair import PairBody
from controller_server.body.shape import Hands
from controller_server.physics.backend import Backend

MakeBackend = Callable[[PairBody, int], Backend]
"""Builds the engine under test for a body description and a number of worlds."""


class CheckOutcome(str, Enum):
    """How a check ended. A skipped one asks for something the engine does not declare."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Check:
    """One line of the conformance table.

    Attributes:
        name: What was asked.
        capability: Declared capability it needs, or None if every engine has to pass.
        outcome: Passed, failed or skipped.
        measured: The decisive number in the unit of `bound`; None if it was not measured.
        bound: What the number has to be, with its unit.
        detail: Further numbers, or why it failed or was skipped.
    """

    name: str
    capability: str | None
    outcome: CheckOutcome
    measured: float | None
    bound: str
    detail: str = ""


@dataclass(frozen=True)
class Finding:
    """What a check function returns: see `Check` for the fields."""

    passed: bool
    measured: float
    bound: str
    detail: str = ""


@dataclass(frozen=True)
class Subject:
    """The engine under test.

    Attributes:
        make: Builds it.
        hands: Simulated detail of the hands in every scene.
        variants: Other ways to build the same engine (thread counts) that must give the same numbers bit for bit.
        thorough: Whether the stability run takes its full length, 16 worlds for 30 s, instead of 4 for 5 s.
    """

    make: MakeBackend
    hands: Hands = Hands.MITTEN
    variants: tuple[MakeBackend, ...] = ()
    thorough: bool = False
