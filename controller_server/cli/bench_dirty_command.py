"""`assistmimic bench dirty`: dirty clips against their clean truth, as tables or as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from controller_server.pipeline.settings import ConvertSettings

from .bench_arguments import BenchDirty
from .bench_table import bench_console, show_report
from .outputs import check_output
from .progress import TerminalProgress


def run_bench_dirty(arguments: BenchDirty) -> int:
    """Measure. Raises AssistMimicError."""
    from controller_server.benchmarks.dirty import bench_dirty, plan
    from controller_server.service.protocol.port_file import state_folder

    tasks = plan(arguments.clips, arguments.kinds, arguments.seeds, full=arguments.full)
    settings = ConvertSettings(
        controller=arguments.controller,
        quality=arguments.quality,
        policy=arguments.policy,
        threads=arguments.threads,
    )
    keep = (arguments.out or state_folder() / "bench") / "dirty.jsonl"
    check_output(keep, (".jsonl",))
    with TerminalProgress() as progress:
        report = bench_dirty(tasks, settings, keep=keep, out=arguments.out, on_progress=progress)
    show_report(report, arguments.json, print_dirty)
    if arguments.out is None:  # only a run that was cut off leaves something to go on from
        keep.unlink(missing_ok=True)
    return 0


def print_dirty(report: Mapping[str, Any], console: Console | None = None) -> None:
    """Print what `bench_dirty` measured."""
    console = console or bench_console()
    console.print(_rows(report))
    console.print(_kinds(report))
    for target in report["targets"]:
        word = "nothing to judge" if target["met"] is None else "met" if target["met"] else "MISSED"
        bound = f"at {'least' if target['at_least'] else 'most'} {_number(target['wanted'], target['unit'])}"
        value = "–" if target["value"] is None else _number(target["value"], target["unit"])
        console.print(f"{target['name']}: {value}, {bound}: {word}", highlight=False, soft_wrap=True)
    console.print(report["machine"], highlight=False, soft_wrap=True)


def _rows(report: Mapping[str, Any]) -> Table:
    table = Table(title=f"{report['controller']}, quality {report['quality']}", title_justify="left")
    for name in ("clip", "dirt", "seed", "verdict", "error to truth mm", "holds", "slip cm", "hands m/s", "s/s"):
        table.add_column(name, justify="left" if name in ("clip", "dirt", "verdict") else "right")
    for row in report["rows"]:
        table.add_row(row["clip"], row["kind"], str(row["seed"]), _verdict(row), *_cells(row))
    return table


def _verdict(row: Mapping[str, Any]) -> str:
    if row["success"]:
        return row["controller"]
    word = "followed" if row["success_tracking"] else "lost"
    return f"{word}: {', '.join(row['failed_criteria'])}"


def _cells(row: Mapping[str, Any]) -> list[str]:
    if "error_to_truth_mm" not in row:
        return []
    kept, slip = row["contact_kept"], row["slip_cm"]
    return [
        " → ".join(f"{value:.0f}" for value in row["error_to_truth_mm"].values()),
        "–" if kept is None else f"{kept:.0%}",
        f"{slip['mean']:.1f}, {slip['worst']:.1f}",
        " → ".join(f"{value:.1f}" for value in row["hand_speed_m_s"].values()),
        f"{row['seconds_per_clip_second']:.1f}",
    ]


def _kinds(report: Mapping[str, Any]) -> Table:
    table = Table()
    for name in ("dirt", "success", "followed", "error to truth mm"):
        table.add_column(name, justify="left" if name == "dirt" else "right")
    for kind, row in report["summary"].items():
        errors = row["error_to_truth_mm"]
        said = "" if errors is None else " → ".join(f"{value:.0f}" for value in errors.values())
        table.add_row(kind, f"{row['success']} of {row['rows']}", f"{row['success_tracking']} of {row['rows']}", said)
    return table


def _number(value: float, unit: str) -> str:
    return f"{value:.0%}" if unit == "share" else f"{value:.3g} {unit}"
