"""The commands of training as data classes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from controller_server.core.options import Arg


@dataclass(frozen=True)
class Train:
    """Train controllers: a single-person prior, the two of a clip, or a whole table of ablations.

    Attributes:
        what: What to train; has to be the `kind` in the configuration. An ablation has a file of its own kind and
            takes no other options than clips, steps, out and threads.
        config: All choices, as YAML; those in training/configs are the ones to start from.
        clips: What to learn, instead of the configuration's clips; "data:FILE" lies in the folder ASSISTMIMIC_DATA.
        out: Folder of the run; runs/NAME by default.
        resume: Go on from the last checkpoint in that folder; without one, begin.
        agent: zero or random run the environment with such actions and learn nothing.
        steps: Pair-steps to train, instead of the configuration's.
        seed: Of every random number, instead of the configuration's.
        prior: Bundle or run to start from, instead of the configuration's.
        set: Further settings by name, as ppo.std=0.05.
        threads: Of physics and learning; 0 takes every core.
        processes: That learn one policy together on this machine, each with worlds of its own.
        imports: Files with terms of your own (docs/terms.md); they are run, as code of yours.
    """

    what: Annotated[Literal["prior", "specialist", "ablation"], Arg(positional=True)]
    config: Annotated[Path, Arg("CONFIG.yaml", positional=True)]
    clips: Annotated[tuple[str, ...], Arg("CLIP")] = ()
    out: Annotated[Path | None, Arg("FOLDER")] = None
    resume: bool = False
    agent: Literal["learn", "zero", "random"] = "learn"
    steps: int | None = None
    seed: int | None = None
    prior: Annotated[str | None, Arg("BUNDLE")] = None
    set: Annotated[tuple[str, ...], Arg("NAME=VALUE")] = ()
    threads: int = 0
    processes: int = 1
    imports: Annotated[tuple[Path, ...], Arg("MY_TERMS.py", name="import")] = ()


@dataclass(frozen=True)
class Export:
    """Write the policy bundle of a training run as it stands.

    Attributes:
        run_folder: The run.
        out: Folder of the bundle.
        name: Of the bundle; the run's by default.
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
        threads: Of physics and learning; 0 takes every core.
        json: Print one JSON object instead of a table.
    """

    clips: Annotated[tuple[str, ...], Arg("NAME")] = ()
    pairs: int = 128
    threads: int = 0
    json: bool = False
