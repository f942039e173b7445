"""One training run from its configuration to its last checkpoint."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

from controller_server.core.array_store import ArrayStore, cache_folder
from controller_server.core.errors import TrainingError
from controller_server.physics.engines import check_engine
from training.env.scene import Scene, load_scenes
from training.env.single_person_scene import stranger_scene
from training.learning.prior import start_networks
from training.settings.config import TrainConfig

from .export import export
from .learning import parallel
from .log import write_run_card
from .runner import Runner

BUNDLE = "bundle"
"""Folder of a finished run's policy bundle, in that of the run."""


def train(config: TrainConfig, folder: Path, *, resume: bool = False, agent: str = "learn", threads: int = 0) -> None:
    """Train, or run the environment without learning.

    Args:
        config: All choices.
        folder: Folder of the run.
        resume: Go on from its checkpoint.
        agent: "learn", "zero" or "random".
        threads: Number of threads of physics and learning; 0 takes every core.

    Raises:
        AssistMimicError: clips, configuration or folder cannot be used.
    """
    if not 0 <= threads <= 1024:
        raise TrainingError(f"threads: {threads} is outside 0-1024; 0 takes every core")
    parallel.start()
    try:
        scenes = scenes_of(config)
        start = None
        if config.prior is not None:
            prior = config.prior
            start = lambda spec: start_networks(  # noqa: E731
                prior, spec, config.seed, config.roles, observed=config.observation
            )
        runner = Runner(config, scenes, folder, resume=resume, agent=agent, threads=threads, start=start)
        if agent == "learn" and parallel.rank() == 0:
            command = shlex.join(["assistmimic", *sys.argv[1:]])
            write_run_card(folder, config, runner.data, command, resumed=runner.resumed)
        runner.run()
        if agent == "learn" and parallel.rank() == 0:
            bundle = export(folder, folder / BUNDLE)
            print(f"bundle {bundle.card.name} is in {folder / BUNDLE}")
    finally:
        parallel.stop()


def scenes_of(config: TrainConfig) -> list[Scene]:
    """Return what a run learns. Raises AssistMimicError."""
    check_engine(config.engine)
    store = ArrayStore(cache_folder(config.cache))
    options: dict[str, Any] = {"sparing": config.action.sparing, "engine": config.engine, "store": store}
    if config.kind == "prior" and config.clips:
        return [stranger_scene(entry, config.body, **options) for entry in config.clips]
    return load_scenes(config.clips, config.body, **options)
