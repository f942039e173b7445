"""Compiled MuJoCo models of pairs: each description is compiled once, whoever asks for it."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from .layout import PairLayout
from .mjcf import compile_pair
from .pair import PairBody

_KEPT = 8
"""How many are kept: a conversion has two or three."""


@dataclass(frozen=True)
class CompiledPair:
    """A compiled pair.

    Attributes:
        pair: What was compiled.
        sensors: Whether it has contact sensors.
        model: Shared by all who ask: copy it to change anything in it.
        layout: Where joints lie in it.
    """

    pair: PairBody
    sensors: bool
    model: mujoco.MjModel
    layout: PairLayout


_known: list[CompiledPair] = []


def compiled(pair: PairBody, *, sensors: bool = False) -> CompiledPair:
    """Return the compiled pair, from memory where an equal one was compiled before.

    Args:
        pair: Body description.
        sensors: Whether contact forces can be read.
    """
    for known in _known:
        if known.sensors == sensors and _same(known.pair, pair):
            return known
    model = compile_pair(pair, sensors=sensors)
    _known[:0] = [CompiledPair(pair, sensors, model, PairLayout.of(model, pair))]
    del _known[_KEPT:]
    return _known[0]


def _same(first: PairBody, second: PairBody) -> bool:
    """Return whether two descriptions give one model. Props are compared as objects, not by value."""
    if first is second:
        return True
    numbers = ("friction", "grip_force", "physics_hz")
    return (
        all(
            (a.role, a.hands, a.strength) == (b.role, b.hands, b.strength)
            and np.array_equal(a.skeleton.rest_joints, b.skeleton.rest_joints)
            for a, b in zip(first.people, second.people, strict=True)
        )
        and len(first.props) == len(second.props)
        and all(a is b for a, b in zip(first.props, second.props, strict=True))
        and all(getattr(first, name) == getattr(second, name) for name in numbers)
    )
