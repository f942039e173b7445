"""A batch of many short clips, some broken, killed on the way: does each end once, how many are carried, how fast?"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from controller_server.core.errors import AssistMimicError
from controller_server.core.machine import machine
from controller_server.core.progress import OnProgress, Progress, ignore_progress
from controller_server.pipeline.result import versions
from controller_server.service.server.processes import usable_cores

from .corpus import SECONDS, Made, make_corpus

CORE_SECONDS_A_CLIP = 5.4
"""1,000 clips in 45 minutes on two cores."""
_SCALING_CLIPS = 24


@dataclass
class _Runs:
    """Measurements of several runs of one batch.

    Attributes:
        events: Their `clip` events, run by run.
        seconds: They took, together [s].
        codes: Their exit codes.
    """

    events: list[list[dict[str, Any]]] = field(default_factory=list)
    seconds: float = 0.0
    codes: list[int] = field(default_factory=list)


def bench_batch(
    count: int = 60,
    *,
    kills: int = 2,
    workers: int = 0,
    options: Sequence[str] = ("--quality", "draft"),
    seconds: tuple[float, float] = SECONDS,
    scaling: bool = False,
    out: Path | None = None,
    seed: int = 0,
    on_progress: OnProgress = ignore_progress,
) -> dict[str, Any]:
    """Make a corpus, convert it as `assistmimic batch` does, kill that on the way, and count.

    Args:
        count: Clips.
        kills: How often the batch is ended by `kill -9`, at moments of chance in its first third, and called again.
        workers: Worker processes; 0 takes one for each core.
        options: Further ones of `assistmimic batch`.
        seconds: How long clips are [s].
        scaling: Also measure how much two workers are faster than one.
        out: Keeps corpus and results; by default nothing is kept.
        seed: Seed of all chance.
        on_progress: Told how many clips have ended.

    Returns:
        What `docs/bench.md` describes, ready for JSON.

    Raises:
        AssistMimicError: there are no clips to make it of, or the batch does not run.
    """
    with tempfile.TemporaryDirectory(prefix="assistmimic-bench-") as temporary:
        folder = out or Path(temporary)
        made = make_corpus(folder / "in", count, seed, seconds=seconds)
        runs = _run(folder, made, kills, workers, options, seed, on_progress)
        summary = json.loads((folder / "out" / "summary.json").read_text(encoding="utf-8"))
        report = _report(made, runs, summary, workers or usable_cores())
        if scaling:
            report["scaling"] = _scaling(folder, min(count, _SCALING_CLIPS), seconds, options, seed)
    report["targets"] = _targets(report)
    return {**report, "options": list(options), "seed": seed, "machine": machine(), "versions": versions()}


def _run(
    folder: Path,
    made: Sequence[Made],
    kills: int,
    workers: int,
    options: Sequence[str],
    seed: int,
    on_progress: OnProgress,
) -> _Runs:
    chance, runs = random.Random(seed), _Runs()
    third = max(1, len(made) // 3)
    moments = sorted(chance.uniform(0, third) for _ in range(kills))
    ended: set[str] = set()

    def tell(event: Mapping[str, Any]) -> None:
        ended.add(event["clip"]["name"])
        on_progress(Progress("batch", len(ended), len(made), "clips"))

    for moment in (*moments, None):
        left = None if moment is None else max(0.0, moment - len(ended))
        _one_run(folder, workers, options, left, chance.random(), runs, tell)
    if runs.codes[-1] not in (0, 3):
        raise AssistMimicError(f"bench batch: the batch ended with exit code {runs.codes[-1]}")
    return runs


def _one_run(
    folder: Path, workers: int, options: Sequence[str], clips: float | None, wait: float, runs: _Runs, tell: Any
) -> None:
    """Run the batch; with a number of clips, kill it after so many and a little later."""
    command = [sys.executable, "-m", "controller_server.cli", "batch", str(folder / "in"), str(folder / "out")]
    command += ["--json", "--workers", str(workers), *options]
    started, events = time.perf_counter(), []
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "clip":
                events.append(event)
                tell(event)
            if clips is not None and len(events) >= clips:
                time.sleep(2 * wait)
                break
    finally:
        if clips is not None or sys.exc_info()[0] is not None:
            process.kill()
        for line in process.stdout:  # what was said until then
            if line.endswith("\n") and json.loads(line)["event"] == "clip":
                events.append(json.loads(line))
                tell(events[-1])
        process.stdout.close()
    runs.codes.append(process.wait())
    runs.seconds += time.perf_counter() - started
    runs.events.append(events)


def _report(made: Sequence[Made], runs: _Runs, summary: Mapping[str, Any], workers: int) -> dict[str, Any]:
    rows = {row["name"]: row for row in summary["rows"]}
    sound = [clip for clip in made if not clip.broken]
    broken = [clip for clip in made if clip.broken]
    names = Counter(event["clip"]["name"] for events in runs.events for event in events)
    ends = Counter(row["end"] for row in rows.values())
    return {
        "clips": len(made),
        "ends": dict(ends),
        "lost": sorted(clip.name for clip in made if rows.get(clip.name, {}).get("end", "missing") == "missing"),
        "twice": sorted(name for name, times in names.items() if times > 1),
        "strangers": sorted(set(rows) - {clip.name for clip in made}),
        "broken": len(broken),
        "broken_stated": sum(rows[clip.name]["code"] == "bad_input" for clip in broken if clip.name in rows),
        "sound_with_error": [
            f"{clip.name}: {rows[clip.name]['message']}"
            for clip in sound
            if rows.get(clip.name, {}).get("end") == "error"
        ],
        "carried_share": _share(sound, rows),
        "carried_by_format": {e: _share([c for c in sound if c.ending == e], rows) for e in _of(sound, "ending")},
        "carried_by_clip": {s: _share([c for c in sound if c.source == s], rows) for s in _of(sound, "source")},
        "controllers": dict(Counter(row["controller"] for row in rows.values() if row["controller"])),
        "kills": len(runs.codes) - 1,
        "exit_code": runs.codes[-1],
        "workers": workers,
        "seconds": runs.seconds,
        "core_seconds_a_clip": summary["core_seconds"] / max(1, summary["ended"]),
        "clips_per_core_hour": summary["clips_per_core_hour"],
        "memory_mb": max(row["memory_mb"] or 0.0 for row in rows.values()),
        "memory": memory_growth([event["clip"].get("memory_mb", 0.0) for event in runs.events[-1]]),
    }


def _of(made: Sequence[Made], name: str) -> list[str]:
    return sorted({asdict(clip)[name] for clip in made})


def _share(made: Sequence[Made], rows: Mapping[str, Mapping[str, Any]]) -> float | None:
    carried = [rows.get(clip.name, {}).get("verdict") == "success" for clip in made]
    return sum(carried) / len(carried) if carried else None


def memory_growth(values: Sequence[float]) -> dict[str, float] | None:
    """Mean memory of workers in clips 50 to 150 and in the last hundred of a run [MB]; None for a shorter run."""
    early, late = values[49:150], values[-100:]
    if len(values) < 250 or min(*early, *late) <= 0:
        return None
    first, last = float(np.mean(early)), float(np.mean(late))
    return {"early_mb": first, "late_mb": last, "ratio": last / first}


def _scaling(
    folder: Path, count: int, seconds: tuple[float, float], options: Sequence[str], seed: int
) -> dict[str, Any]:
    """Return how much faster two workers of one thread are than one, without the time they take to start."""
    rates = {}
    for workers in (1, 2):
        place = folder / f"scaling-{workers}"
        make_corpus(place / "in", count, seed, seconds=seconds)
        runs = _Runs()
        _one_run(place, workers, [*options, "--threads", "1"], None, 0.0, runs, lambda event: None)
        began, done = (runs.events[0][k]["batch"]["seconds"] for k in (0, -1))
        rates[workers] = (len(runs.events[0]) - 1) / max(done - began, 1e-9)
    return {"clips": count, "one_per_s": rates[1], "two_per_s": rates[2], "speedup": rates[2] / rates[1]}


def _targets(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    memory, scaling = report["memory"], report.get("scaling")
    rows = [
        ("clips lost, twice or never asked for", sum(len(report[k]) for k in ("lost", "twice", "strangers")), 0, False),
        ("broken clips that are not stated errors", report["broken"] - report["broken_stated"], 0, False),
        ("sound clips with an error", len(report["sound_with_error"]), 0, False),
        ("share of sound clips that are carried", report["carried_share"], 0.95, True),
        ("core-seconds a clip", report["core_seconds_a_clip"], CORE_SECONDS_A_CLIP, False),
        ("memory, late over early", memory["ratio"] if memory else None, 1.05, False),
        ("two workers over one", scaling["speedup"] if scaling else None, 1.8, True),
    ]
    return [
        {
            **{"name": name, "value": value, "wanted": wanted, "at_least": at_least},
            "met": None if value is None else value >= wanted if at_least else value <= wanted,
        }
        for name, value, wanted, at_least in rows
    ]
