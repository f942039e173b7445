"""The controllers that carry the fallback strategies out."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from controller_server.body.pair import PairBody
from controller_server.control.assist import Assistance
from controller_server.control.base_targets import ReferenceBase
from controller_server.control.playback import Runner
from controller_server.control.policy.bundle import PolicyBundle
from controller_server.control.policy.policy import Playback, PolicyBase
from controller_server.control.reference.reference import Reference
from controller_server.control.search.search import Search

from .settings import QUALITIES, ControlSettings
from .strategy import Strategy

_LONGER = {"samples": 48, "execute": 3, "hold": 3}
"""Extra effort of a second search where the first was not enough: plans twice as often, with finer knots."""


class Builder:
    """Makes whoever carries out a strategy.

    Args:
        pair: The bodies.
        reference: The reference motion.
        settings: Settings of the steering.
        bundle: The policy there is, if any.
    """

    def __init__(
        self, pair: PairBody, reference: Reference, settings: ControlSettings, bundle: PolicyBundle | None
    ) -> None:
        self._pair, self._reference, self._settings, self._bundle = pair, reference, settings, bundle

    @cached_property
    def _trained(self) -> PolicyBase:
        assert self._bundle is not None
        return PolicyBase(self._pair, self._reference, self._bundle)

    @cached_property
    def _plain(self) -> ReferenceBase:
        return ReferenceBase(self._pair, self._reference, QUALITIES[self._settings.quality].balance)

    def __call__(self, strategy: Strategy, best: Runner | None, failed_at: float | None) -> Runner:
        """Return whoever carries out a strategy, ready to begin.

        Args:
            strategy: What to do.
            best: Who did best so far.
            failed_at: When that failed first [s]; None where it did not, or all along.
        """
        settings, pair, reference = self._settings, self._pair, self._reference
        # Making one takes inverse dynamics of the whole clip; a fork of one that was never played is as fresh.
        if strategy.played:
            return Playback(pair, reference, self._trained.fork(1), settings.judged, engine=settings.engine)
        base = self._trained.fork(1) if strategy.policy else self._plain.fork(1)
        effort = QUALITIES[settings.quality]
        search = Search(
            pair,
            reference,
            replace(effort, **_LONGER) if strategy.longer else effort,
            seed=settings.seed,
            threads=settings.threads,
            assistance=Assistance(pair, strategy.help) if strategy.help else None,
            judged=settings.judged,
            base=base,
            engine=settings.engine,
        )
        if strategy.back is not None and failed_at is not None and isinstance(best, Search):
            search.take_over(best, max(0, int((failed_at - strategy.back) * reference.hz)))
        return search
