"""The rungs of the ladder: who is tried, in which order, and with how much effort."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..body.pair import PairBody
from .assist import Assistance
from .attempt import Attempt, held_out
from .base import Base
from .choice import Chosen
from .policy import Playback, PolicyBase
from .reference import Reference
from .runner import Runner
from .search import Search, SearchSettings
from .settings import QUALITIES, ControlSettings

ASSIST_LEVELS = (0.05, 0.1, 0.2, 0.35, 0.5)
"""Force limits tried one after the other, in body weights: the smallest that carries the clip is kept."""
_LONGER = {"samples": 96, "horizon": 10, "execute": 2, "hold": 2}
"""What a second search spends more when the first has lost the clip."""


@dataclass(frozen=True)
class Rung:
    """One way to carry a clip out.

    Attributes:
        name: As results call it.
        build: Makes whoever carries it out.
        policy: Whether the policy has a part in it.
    """

    name: str
    build: Callable[[], Runner]
    policy: bool = False


def rungs(
    pair: PairBody, reference: Reference, settings: ControlSettings, chosen: Chosen, attempts: Sequence[Attempt]
) -> Iterator[Rung]:
    """The rungs in order.

    Args:
        pair: The bodies.
        reference: What is followed.
        settings: How to steer.
        chosen: The policy there is.
        attempts: Filled by the caller while it climbs: what failed so far decides what is tried next.
    """
    auto, effort = settings.controller == "auto", QUALITIES[settings.quality]
    bundle = chosen.bundle

    def policy() -> Base | None:
        return None if bundle is None else PolicyBase(pair, reference, bundle)

    def search(
        effort: SearchSettings, base: Callable[[], Base | None] | None = None, assistance: Assistance | None = None
    ) -> Search:
        return Search(
            pair,
            reference,
            effort,
            seed=settings.seed,
            threads=settings.threads,
            assistance=assistance,
            judged=settings.judged,
            base=base() if base else None,
        )

    named = bool(settings.policy)
    around = Rung("search-policy", lambda: search(effort, policy), policy=True)
    if bundle is not None and (settings.controller == "policy" or (auto and (chosen.exact or named))):
        yield Rung(
            "policy", lambda: Playback(pair, reference, PolicyBase(pair, reference, bundle), settings.judged), True
        )
    if bundle is not None and (settings.controller == "search-policy" or (auto and named)):
        yield around
    if auto or settings.controller == "search":
        yield Rung("search", lambda: search(effort))
    # Where the search alone carries a clip, it does so as well, and for less.
    if bundle is not None and auto and not named:
        yield around
    # What is tried harder, or helped, is what held out longest so far.
    best = max(attempts, key=held_out, default=None)
    base = policy if best is not None and "policy" in best.controller else None
    if auto and settings.quality != "draft":
        yield Rung("search longer", lambda: search(replace(effort, **_LONGER), base), policy=base is not None)
    if auto or settings.controller == "assisted":
        for level in ASSIST_LEVELS:
            yield Rung(
                f"assisted {level:g}",
                lambda level=level: search(effort, base, Assistance(pair, level)),
                policy=base is not None,
            )
