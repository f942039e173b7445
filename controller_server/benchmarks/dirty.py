"""Conversion of dirty clips whose clean truth is known: what becomes of jitter, float, drift and the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from controller_server.clip.interaction import InteractionClip
from controller_server.clip.io.npz import clip_sha256
from controller_server.clip.skeleton import N_BODY_JOINTS
from controller_server.core.bundled import CLIPS, TRAINING_CLIPS
from controller_server.core.errors import AssistMimicError, SimulationDiverged
from controller_server.core.fingerprint import fingerprint
from controller_server.core.machine import machine
from controller_server.core.progress import OnProgress, ignore_progress, labelled
from controller_server.pipeline.convert import convert
from controller_server.pipeline.result import Result, versions, write_result, write_result_report
from controller_server.pipeline.settings import ConvertSettings

from .conversion import Case, cases
from .dirt import KINDS, DirtyClip, make_dirty
from .rows import KeptRows

_SUBSET = (0, 5)
"""Kinds of dirt a clip gets of the default subset, counted from a first one that moves on from clip to clip."""
HARD = ("jitter_2deg", "jitter_4deg", "all_mild")
"""Kinds that the higher target leaves out."""
STAGES = ("input", "prepared", "output")


@dataclass(frozen=True)
class Task:
    """One conversion of the benchmark.

    Attributes:
        case: The clean clip.
        kind: Of dirt.
        seed: Seed of dirt and search.
    """

    case: Case
    kind: str
    seed: int


def plan(
    names: Sequence[str] = (), kinds: Sequence[str] = (), seeds: Sequence[int] = (0,), *, full: bool = False
) -> list[Task]:
    """Return what is converted, in order.

    Args:
        names: Clips, by name or as files; the ten that come along by default.
        kinds: Of dirt, names of KINDS; all by default.
        seeds: Each is a further run of everything.
        full: Every clip with every kind, as where names or kinds are given. Otherwise each of the ten clips gets two of
            the ten kinds, and each kind two clips; two others with another seed, all of them with seeds 0 to 4.

    Raises:
        AssistMimicError: a name is unknown.
    """
    for kind in kinds:
        if kind not in KINDS:
            raise AssistMimicError(f"bench dirty: no kind of dirt {kind!r}; there are {', '.join(KINDS)}")
    chosen = cases(names, folders=(CLIPS, TRAINING_CLIPS), captured=bool(names))
    wanted = [kind for kind in KINDS if not kinds or kind in kinds]
    whole = full or bool(names) or bool(kinds)
    return [
        Task(case, kind, seed)
        for seed in seeds
        for column, kind in enumerate(wanted)
        for row, case in enumerate(chosen)
        if whole or (column - row + seed) % len(wanted) in _SUBSET
    ]


def bench_dirty(
    tasks: Sequence[Task],
    settings: ConvertSettings | None = None,
    *,
    keep: Path | None = None,
    out: Path | None = None,
    on_progress: OnProgress = ignore_progress,
) -> dict[str, Any]:
    """Make clips dirty, convert them and measure what came out against what was clean.

    Args:
        tasks: What to convert, from `plan`.
        settings: How; each task's seed stands above theirs.
        keep: File of rows: those made before by the same code and settings are taken from it, new ones added.
        out: Folder for dirty and simulated clips and reports; none are kept by default.
        on_progress: Told which task is at which stage.

    Returns:
        What `docs/bench.md` describes, ready for JSON.

    Raises:
        AssistMimicError: `keep` or `out` cannot be written.
    """
    settings = settings or ConvertSettings()
    common = {"bench": "dirty", "code": fingerprint(), "settings": replace(settings, threads=0).to_dict()}
    kept, rows = KeptRows(keep, common), []
    for number, task in enumerate(tasks, 1):
        label = f"{number} of {len(tasks)}, {task.case.name}, {task.kind}, seed {task.seed}"
        clean = task.case.load().clip
        of = {"clip": clip_sha256(clean), "kind": task.kind, "seed": task.seed}
        row = kept.find(of)
        if row is None:
            row = _row(task, clean, settings, out, labelled(label, on_progress))
            kept.add(of, row)
        rows.append(row)
    return {
        "rows": rows,
        "targets": targets(rows),
        "summary": summary(rows),
        "controller": settings.controller.value,
        "quality": settings.quality.value,
        "machine": machine(),
        "versions": versions(),
    }


def _row(
    task: Task, clean: InteractionClip, settings: ConvertSettings, out: Path | None, on_progress: OnProgress
) -> dict[str, Any]:
    """Convert one clip. What cannot be converted is a row too, and no success."""
    name = {"clip": task.case.name, "kind": task.kind, "seed": task.seed}
    dirty = make_dirty(clean, task.kind, task.seed)
    try:
        result = convert(dirty.clip, replace(settings, seed=task.seed), on_progress=on_progress)
    except (AssistMimicError, SimulationDiverged) as error:
        failed = {"success": False, "success_tracking": False, "failed_criteria": ["not_converted"]}
        return {**name, **failed, "said": [str(error)]}
    if out is not None:
        path = out / f"{task.case.name}-{task.kind}-{task.seed}.npz"
        write_result(path, result)
        write_result_report(path.with_suffix(".html"), result, title=path.stem)
    return {**name, **measures(result, dirty)}


def measures(result: Result, dirty: DirtyClip) -> dict[str, Any]:
    """Return what a row says of a conversion."""
    scores = result.scores
    clips = (result.input_clip, result.prepared_clip, result.simulated_clip)
    hands = [person.hands.speed_m_s for _, person in scores.people]
    return {
        "success": scores.success,
        "success_tracking": scores.success_tracking,
        "failed_criteria": list(scores.failed_criteria),
        "said": [criterion.sentence for criterion in scores.faults],
        "controller": result.controller,
        "max_wrench_n": scores.max_wrench_n,
        "error_to_truth_mm": {k: error_mm(clip, dirty.truth) for k, clip in zip(STAGES, clips, strict=True)},
        "contact_kept": scores.holds_kept,
        "slip_cm": {"mean": scores.slip.mean_cm, "worst": scores.slip.worst_cm},
        "hand_speed_m_s": {k: max(getattr(speed, k) or 0.0 for speed in hands) for k in STAGES},
        "seconds_per_clip_second": result.seconds_per_clip_second,
    }


def error_mm(clip: InteractionClip, truth: InteractionClip) -> float:
    """Mean distance of both people's 22 joints to the truth, over all frames [mm]."""
    apart = clip.joints[:, :, :N_BODY_JOINTS] - truth.joints[:, :, :N_BODY_JOINTS]
    return float(1000 * np.linalg.norm(apart, axis=-1).mean())


