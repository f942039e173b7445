"""Ablations of the method: the same training without one part, on the same clips, with several seeds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from controller_server.control.policy.bundle import read_bundle
from controller_server.core.bundled import shipped
from controller_server.core.errors import TrainingError
from controller_server.core.validation import Where, build
from controller_server.core.whole_file import replace_file
from controller_server.core.yaml_file import read_yaml
from controller_server.evaluation.clip_sources import clip_name, read_source
from controller_server.evaluation.conditions import Conditions, Dynamics
from controller_server.evaluation.evaluation import EvaluationClip, evaluate
from training.settings.config import load_config

from .command import BUNDLE, train

SCORE, TABLE = "score.json", "table.json"


@dataclass(frozen=True)
class Ablation:
    """A table of runs.

    Attributes:
        config: Configuration that is varied, beside the ablation's own file.
        steps: Pair-steps of each run.
        seeds: Seeds of each variant.
        clips: As in `TrainConfig.clips`.
        variants: Settings that make each variant, as `--set` takes them.
    """

    config: str
    steps: int
    seeds: tuple[int, ...]
    clips: tuple[str, ...]
    variants: dict[str, tuple[str, ...]]

    @staticmethod
    def load(path: Path) -> Ablation:
        """Return an ablation from YAML. Raises TrainingError."""
        return build(Ablation, read_yaml(shipped(path)), Where(str(path), error=TrainingError))


def run_ablation(
    path: Path,
    folder: Path,
    *,
    steps: int | None = None,
    clips: Sequence[str] = (),
    trials: int = 100,
    threads: int = 0,
) -> list[dict[str, Any]]:
    """Train and evaluate every variant; what is done already is passed over, what was stopped goes on.

    Args:
        path: The ablation.
        folder: Folder of the runs and of `table.json`, which is brought up to date after every run.
        steps: Pair-steps of each run instead of the ablation's; runs that have more keep theirs.
        clips: Instead of the ablation's.
        trials: Number of trials of each evaluation.
        threads: Number of threads of physics and learning; 0 takes every core.

    Returns:
        A row for each clip, variant and seed.

    Raises:
        AssistMimicError: the ablation, a clip or the folder cannot be used, or a run in it was made with fewer steps:
            longer, it would not be what a run of that length is (see `TrainConfig.coarse` and `mode`).
    """
    ablation = Ablation.load(path)
    ablation = replace(ablation, steps=steps or ablation.steps, clips=tuple(clips) or ablation.clips)
    runs = [
        (folder / f"{clip_name(clip)}-{variant.replace(' ', '_')}-{seed}", clip, variant, seed)
        for clip in ablation.clips
        for seed in ablation.seeds
        for variant in ablation.variants
    ]
    scores = {run: _read_score(run / SCORE) for run, *_ in runs}
    for run, score in scores.items():
        if score is not None and score["pair_steps"] < ablation.steps:
            raise TrainingError(
                f"{run}: was made with {score['pair_steps']:,} pair-steps, not {ablation.steps:,}; choose another --out"
            )
    rows: list[dict[str, Any]] = []
    for run, clip, variant, seed in runs:
        score = scores[run]
        if score is None:
            engine = _train(ablation, path.parent, clip, seed, ablation.variants[variant], run, threads)
            score = _score(run, clip, Conditions(trials, threads=threads, engine=engine))
            replace_file(run / SCORE, json.dumps(score).encode())
        rows.append({"clip": clip_name(clip), "variant": variant, "seed": seed, **score})
        replace_file(folder / TABLE, (json.dumps(rows, indent=1) + "\n").encode())
    return rows


def _read_score(path: Path) -> dict[str, Any] | None:
    """Return a run's score; None where it is not done."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError:
        raise TrainingError(f"{path}: not readable; remove it, and the run is evaluated again") from None


def _train(
    ablation: Ablation, where: Path, clip: str, seed: int, settings: Sequence[str], run: Path, threads: int
) -> str:
    """Train one variant; returns the name of its engine."""
    config = load_config(
        where / ablation.config, settings, clips=(clip,), seed=seed, steps=ablation.steps, name=run.name
    )
    train(config, run, resume=True, threads=threads)
    return config.engine


def _score(run: Path, clip: str, conditions: Conditions) -> dict[str, Any]:
    report = evaluate(
        [read_bundle(run / BUNDLE)],
        [EvaluationClip(clip_name(clip), read_source(clip))],
        [Dynamics()],
        conditions,
        help_tests=(),
        verdicts=False,
    )
    row = report["rows"][0]
    scores = ("success_tracking_rate", "mpjpe_mm", "mpjpe_success_mm", "failure_time_s", "recipient_alone_success_rate")
    return {"pair_steps": read_bundle(run / BUNDLE).card.training["pair_steps"]} | {name: row[name] for name in scores}
