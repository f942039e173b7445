"""The next strategy, given the attempts so far: a pure function of the history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .attempt import Attempt, quality_of

ASSIST_LEVELS = (0.05, 0.1, 0.2, 0.35, 0.5)
"""Force limits tried one after the other, in body weights: the smallest that carries the clip is kept."""
RETREAT = 2.0
"""Time before a failure at which the next try takes over [s]; the one after it twice as long, and so on. People are
lost a second or so before it shows."""
_LONGER_TRIES, _LONGER_TRIES_DRAFT = 2, 1


@dataclass(frozen=True)
class Strategy:
    """One way to carry a clip out.

    Attributes:
        name: As results call it.
        policy: Whether the policy has a part in it.
        played: Whether the policy is played as it is, without a search.
        longer: Whether the search spends more than usual.
        help: Bound of outside help [body weights]; 0 for none.
        back: How long before the best try so far failed this one takes over from it [s]; None begins anew.
    """

    name: str
    policy: bool = False
    played: bool = False
    longer: bool = False
    help: float = 0.0
    back: float | None = None


@dataclass(frozen=True)
class Choices:
    """The choice that a clip, its user and its policies leave.

    Attributes:
        controller: One of `settings.CONTROLLERS`.
        policy: Whether there is a policy.
        known: Whether that policy was trained on this very clip.
        named: Whether the user named it.
        draft: Whether a first look will do.
    """

    controller: str = "auto"
    policy: bool = False
    known: bool = False
    named: bool = False
    draft: bool = False


@dataclass(frozen=True)
class Tried:
    """A strategy and what came of it.

    Attributes:
        strategy: What was tried.
        attempt: What came of it.
        began: Control frame at which it took the motion over from another; 0 if it made all of it.
    """

    strategy: Strategy
    attempt: Attempt
    began: int = 0

    @property
    def enough(self) -> bool:
        """Whether nothing better is looked for. Help is as good as it can be where the clip is followed with it."""
        return self.attempt.success or (self.strategy.help > 0 and self.attempt.success_tracking)


def best_of(history: Sequence[Tried]) -> int | None:
    """Index of the best of some tries; of equals the earliest."""
    return max(range(len(history)), key=lambda k: quality_of(history[k].attempt), default=None)


def next_strategy(history: Sequence[Tried], choices: Choices) -> Strategy | None:
    """Return what to try after what was tried; None where that is all.

    Args:
        history: In order.
        choices: What there is.
    """
    if history and history[-1].enough:
        return None
    opening = _opening(choices)
    if len(history) < len(opening):
        return opening[len(history)]
    at = best_of(history)
    assert at is not None or choices.controller == "assisted"
    best, more = None if at is None else history[at], history[len(opening) :]
    policy, back = best is not None and best.strategy.policy, RETREAT * 2 ** len(more)
    longer = [tried for tried in more if tried.strategy.longer]
    followed = best is not None and best.attempt.success_tracking
    if choices.controller == "auto" and len(longer) == len(more):
        # A clip that is followed, though badly, gets one more try; and nobody needs two of the whole clip.
        tries = _LONGER_TRIES_DRAFT if choices.draft or followed else _LONGER_TRIES
        if len(longer) < tries and not (longer and longer[-1].began == 0):
            return Strategy("search longer", policy=policy, longer=True, back=back)
    helped = len(more) - len(longer)
    if followed or choices.controller not in ("auto", "assisted") or helped == len(ASSIST_LEVELS):
        return None
    level = ASSIST_LEVELS[helped]
    return Strategy(f"assisted {level:g}", policy=policy, help=level, back=back)


def _opening(choices: Choices) -> tuple[Strategy, ...]:
    """Return what is tried whatever comes of it, the cheapest first."""
    play = Strategy("policy", policy=True, played=True)
    around, alone = Strategy("search-policy", policy=True), Strategy("search")
    single = {"policy": (play,), "search-policy": (around,), "search": (alone,), "assisted": ()}
    if choices.controller != "auto":
        return single[choices.controller]
    if not choices.policy:
        return (alone,)
    if choices.named:
        return (play, around, alone)
    # A draft takes any policy that carries the clip: a prior that does not know it costs a tenth of a search. Where the
    # search alone carries a clip, it does so as well as around a policy, and for less.
    return (play, alone, around) if choices.known or choices.draft else (alone, around)
