"""`assistmimic bench batch`: many short clips in one batch, as lines or as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controller_server.core.errors import SettingsError

from .bench_arguments import BenchBatch
from .bench_table import show_report
from .progress import TerminalProgress

FULL = 1000


def run_bench_batch(arguments: BenchBatch) -> int:
    """Measure. Raises AssistMimicError."""
    from controller_server.benchmarks.batch import bench_batch

    count = FULL if arguments.full else arguments.count
    if not 1 <= count <= 100_000 or not 0 <= arguments.kills <= 100:
        raise SettingsError("bench batch: count is 1-100000, kills 0-100")
    with TerminalProgress() as progress:
        report = bench_batch(
            count,
            kills=arguments.kills,
            workers=arguments.workers,
            options=("--quality", "draft", "--controller", arguments.controller.value),
            scaling=arguments.full,
            out=arguments.out,
            seed=arguments.seed,
            on_progress=progress,
        )
    show_report(report, arguments.json, print_batch)
    return 0


def print_batch(report: Mapping[str, Any]) -> None:
    """Print what `bench_batch` measured."""
    ends = ", ".join(f"{count} {end}" for end, count in report["ends"].items())
    print(f"{report['clips']} clips in {report['seconds']:.0f} s, {report['workers']} workers: {ends}")
    for target in report["targets"]:
        word = "not measured" if target["met"] is None else "met" if target["met"] else "MISSED"
        value = "–" if target["value"] is None else f"{target['value']:.3g}"
        print(f"{target['name']}: {value}, at {'least' if target['at_least'] else 'most'} {target['wanted']:g}: {word}")
    print(report["machine"])
