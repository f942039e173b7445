"""N pairs that follow clips: both people act, are observed and rewarded at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from controller_server.control.policy.observation import term_sizes
from controller_server.core.errors import TrainingError
from controller_server.terms import event, observation, termination
from training.settings.config import TrainConfig

from .corpus import Corpus
from .prefix import under
from .reward_table import RewardTable
from .scene import Scene
from .task import Judge, Step, Task
from .worlds import Worlds

Array = np.ndarray
_WORLDS = "part0."
"""Prefix of the names of the worlds' arrays in a checkpoint."""


class PairEnvironment:
    """Pairs that follow clips.

    Args:
        config: All choices.
        scenes: The clips. Worlds are dealt out evenly at first; one that ends takes its next clip from the sampler.
        seed: Seed of starts and of noise.
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
            raise TrainingError(
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
        self._check_groups()
        self.worlds = Worlds(Corpus(self.scenes, apart=config.action.slack), self.n, self._task)
        self.coarse = False
        self.inputs = term_sizes(scenes[0].pair, observed)
        self.n_actions = self.worlds.action.shape[-1]

    def _check_groups(self) -> None:
        """Make sure that there are whole groups with a shared start, and one for each of the dynamics dealt out."""
        group = self.config.ppo.group_size
        kinds = [len(term.params["recipients"]) for term in event.bind(self.config.events) if _deals(term.term.name)]
        dealt = int(np.prod([1, *kinds]))
        if self.n % group or self.n // group < dealt:
            raise TrainingError(
                f"pairs: {self.n} must be a multiple of ppo.group_size {group}, and at least {group * dealt} "
                f"for {dealt} dynamics"
            )

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
        self.worlds.judged_by_style()

    def use_physics(self, *, coarse: bool) -> None:
        """Change to coarse physics or to those that count; everybody goes on from where they are."""
        if coarse != self.coarse:
            self.coarse = coarse
            self.worlds.use_physics(coarse=coarse)

    def regroup(self, group_size: int) -> Array:
        """Put each group of neighbouring worlds into the state of one of them; returns whose, shape (N,)."""
        leaders = np.arange(0, self.n, group_size) + self.rng.integers(0, group_size, self.n // group_size)
        source = np.repeat(leaders, group_size)
        if group_size > 1:
            self.worlds.copy(source)
        return source

    def reset(self) -> Array:
        """Start every episode anew; returns the observation, shape (N, 2, D)."""
        return self.worlds.reset()

    def step(self, actions: Array) -> Step:
        """Carry out actions of both people, shape (N, 2, A), and start episodes anew that ended."""
        return self.worlds.step(actions)

    # -- to go on later --------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a resumed run needs, as arrays by name; the generator's state under "rng"."""
        return {
            "rng": self.rng.bit_generator.state,
            "coarse": self.coarse,
            **self.worlds.counts(),
            **{_WORLDS + name: array for name, array in self.worlds.state_dict().items()},
        }

    def load_state_dict(self, arrays: dict[str, Any]) -> None:
        """Load what `state_dict` returned."""
        self.use_physics(coarse=arrays["coarse"])
        self.rng.bit_generator.state = arrays["rng"]
        for name, count in self.worlds.counts().items():
            count[:] = arrays[name]
        self.worlds.load_state_dict(under(arrays, _WORLDS))


def _deals(name: str) -> bool:
    return name == "dealt_strengths"
