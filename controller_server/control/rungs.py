"""The rungs of the ladder: who is tried, in which order, and with how much effort."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, partial

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
_LONGER = {"samples": 64, "iterations": 3, "horizon": 24}
"""What a second search spends more where the first has lost the clip."""
_RETREAT = 2.0
"""How long before the loss the next rung takes over [s]; the one after it twice as long, and so on. People are lost a
second or so before it shows."""
_LONGER_TRIES = {"default": 2, "draft": 1}


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


@dataclass
class Climb:
    """What was tried so far.

    Attributes:
        attempts: In order.
        best: Whoever held out longest, and the attempt and rung that was; None before the first.
        began: Control frame at which the last one took over; None before the first.
    """

    attempts: list[Attempt] = field(default_factory=list)
    best: tuple[Attempt, Rung, Runner] | None = None
    began: int | None = None

    def add(self, attempt: Attempt, rung: Rung, runner: Runner) -> None:
        """What a rung came to."""
        self.attempts.append(attempt)
        self.began = runner.began
        if self.best is None or held_out(attempt) > held_out(self.best[0]):
            self.best = (attempt, rung, runner)


def rungs(
    pair: PairBody, reference: Reference, settings: ControlSettings, chosen: Chosen, climb: Climb
) -> Iterator[Rung]:
    """The rungs in order.

    Args:
        pair: The bodies.
        reference: What is followed.
        settings: How to steer.
        chosen: The policy there is.
        climb: Kept by the caller: what failed so far decides what is tried next, and from where.
    """
    auto, effort = settings.controller == "auto", QUALITIES[settings.quality]
    bundle = chosen.bundle

    @cache
    def trained() -> PolicyBase:
        assert bundle is not None
        return PolicyBase(pair, reference, bundle)

    def policy() -> PolicyBase:
        # Making one takes inverse dynamics of the whole clip; a fork of one that was never played is as fresh.
        return trained().fork(1)

    def search(
        effort: SearchSettings, base: Callable[[], Base] | None = None, assistance: Assistance | None = None
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
    # A draft takes any policy that carries the clip: a prior that does not know it costs a tenth of a search.
    first = chosen.exact or named or settings.quality == "draft"
    if bundle is not None and (settings.controller == "policy" or (auto and first)):
        yield Rung("policy", lambda: Playback(pair, reference, policy(), settings.judged), True)
    if bundle is not None and (settings.controller == "search-policy" or (auto and named)):
        yield around
    if auto or settings.controller == "search":
        yield Rung("search", lambda: search(effort))
    # Where the search alone carries a clip, it does so as well, and for less.
    if bundle is not None and auto and not named:
        yield around
    # What is tried harder, or helped, is what held out longest so far, from some time before it was lost.
    around_policy = climb.best is not None and climb.best[1].policy
    base = policy if around_policy else None

    def again(back: float, effort: SearchSettings, assistance: Assistance | None = None) -> Search:
        made = search(effort, base, assistance)
        if climb.best is not None:
            attempt, _, runner = climb.best
            if isinstance(runner, Search) and attempt.failed_at is not None:
                made.take_over(runner, max(0, int((attempt.failed_at - back) * reference.hz)))
        return made

    back = _RETREAT
    if auto:
        longer = replace(effort, **_LONGER)
        for _ in range(_LONGER_TRIES[settings.quality]):
            yield Rung("search longer", partial(again, back, longer), policy=around_policy)
            back *= 2
            if climb.began == 0:
                break  # it had the whole clip already
    if auto or settings.controller == "assisted":
        for level in ASSIST_LEVELS:
            helped = partial(again, back, effort, Assistance(pair, level))
            yield Rung(f"assisted {level:g}", helped, policy=around_policy)
            back *= 2
