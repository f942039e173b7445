"""Benchmark of environment and learning beside bare stepping: same states, same controls, same model, same threads."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from controller_server.core.errors import TrainingError
from controller_server.core.machine import machine
from controller_server.physics.bare_steps import BareWorlds
from controller_server.physics.engines import BUILT_IN
from controller_server.pipeline.result import versions
from training.env.environment import PairEnvironment
from training.env.scene import Scene, load_scenes
from training.env.task import Step
from training.runner import Runner
from training.settings.config import TrainConfig


class _Measured(PairEnvironment):
    """An environment that repeats every control step with nothing around the stepping, and takes the time of both."""

    def __init__(self, config: TrainConfig, scenes: Sequence[Scene], *, seed: int = 0, threads: int = 0) -> None:
        super().__init__(config, scenes, seed=seed, threads=threads)
        self._bare = BareWorlds(scenes[0].pair, self.n, threads, sensors=True)
        self.environment_s = self.bare_s = 0.0

    def step(self, actions: np.ndarray) -> Step:
        """Make the environment's step, then the same again bare."""
        backend = self.worlds.backend
        before = backend.save()
        started = time.perf_counter()
        result = super().step(actions)
        self.environment_s += time.perf_counter() - started
        targets, grips = self.worlds.controls
        self.bare_s += self._bare.seconds(before, targets, grips, backend.pair.substeps)
        return result


def bench_train(config: TrainConfig, *, iterations: int = 4, threads: int = 0) -> dict[str, Any]:
    """Measure one run's environment and training as shares of bare `mujoco.batch` stepping.

    Every control step is made twice, in the environment and bare, so that both meet the same machine and the same
    contacts; what is compared was measured within a fraction of a second.

    Args:
        config: The run; its physics are those that count, not coarse ones.
        iterations: Rollouts with their updates that are measured, after one that is not.
        threads: Number of threads of physics and learning; 0 takes every core.

    Returns:
        What `docs/training.md` describes, ready for JSON.
    """
    if config.engine != BUILT_IN:
        raise TrainingError(f"bench train: engine {config.engine} has no bare stepping; leave it at {BUILT_IN}")
    # Every measured update is a whole one: none of the critic alone.
    config = replace(config, coarse=0.0, steps=1, ppo=replace(config.ppo, critic_first=0))
    scenes = load_scenes(config.clips[:1], config.body, sparing=config.action.sparing)
    with TemporaryDirectory() as folder:
        runner = Runner(config, scenes, Path(folder) / "run", threads=threads, environment=_Measured)
    runner.advance()
    measured = runner.environment
    assert isinstance(measured, _Measured)
    measured.environment_s = measured.bare_s = 0.0
    started = time.perf_counter()
    for _ in range(iterations):
        runner.advance()
    total = time.perf_counter() - started - measured.bare_s
    pair_steps = iterations * config.pairs * config.horizon
    return {
        "clip": scenes[0].name,
        "pairs": config.pairs,
        "pair_steps": pair_steps,
        "threads": threads or torch.get_num_threads(),
        "bare_stepping_per_s": pair_steps / measured.bare_s,
        "environment_per_s": pair_steps / measured.environment_s,
        "training_per_s": pair_steps / total,
        "environment_share_of_bare_stepping": measured.bare_s / measured.environment_s,
        "training_share_of_bare_stepping": measured.bare_s / total,
        "machine": machine(),
        "versions": versions(),
    }
