"""The task: everything the worlds of a run have in common, and the outcome of their control steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from controller_server.terms import BoundTerm
from training.settings.config import TrainConfig

from .reward_table import RewardTable

Array = np.ndarray
Judge = Callable[[Array], Array]


@dataclass(frozen=True)
class Step:
    """Result of a control step of N pairs.

    Attributes:
        observation: Of the next step; of the new episode where one ended, shape (N, 2, D).
        reward: Shape (N, 2).
        done: Episodes that ended, shape (N,).
        terminated: People whose episode ended in failure, shape (N, 2); who is done and not terminated was cut off.
        cut: Worlds where somebody was cut off, shape (M,).
        final: What those saw last, before the new episode, shape (M, 2, D).
        finished: What became of the episodes that ended.
    """

    observation: Array
    reward: Array
    done: Array
    terminated: Array
    cut: Array
    final: Array
    finished: tuple[Episode, ...] = ()


@dataclass(frozen=True)
class Episode:
    """An episode that ended.

    Attributes:
        scene: Number of its clip.
        start: First control frame.
        frames: Control steps it took.
        completed: Whether the clip's end was reached.
        error: Mean deviation of both people [m].
        terms: Mean of each reward term, by "role.term".
    """

    scene: int
    start: int
    frames: int
    completed: bool
    error: float
    terms: dict[str, float] = field(default_factory=dict)


@dataclass
class Task:
    """Parts that all worlds of a run have in common.

    Attributes:
        config: All choices.
        observed: What people see.
        rewards: What they are rewarded for.
        terminations: What ends an episode as a failure.
        rng: Source of all random numbers.
        threads: Number of threads of the physics; 0 takes every core.
        replayed: Person whom the reference moves instead of the physics, if any.
        judge: Makes the reward term `style`; without it, it is 0.
    """

    config: TrainConfig
    observed: list[BoundTerm]
    rewards: RewardTable
    terminations: list[BoundTerm]
    rng: np.random.Generator
    threads: int
    replayed: int | None = None
    judge: Judge | None = None

    @property
    def alone(self) -> bool:
        """Whether people have nothing to do with each other."""
        return self.config.kind == "prior"
