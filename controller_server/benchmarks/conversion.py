"""Benchmark of conversion: quality, physics and speed over the bundled clips and a real capture, in one run."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from controller_server.clip.io.formats import ReadResult, read_clip
from controller_server.core.bundled import CLIPS
from controller_server.core.errors import AssistMimicError
from controller_server.core.machine import machine
from controller_server.core.progress import OnProgress, ignore_progress, labelled
from controller_server.evaluation.captured_clip import REAL_CLIP, load_real_clip
from controller_server.metrics.catalogue import METRIC, at
from controller_server.metrics.scores import Scores, measure
from controller_server.physics.recorded_frames import slice_clip, slice_recording
from controller_server.pipeline.convert import convert
from controller_server.pipeline.result import Result, versions, write_result, write_result_report
from controller_server.pipeline.settings import ConvertSettings, Quality

from .bare_stepping import SHARE, bare_stepping
from .help_needed import help_entry

REAL_PART = (1.0, 2.0)
"""The second of the real clip whose feet can be trusted [s]; the lead-in's are only indicative."""


@dataclass(frozen=True)
class Case:
    """One clip of the benchmark.

    Attributes:
        name: What it is called.
        load: Reads it.
        part: Seconds scored once more by themselves, or None.
    """

    name: str
    load: Callable[[], ReadResult]
    part: tuple[float, float] | None = None


def cases(names: Sequence[str] = (), *, folders: Sequence[Path] | None = None, captured: bool = True) -> list[Case]:
    """Return the bundled clips, and the real one where `ASSISTMIMIC_DATA` says where it is.

    Args:
        names: Only these, and clip files; all bundled ones by default.
        folders: Of bundled clips; those of the examples by default.
        captured: Whether the real one is among them.

    Raises:
        AssistMimicError: a name is unknown, or there are no bundled clips.
    """
    paths = [Path(name) for name in names if Path(name).is_file()]
    files = [Case(path.stem, lambda path=path: read_clip([path])) for path in paths]
    names, given = [name for name in names if Path(name) not in paths], bool(names)
    bundled = [path for folder in folders or (CLIPS,) for path in sorted(folder.glob("*.npz"))]
    found = [Case(path.stem, lambda path=path: read_clip([path])) for path in bundled]
    data = os.environ.get("ASSISTMIMIC_DATA")
    if captured and data and (Path(data) / REAL_CLIP).is_dir():
        found.append(Case(REAL_CLIP, lambda: load_real_clip(Path(data)), REAL_PART))
    if not found:
        raise AssistMimicError(f"bench: no clips in {CLIPS}")
    known = [case.name for case in found]
    for name in names:
        if name not in known:
            hint = "; the real clip needs ASSISTMIMIC_DATA" if name == REAL_CLIP else ""
            raise AssistMimicError(f"no clip {name!r}; there are {', '.join(known)}{hint}, or name a file")
    return [case for case in found if not given or case.name in names] + files


def bench_convert(
    names: Sequence[str] = (),
    *,
    quality: Quality = Quality.DEFAULT,
    weak: bool = True,
    out: Path | None = None,
    on_progress: OnProgress = ignore_progress,
) -> dict[str, Any]:
    """Convert the clips and measure.

    Args:
        names: Only these clips; all by default.
        quality: How long the search thinks.
        weak: Whether to add who needs help: ever weaker recipients, alone and with the supporter.
        out: Folder for the simulated clips and their reports; none are kept by default.
        on_progress: Told which clip is at which stage.

    Returns:
        What `docs/bench.md` describes, ready for JSON.

    Raises:
        AssistMimicError: a name is unknown, or `out` cannot be written.
    """
    chosen = cases(names)
    settings = ConvertSettings(quality=quality)
    entries: list[dict[str, Any]] = []
    for case in chosen:
        read = case.load()
        result = convert(read.clip, settings, on_progress=labelled(case.name, on_progress), notes=read.notes)
        entries.append(entry(case.name, result) | {"notes": list(result.notes)})
        if case.part is not None:
            entries[-1]["part"] = part_entry(result, *case.part)
        bare = bare_stepping(result.prepared_clip, result.pair, result.attempts, quality=quality.value)
        entries[-1] |= {
            "search_seconds": sum(attempt.seconds for attempt in result.attempts),
            "bare_stepping_seconds": bare.seconds,
            "world_steps": bare.world_steps,
        }
        if out is not None:
            _keep(out, case.name, result)
    report = {
        "clips": entries,
        "summary": summary(entries),
        "ratio_to_bare_stepping": _ratio(entries, "seconds"),
        "ratio_of_search_to_bare_stepping": _ratio(entries, "search_seconds"),
        "bare_stepping_share": SHARE,
        "quality": quality.value,
        "seed": settings.seed,
    }
    if weak:
        report["help"] = [_help(case, quality, on_progress) for case in chosen]
    return report | {"peak_rss_mb": peak_rss_mb(), "machine": machine(), "versions": versions()}


