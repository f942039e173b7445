"""The events of a run, and what worlds owe to them: friction, strength, pushes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.core.errors import TrainingError
from controller_server.evaluation.strength_changes import changed
from controller_server.physics.backend import Backend, HoldsPairs, PairState
from controller_server.terms import TermConfig, event
from training.env.events.context import Effect, EventContext

from .prefix import under
from .term_memory import TermMemory

Array = np.ndarray


_LEAST, _MOST = 0.01, 100.0
"""Bounds of what an event may multiply strength, mass and friction by."""


class WorldEvents:
    """Events of n worlds, and the state of each.

    Args:
        config: The events.
        pairs: The bodies of each clip.
        clips: Which of them each world begins with, shape (n,).
        family: See `EventContext.family`, shape (n,).
        rng: Source of all random numbers.

    Raises:
        AssistMimicError: there is no such event or parameter.
    """

    def __init__(
        self,
        config: Mapping[str, TermConfig],
        pairs: Sequence[PairBody],
        clips: Array,
        family: Array,
        rng: np.random.Generator,
    ) -> None:
        terms = [term for term in event.bind(config) if term.weight]
        self._by_moment = {when: [t for t in terms if t.term.when == when] for when in ("setup", "start", "step")}
        self._pairs, self._clips, self._family, self._rng = tuple(pairs), clips.copy(), family, rng
        self._memory = TermMemory({term.name: term for term in terms}, len(family))
        self.friction = np.ones(len(family))
        self._strength: dict[str, Array] = {}
        everyone = np.arange(len(family))
        for effect in self._effects("setup", everyone, np.zeros(len(family), int)):
            self._strengthen(effect, everyone)

    def begin(self, backend: Backend) -> None:
        """Give new worlds their pairs, their friction and their people's strength."""
        everyone = np.arange(len(self.friction))
        if len(self._pairs) > 1:
            assert isinstance(backend, HoldsPairs)
            backend.hold_pairs(self._pairs)
            self.give(backend, everyone, self._clips)
        else:
            self._apply(backend, everyone)

    def give(self, backend: Backend, ids: Array, clips: Array) -> None:
        """Give worlds the pairs of other clips, shapes (m,); friction and strength stay what happened to the world."""
        self._clips[ids] = clips
        if len(self._pairs) > 1:
            assert isinstance(backend, HoldsPairs)
            backend.set_pairs(clips.tolist(), ids.tolist())
            self._apply(backend, ids)

    def _apply(self, backend: Backend, ids: Array) -> None:
        backend.set_friction(self.friction[ids], list(ids))
        self._set_strength(backend, ids)

    def start(self, backend: Backend, ids: Array, frames: Array, state: PairState, kept: Array) -> PairState:
        """Let happen what happens at the start of episodes in worlds, shape (m,); returns the states to begin in.

        Args:
            backend: The worlds.
            ids: Which of them.
            frames: Control frames the episodes begin at, shape (m,).
            state: States they would begin in.
            kept: Which of those the simulation reached before, shape (m,).
        """
        self._memory.clear(ids)
        drawn = False
        for effect in self._effects("start", ids, frames, state, kept):
            state = effect.state or state
            if effect.friction is not None:
                self.friction[ids] = effect.friction
                backend.set_friction(effect.friction, list(ids))
            drawn |= bool(effect.strength)
            self._strengthen(effect, ids)
        if drawn:
            self._set_strength(backend, ids)
        return state

    def step(self, backend: Backend, frames: Array) -> None:
        """Let happen what happens in every control step."""
        if not self._by_moment["step"]:
            return
        everyone, total = np.arange(len(frames)), np.zeros((len(frames), 2, 6))
        for effect in self._effects("step", everyone, frames):
            total += 0.0 if effect.wrench is None else effect.wrench
        backend.set_wrench(total)

    def copy(self, backend: Backend, source: Array) -> None:
        """Make every world like another one, shape (n,)."""
        self._memory.copy(source)
        self.friction = self.friction[source]
        before, clips = self._strength, self._clips[source]
        self._strength = {name: factors[source] for name, factors in before.items()}
        moved = np.flatnonzero(clips != self._clips)
        if len(moved):
            self.give(backend, moved, clips[moved])
        backend.set_friction(self.friction)
        other = [(self._strength[name] != before[name]).any(axis=1) for name in before]
        if other and np.any(other):
            self._set_strength(backend, np.flatnonzero(np.any(other, axis=0)))

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a resumed run needs."""
        strength = {f"strength.{name}": factors for name, factors in self._strength.items()}
        memory = {f"event.{name}": array for name, array in self._memory.state_dict().items()}
        return {"friction": self.friction, **strength, **memory}

    def load_state_dict(self, backend: Backend, arrays: Mapping[str, Any]) -> None:
        """Load what `state_dict` returned, and give worlds what it says."""
        self.friction = arrays["friction"].copy()
        self._strength |= {name: factors.copy() for name, factors in under(arrays, "strength.").items()}
        self._memory.load_state_dict(under(arrays, "event."))
        self._apply(backend, np.arange(len(self.friction)))

    def _effects(
        self, when: str, ids: Array, frames: Array, state: PairState | None = None, kept: Array | None = None
    ) -> Any:
        """Effects of the events of a moment, each on what the ones before it left."""
        pairs = [self._pairs[clip] for clip in self._clips[ids].tolist()]
        hz = self._pairs[0].control_hz
        c = EventContext(self._rng, pairs, hz, self._family[ids], frames, state, kept)
        for term in self._by_moment[when]:
            effect: Effect = term(c, *self._memory.of(term.name))
            if not isinstance(effect, Effect):
                raise TrainingError(f"event: {term.name}: returned {effect!r}, expected an events.Effect")
            if effect.friction is not None:
                term.check(effect.friction, ids.shape)
                _check_factors(term.name, "friction", effect.friction, least=0.0)
            for name, factors in effect.strength.items():
                _check_factors(term.name, name, factors, least=_LEAST)
            if effect.wrench is not None:
                term.check(effect.wrench, (len(ids), 2, 6))
            yield effect
            if effect.state is not None:
                c = replace(c, state=effect.state)

    def _strengthen(self, effect: Effect, ids: Array) -> None:
        for name, factors in effect.strength.items():
            self._strength.setdefault(name, np.ones((len(self._family), 2)))[ids] = factors

    def _set_strength(self, backend: Backend, ids: Array) -> None:
        """Tell the engine, once for worlds of one clip whose people are alike."""
        names = list(self._strength)
        factors = (
            np.stack([self._strength[name][ids] for name in names], axis=-1) if names else np.ones((len(ids), 2, 0))
        )
        kinds, number = np.unique(factors, axis=0, return_inverse=True)
        number = number.reshape(-1)
        for clip in np.unique(self._clips[ids]).tolist():
            for k, kind in enumerate(kinds):
                alike = ids[(number == k) & (self._clips[ids] == clip)]
                people = [
                    changed(person.strength, dict(zip(names, own, strict=True)))
                    for person, own in zip(self._pairs[clip].people, kind, strict=True)
                ]
                if len(alike):
                    backend.set_strength(people, alike.tolist())


def _check_factors(event: str, what: str, factors: Any, *, least: float) -> None:
    """Make sure that factors are numbers that physics can take. Raises AssistMimicError, which names the event."""
    given = np.asarray(factors, float)
    wrong = given[~((given >= least) & (given <= _MOST))]
    if wrong.size:
        raise TrainingError(f"event: {event}: {what} x {wrong[0]:g}, expected factors of {least:g} to {_MOST:g}")
