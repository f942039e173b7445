"""The rungs of the ladder: who is tried, in which order, and with how much effort."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..body.pair import PairBody
from ..errors import AssistMimicError
from .assist import Assistance
from .attempt import Attempt, held_out
from .base import Base
from .bundle import PolicyBundle, read_bundle
from .bundle_store import Found, find_bundle, fitting, list_bundles
from .policy import Playback, PolicyBase, check_fit
from .reference import Reference
from .runner import Runner
from .search import Search, SearchSettings

ASSIST_LEVELS = (0.05, 0.1, 0.2, 0.35, 0.5)
"""Force limits tried one after the other, in body weights: the smallest that carries the clip is kept."""
QUALITIES = {"default": SearchSettings(), "draft": SearchSettings(samples=24, iterations=2)}
"""What the search spends: `draft` a quarter of `default`."""
_LONGER = {"samples": 96, "horizon": 10, "execute": 2, "hold": 2}
"""What a second search spends more when the first has lost the clip."""
CONTROLLERS = ("auto", "policy", "search-policy", "search", "assisted")


@dataclass(frozen=True)
class ControlSettings:
    """How to steer.

    Attributes:
        controller: "auto", or one rung alone.
        quality: One of QUALITIES.
        seed: Of the search's random numbers.
        threads: Physics threads; 0 takes every core.
        judged: Who has to succeed (0 supporter, 1 recipient).
        policy: Name or folder of the bundle to use; empty for the one that fits best.
        sha256: Of the clip as it was read: tells which specialists were trained on it.
    """

    controller: str = "auto"
    quality: str = "default"
    seed: int = 0
    threads: int = 0
    judged: tuple[int, ...] = (0, 1)
    policy: str = ""
    sha256: str | None = None

    def __post_init__(self) -> None:
        if self.controller not in CONTROLLERS:
            raise AssistMimicError(f"controller {self.controller!r}: expected one of {', '.join(CONTROLLERS)}")
        if self.quality not in QUALITIES:
            raise AssistMimicError(f"quality {self.quality!r}: expected one of {', '.join(QUALITIES)}")


@dataclass(frozen=True)
class Rung:
    """One way to carry a clip out.

    Attributes:
        name: As results call it.
        build: Makes whoever carries it out.
    """

    name: str
    build: Callable[[], Runner]


@dataclass(frozen=True)
class Chosen:
    """The policy a clip gets.

    Attributes:
        bundle: Loaded, or None where none fits.
        exact: Whether it was trained on this clip with these bodies.
        notes: What the user should know: differences to its training, bundles that cannot be read.
    """

    bundle: PolicyBundle | None
    exact: bool = False
    notes: tuple[str, ...] = ()


def choose_policy(pair: PairBody, settings: ControlSettings) -> Chosen:
    """The policy for a clip and its bodies.

    Raises:
        AssistMimicError: one was asked for, by name or as the controller, and there is none that fits.
    """
    asked = settings.controller in ("policy", "search-policy") or bool(settings.policy)
    if settings.controller in ("search", "assisted"):
        return Chosen(None)
    if settings.policy:
        return _chosen(find_bundle(settings.policy), pair, settings, ())
    bundles, problems = list_bundles()
    notes = tuple(f"left out: {problem}" for problem in problems)
    able = fitting(bundles, pair, settings.sha256)
    if not able:
        if asked:
            there = ", ".join(found.card.name for found in bundles) or "none"
            raise AssistMimicError(
                f"controller {settings.controller}: no policy was trained on this clip with these bodies (there are: "
                f"{there}); train one, choose one with --policy, or use controller search"
            )
        return Chosen(None, notes=notes)
    return _chosen(able[0], pair, settings, notes)


def _chosen(found: Found, pair: PairBody, settings: ControlSettings, notes: tuple[str, ...]) -> Chosen:
    card = found.card
    check_fit(card, pair)
    differences = card.body.differences(pair)
    if differences:
        notes = (*notes, f"policy {card.name}: {'; '.join(differences)}")
    return Chosen(read_bundle(found.folder), card.knows(settings.sha256) and not differences, notes)


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

    if bundle is not None and (settings.controller == "policy" or (auto and (chosen.exact or settings.policy))):
        yield Rung("policy", lambda: Playback(pair, reference, PolicyBase(pair, reference, bundle), settings.judged))
    if bundle is not None and (auto or settings.controller == "search-policy"):
        yield Rung("search-policy", lambda: search(effort, policy))
    if auto or settings.controller == "search":
        yield Rung("search", lambda: search(effort))
    # What is tried harder, or helped, is what held out longest so far.
    best = max(attempts, key=held_out, default=None)
    base = policy if best is not None and "policy" in best.controller else None
    if auto and settings.quality != "draft":
        yield Rung("search longer", lambda: search(replace(effort, **_LONGER), base))
    if auto or settings.controller == "assisted":
        for level in ASSIST_LEVELS:
            yield Rung(f"assisted {level:g}", lambda level=level: search(effort, base, Assistance(pair, level)))
