"""The commands of training as data classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from controller_server.core.options import Arg


def _train_config() -> Any:
    """Return the class of a run's settings; imported here because it takes a while and only `train` needs it."""
    from training.settings.config import TrainConfig

    return TrainConfig


@dataclass(frozen=True)
class Train:
    """Train controllers: a single-person prior, the two of a clip, or a whole table of ablations.

    Attributes:
        what: What to train; has to be the `kind` in the configuration. An ablation has a file of its own kind and
            takes no other options than clips, steps, out and threads.
        config: All choices, as YAML; those in training/configs are the ones to start from.
        out: Folder of the run; runs/NAME by default.
        resume: Go on from the last checkpoint in that folder; without one, begin.
        agent: zero or random run the environment with such actions and learn nothing.
        set: Settings by path in YAML, as ppo.std=0.05; the only way to those of terms: reward.supporter.contact=2.
        threads: Number of threads of physics and learning; 0 takes every core.
        processes: Number of processes that train one policy on this machine, each with worlds of its own.
        imports: Files with terms of your own (docs/terms.md); they are run, as code of yours.
        settings: Settings of the run, instead of the configuration's.
    """

    what: Annotated[Literal["prior", "specialist", "ablation"], Arg(positional=True)]
    config: Annotated[Path, Arg("CONFIG.yaml", positional=True)]
    out: Annotated[Path | None, Arg("FOLDER")] = None
    resume: bool = False
    agent: Literal["learn", "zero", "random"] = "learn"
    set: Annotated[tuple[str, ...], Arg("NAME=VALUE")] = ()
    threads: int = 0
    processes: int = 1
    imports: Annotated[tuple[Path, ...], Arg("MY_TERMS.py", name="import")] = ()
    settings: Annotated[Mapping[str, Any], Arg(tree=_train_config, without=("kind",))] = field(default_factory=dict)


@dataclass(frozen=True)
class Export:
    """Write the policy bundle of a training run as it stands.

    Attributes:
        run_folder: The run.
        out: Folder of the bundle.
        name: Name of the bundle; the run's by default.
        imports: Files with terms of your own (docs/terms.md); they are run, as code of yours.
    """

    run_folder: Annotated[Path, Arg("RUN", positional=True)]
    out: Annotated[Path, Arg("FOLDER", positional=True)]
    name: str | None = None
    imports: Annotated[tuple[Path, ...], Arg("MY_TERMS.py", name="import")] = ()


@dataclass(frozen=True)
class BenchTrain:
    """Measure what training costs beside bare stepping, and many clips beside one.

    Attributes:
        clips: The clip to train on, by name or as a file; the first counts.
        pairs: Worlds.
        threads: Number of threads of physics and learning; 0 takes every core.
        json: Print one JSON object instead of a table.
    """

    clips: Annotated[tuple[str, ...], Arg("NAME")] = ()
    pairs: int = 128
    threads: int = 0
    json: bool = False