def _help(case: Case, quality: Quality, on_progress: OnProgress) -> dict[str, Any]:
    def progress_of(what: str) -> OnProgress:
        return labelled(f"{case.name}, {what}", on_progress)

    return help_entry(case.name, lambda: case.load().clip, quality, progress_of)


def _keep(folder: Path, name: str, result: Result) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_result(folder / f"{name}.npz", result)
    write_result_report(folder / f"{name}.html", result, title=name)


def entry(name: str, result: Result) -> dict[str, Any]:
    """Return one clip's line of the table."""
    return {
        "name": name,
        **_scores(result.scores),
        "controller": result.controller,
        "attempts": [f"{attempt.controller}: {attempt.reason}" for attempt in result.attempts],
        "seconds": result.seconds,
        "seconds_per_clip_second": result.seconds_per_clip_second,
    }


def _scores(scores: Scores) -> dict[str, Any]:
    people = scores.people

    def each(name: str) -> dict[str, Any]:
        return {role: at(person, METRIC[name].path) for role, person in people}

    return {
        "success": scores.success,
        "success_tracking": scores.success_tracking,
        "failed_criteria": list(scores.failed_criteria),
        "score": scores.score,
        "success_paper": scores.success_paper,
        "failure_time_s": scores.failure_time_s,
        "max_wrench_n": scores.max_wrench_n,
        "mean_wrench_body_weights": each("wrench_body_weights"),
        "mpjpe_mm": each("mpjpe_mm"),
        "mpjpe_input_mm": each("mpjpe_input_mm"),
        "deviation_max_mm": {role: 1000 * person.deviation_max_m for role, person in people},
        "prepare_mean_mm": each("prepare_mean_mm"),
        "foot_skate_cm_s": asdict(scores.foot_skate_cm_s),
        "partner_penetration_mm": asdict(scores.partner_penetration_mm),
        "self_penetration_mm": {role: asdict(person.self_penetration_mm) for role, person in people},
        "contact_kept": scores.contact_kept,
        "holds_kept": scores.holds_kept,
        "slip_cm": {"mean": scores.slip.mean_cm, "worst": scores.slip.worst_cm},
        "floor_force_p99": each("floor_force_p99"),
        "touchdowns": each("touchdowns"),
        "touchdowns_drawn": {role: person.feet.touchdowns_drawn for role, person in people},
        "hand_speed_m_s": {role: asdict(person.hands.speed_m_s) for role, person in people},
        "calm": {role: {part: asdict(calm) for part, calm in person.calm.items()} for role, person in people},
    }


def part_entry(result: Result, start: float, end: float) -> dict[str, Any]:
    """Return the same run scored over a part of it [s]."""
    fps = result.input_clip.fps
    frames = slice(round(start * fps), round(end * fps) + 1)
    asked, given, made = (
        slice_clip(clip, frames) for clip in (result.prepared_clip, result.input_clip, result.simulated_clip)
    )
    recording = slice_recording(result.recording, frames.start / fps, (frames.stop - 1) / fps)
    scores = measure(given, asked, made, recording, result.pair)
    return {"start_s": start, "end_s": end, **_scores(scores)}


def summary(entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the table in a few numbers."""
    free = [e for e in entries if e["success"] and e["max_wrench_n"] == 0]
    errors = [value for e in free for value in e["mpjpe_mm"].values()]
    return {
        "clips": len(entries),
        "success": sum(e["success"] for e in entries),
        "success_tracking": sum(e["success_tracking"] for e in entries),
        "success_without_wrench": len(free),
        "mpjpe_mm_without_wrench": float(np.mean(errors)) if errors else None,
        "seconds_per_clip_second": float(np.mean([e["seconds_per_clip_second"] for e in entries])),
    }


def _ratio(entries: Sequence[dict[str, Any]], took: str) -> float | None:
    """Time over that of bare stepping, of the clips that were searched; None where policies carried them all."""
    searched = [e for e in entries if e["world_steps"]]
    return sum(e[took] for e in searched) / sum(e["bare_stepping_seconds"] for e in searched) if searched else None


def peak_rss_mb() -> float:
    """Largest resident memory of this process so far [MB]."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)
