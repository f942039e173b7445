"""Worlds of one batch that hold different pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from controller_server.body.pair import PairBody, PersonBody
from controller_server.body.shape import Hands
from controller_server.body.strength import Strength
from controller_server.clip.interaction import Prop
from controller_server.clip.skeleton import Skeleton
from controller_server.physics.backend import Backend, HoldsPairs

from .check import Finding, Subject
from .scenes import differences, neutral_pair, readings
from .struggle import Struggle
from .worlds import bitwise

_EACH = 2
_HALF, _END = 8, 13  # control frames; in both halves there are touches of partner, floor and props
_WEAK = Strength.scaled(0.6, mass=0.8)


def unlike_pairs(hands: Hands) -> list[PairBody]:
    """Return pairs that differ in all that they may: proportions, strength, grip, friction, number of props."""
    tall, short = (Skeleton(factor * Skeleton.neutral().rest_joints) for factor in (1.07, 0.93))
    seat = Prop("seat", np.array([0.0, 0.27, 0.2]), np.array([1.2, 0.3, 0.4]))
    wall = Prop("wall", np.array([0.0, -0.3, 0.5]), np.array([1.2, 0.1, 1.0]))
    supporters = [PersonBody("supporter", skeleton, hands) for skeleton in (tall, short)]
    recipients = [PersonBody("recipient", short, hands, strength) for strength in (_WEAK, Strength())]
    return [
        neutral_pair(hands, props=(seat,)),
        PairBody(supporters[0], recipients[0], (seat, wall), friction=0.5, grip_force=150.0),
        PairBody(supporters[1], recipients[1]),
    ]


def pairs_of_worlds(subject: Subject) -> Finding:
    """Worlds that hold different pairs are, bit for bit, as in batches of one pair each, and keep state when changed.

    Half-way each world becomes one of another pair: restored with what a batch of that pair alone had saved, it goes
    on as there. Strength and friction that were given before are gone, those that are given after are as there.
    """
    pairs = unlike_pairs(subject.hands)
    struggles, n = [Struggle(pair, _EACH) for pair in pairs], len(pairs) * _EACH
    dealt, worlds = np.repeat(np.arange(len(pairs)), _EACH), np.arange(_EACH)
    mixed = _holding(subject, pairs, n)
    mixed.set_pairs(dealt.tolist())
    singles = [_holding(subject, [pair, pairs[1]], _EACH) for pair in pairs]
    plain = [subject.make(pair, _EACH) for pair in pairs]
    found = {}
    for k, struggle in enumerate(struggles):
        own = (k * _EACH + worlds).tolist()
        for backend, ids in ((mixed, own), (singles[k], None), (plain[k], None)):
            backend.set_state(struggle.state, ids)
        mixed.set_strength((_WEAK, _WEAK), own)
        mixed.set_friction(np.full(_EACH, 0.3), own)
    mixed.set_pairs(dealt.tolist())
    _play(mixed, struggles, dealt, range(_HALF))
    for k, struggle in enumerate(struggles):
        for backend in (singles[k], plain[k]):
            struggle.play(backend, range(_HALF), worlds)
        found[f"alone, pair {k}"] = differences(readings(plain[k]), readings(singles[k]))
    found["together"] = differences(_together(singles), readings(mixed))
    # Each world goes on as one of another pair: where that one's were left, changed as they are changed.
    turned = (dealt + 1) % len(pairs)
    mixed.set_pairs(turned.tolist())
    for k, single in enumerate(singles):
        own = np.flatnonzero(turned == k).tolist()
        mixed.restore(single.save(), own)
        for backend, ids in ((mixed, own), (single, None)):
            backend.set_strength((_WEAK, Strength()), ids)
            backend.set_friction(np.array([0.8, 1.2]), ids)
        struggles[k].play(single, range(_HALF, _END), worlds)
    _play(mixed, struggles, turned, range(_HALF, _END))
    order = np.argsort(turned, kind="stable")
    found["turned"] = differences(_together(singles), {name: value[order] for name, value in readings(mixed).items()})
    found = {case: names for case, names in found.items() if names}
    return bitwise(found, f"{n} worlds of {len(pairs)} pairs for {_END} control frames")


def _holding(subject: Subject, pairs: list[PairBody], n: int) -> HoldsPairs:
    backend = subject.make(pairs[0], n)
    assert isinstance(backend, HoldsPairs)
    backend.hold_pairs(pairs)
    return backend


def _play(backend: Backend, struggles: list[Struggle], dealt: np.ndarray, frames: range) -> None:
    """Play control frames of each world's own struggle, by the number of its pair."""
    course = np.zeros(len(dealt), int)
    for k in range(len(struggles)):
        course[dealt == k] = np.arange((dealt == k).sum())
    for frame in frames:
        for name in ("targets", "grips", "wrench"):
            given = [getattr(struggles[k], name)[frame, c] for k, c in zip(dealt, course, strict=True)]
            getattr(backend, f"set_{name}")(np.stack(given))
        backend.step(backend.pair.substeps)


def _together(backends: Sequence[Backend]) -> dict[str, np.ndarray]:
    """Return readings of several batches as of one."""
    parts = [readings(backend) for backend in backends]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
