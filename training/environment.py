"""N pairs that follow clips: both people act, are observed and rewarded at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from controller_server.control.observation import term_sizes
from controller_server.errors import AssistMimicError
from controller_server.terms import event, observation, termination

from .config import TrainConfig
from .prefix import under
from .reward_table import RewardTable
from .scene import Scene
from .task import Judge, Step, Task
from .worlds import SceneWorlds

Array = np.ndarray


class PairEnvironment:
    """Pairs that follow clips.

    Args:
        config: All choices.
        scenes: The clips; worlds are dealt out evenly.
        seed: Of starts and of noise.
        threads: Physics threads; 0 takes every core.
        replayed: Person whom the reference moves instead of the physics, if any.

    Raises:
        AssistMimicError: there are too few pairs, or a term is not what it can be.
    """

    def __init__(
        self,
        config: TrainConfig,
        scenes: Sequence[Scene],
        *,
        seed: int = 0,
        threads: int = 0,
        replayed: int | None = None,
    ) -> None:
        self.config, self.scenes = config, tuple(scenes)
        self.n, self.rng = config.pairs, np.random.default_rng(seed)
        if config.action.closing:
            raise AssistMimicError(
                "action.closing: training has worlds at many frames at once, and no such hands; train without"
            )
        observed = observation.bind(config.observation)
        self._task = Task(
            config,
            observed,
            RewardTable(config.reward, alone=config.kind == "prior"),
            [term for term in termination.bind(config.termination) if term.weight],
            self.rng,
            threads,
            replayed,
        )
        self.parts = [
            SceneWorlds(k, scene, n, self._task)
            for k, (scene, n) in enumerate(zip(self.scenes, self._shares(), strict=True))
        ]
        ends = np.cumsum([part.n for part in self.parts])
        self._slices = [slice(int(end) - part.n, int(end)) for part, end in zip(self.parts, ends, strict=True)]
        self.coarse = False
        self.inputs = term_sizes(scenes[0].pair, observed)
        self.n_actions = self.parts[0].action.shape[-1]

    def _shares(self) -> list[int]:
        """Worlds of each clip, whole groups of siblings."""
        group, clips = self.config.ppo.siblings, len(self.scenes)
        kinds = [len(term.params["recipients"]) for term in event.bind(self.config.events) if _deals(term.term.name)]
        dealt = int(np.prod([1, *kinds]))
        if self.n % group or self.n // group < clips * dealt:
            each = f"{clips} clips x {dealt} dynamics"
            least = group * clips * dealt
            raise AssistMimicError(
                f"pairs: {self.n} must be a multiple of {group} siblings, and at least {least} for {each}"
            )
        edges = group * np.linspace(0, self.n // group, clips + 1).astype(int)
        return np.diff(edges).tolist()

    @property
    def replayed(self) -> int | None:
        """Person whom the reference moves instead of the physics, if any."""
        return self._task.replayed

    @replayed.setter
    def replayed(self, person: int | None) -> None:
        self._task.replayed = person

    @property
    def rewards(self) -> RewardTable:
        """The reward terms and their weights."""
        return self._task.rewards

    def be_judged(self, judge: Judge) -> None:
        """Have the reward term `style` made by somebody; without them it is 0.

        Args:
            judge: Takes windows of `motion.motion`, shape (n, 2, frames, D), of worlds whose episodes have lasted for
                that long; returns 0-1, shape (n, 2).
        """
        self._task.judge = judge
        for part in self.parts:
            part.judged_by_style()

    def use_physics(self, *, coarse: bool) -> None:
        """Change to coarse physics or to those that count; everybody goes on from where they are."""
        if coarse != self.coarse:
            self.coarse = coarse
            for part in self.parts:
                part.use_physics(coarse=coarse)

    def regroup(self, siblings: int) -> Array:
        """Put each group of neighbouring worlds into the state of one of them; returns whose, shape (N,)."""
        leaders = np.arange(0, self.n, siblings) + self.rng.integers(0, siblings, self.n // siblings)
        source = np.repeat(leaders, siblings)
        if siblings > 1:
            for part, own in zip(self.parts, self._slices, strict=True):
                part.copy(source[own] - own.start)
        return source

    def reset(self) -> Array:
        """Start every episode anew; returns the observation, shape (N, 2, D)."""
        return _joined([part.reset() for part in self.parts])

    def step(self, actions: Array) -> Step:
        """Carry out actions of both people, shape (N, 2, A), and start episodes anew that ended."""
        steps = [part.step(actions[own]) for part, own in zip(self.parts, self._slices, strict=True)]
        if len(steps) == 1:
            return steps[0]
        whole = {f.name: _joined([getattr(s, f.name) for s in steps]) for f in fields(Step) if f.name != "finished"}
        whole["cut"] = _joined([s.cut + own.start for s, own in zip(steps, self._slices, strict=True)])
        return Step(**whole, finished=tuple(episode for s in steps for episode in s.finished))

    # -- to go on later --------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a resumed run needs, as arrays by name; the generator's state under "rng"."""
        counts = [part.counts() for part in self.parts]
        arrays: dict[str, Any] = {
            "rng": self.rng.bit_generator.state,
            "coarse": self.coarse,
            **{name: _joined([own[name] for own in counts]) for name in counts[0]},
        }
        for k, part in enumerate(self.parts):
            arrays |= {f"part{k}.{name}": array for name, array in part.state_dict().items()}
        return arrays

    def load_state_dict(self, arrays: dict[str, Any]) -> None:
        """Load what `state_dict` returned."""
        self.use_physics(coarse=arrays["coarse"])
        self.rng.bit_generator.state = arrays["rng"]
        for k, (part, own) in enumerate(zip(self.parts, self._slices, strict=True)):
            for name, count in part.counts().items():
                count[:] = arrays[name][own]
            part.load_state_dict(under(arrays, f"part{k}."))


def _deals(name: str) -> bool:
    return name == "dealt_strengths"


def _joined(arrays: list[Array]) -> Array:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