@dataclass(frozen=True)
class Target:
    """Something the rows are held against.

    Attributes:
        name: In words.
        unit: Unit of value and bound.
        bound: What is wanted.
        at_least: Whether it is a least and not a most.
        value: Value of some rows.
    """

    name: str
    unit: str
    bound: float
    at_least: bool
    value: Callable[[Sequence[Mapping[str, Any]]], float | None]


def _worst(rows: Sequence[Mapping[str, Any]], excess: Callable[[Mapping[str, Any]], float]) -> float | None:
    """Return the largest over rows that were converted."""
    return max((excess(row) for row in rows if "error_to_truth_mm" in row), default=None)


def _share(rows: Sequence[Mapping[str, Any]], hard: bool) -> float | None:
    chosen = [row["success"] for row in rows if hard or row["kind"] not in HARD]
    return sum(chosen) / len(chosen) if chosen else None


def _mean_seconds(rows: Sequence[Mapping[str, Any]]) -> float | None:
    took = [row["seconds_per_clip_second"] for row in rows if "seconds_per_clip_second" in row]
    return float(np.mean(took)) if took else None


def _error_added(stage: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda row: row["error_to_truth_mm"][stage] - row["error_to_truth_mm"]["input"]


def _hand_excess(row: Mapping[str, Any]) -> float:
    return row["hand_speed_m_s"]["prepared"] - 1.2 * row["hand_speed_m_s"]["input"]


TARGETS = (
    Target("success", "share", 0.85, True, lambda rows: _share(rows, hard=True)),
    Target("success without jitter and all mild", "share", 0.95, True, lambda rows: _share(rows, hard=False)),
    Target("outside help", "N", 0.0, False, lambda rows: _worst(rows, lambda row: row["max_wrench_n"])),
    Target("output's error over input's", "mm", 15.0, False, lambda rows: _worst(rows, _error_added("output"))),
    Target("prepared's error over input's", "mm", 3.0, False, lambda rows: _worst(rows, _error_added("prepared"))),
    Target("prepared hands over 1.2 x input's", "m/s", 0.5, False, lambda rows: _worst(rows, _hand_excess)),
    Target("time for a clip second, mean", "s", 12.0, False, _mean_seconds),
    Target("time for a clip second, worst", "s", 40.0, False, lambda rows: _worst(rows, _seconds)),
)
"""Errors and speeds are those of the worst row."""


def _seconds(row: Mapping[str, Any]) -> float:
    return row["seconds_per_clip_second"]


def targets(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return how the rows stand against TARGETS; `met` is None where there is nothing to judge."""
    found = []
    for target in TARGETS:
        value = target.value(rows)
        good = None if value is None else value >= target.bound if target.at_least else value <= target.bound
        found.append(
            {
                "name": target.name,
                "value": value,
                "wanted": target.bound,
                "at_least": target.at_least,
                "unit": target.unit,
                "met": good,
            }
        )
    return found


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """For each kind of dirt: rows, successes by both measures, mean errors to the truth [mm]."""
    found = {}
    for kind in KINDS:
        of_kind = [row for row in rows if row["kind"] == kind]
        errors = [row["error_to_truth_mm"] for row in of_kind if "error_to_truth_mm" in row]
        if of_kind:
            found[kind] = {
                "rows": len(of_kind),
                "success": sum(row["success"] for row in of_kind),
                "success_tracking": sum(row["success_tracking"] for row in of_kind),
                "error_to_truth_mm": {k: float(np.mean([e[k] for e in errors])) for k in STAGES} if errors else None,
            }
    return found
