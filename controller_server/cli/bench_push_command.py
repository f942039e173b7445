"""`assistmimic bench push`: who stands after a push, as a table or as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from .bench_arguments import BenchPush
from .bench_table import ROLES, bench_console, show_report
from .progress import TerminalProgress


def run_bench_push(arguments: BenchPush) -> int:
    """Push. Raises AssistMimicError."""
    from controller_server.benchmarks.push import bench_push

    with TerminalProgress() as progress:
        report = bench_push(
            arguments.clips,
            controller=arguments.controller,
            quality=arguments.quality,
            trials=arguments.trials,
            force=arguments.force,
            seed=arguments.seed,
            threads=arguments.threads,
            keep=None if arguments.out is None else arguments.out / "push.jsonl",
            on_progress=progress,
        )
    show_report(report, arguments.json, print_push)
    return 0


def print_push(report: Mapping[str, Any], console: Console | None = None) -> None:
    """Print what `bench_push` measured."""
    console = console or bench_console()
    for entry in report["clips"]:
        table = Table(title=f"{entry['name']}, {entry['force_n']:g} N for {entry['push_s']:g} s", title_justify="left")
        for name in ("pushed", "at s", "direction", "upright", "pelvis low m", "speed m/s"):
            table.add_column(name, justify="left" if name == "pushed" else "right")
        for row in (entry["unpushed"], *entry["rows"]):
            table.add_row(
                row["person"] or "nobody",
                "" if row["start_s"] is None else f"{row['start_s']:.2f}",
                "" if row["direction_deg"] is None else f"{row['direction_deg']:.0f}°",
                "yes" if row["upright"] else "no",
                " / ".join(f"{row['pelvis_low_m'][role]:.2f}" for role in ROLES),
                " / ".join(f"{row['com_speed_m_s'][role]:.2f}" for role in ROLES),
            )
        console.print(table)
        console.print(
            f"{entry['name']}: {entry['recovered']} of {entry['trials']} stand afterwards ({entry['share']:.0%}), "
            f"{report['controller']}, {report['quality']}",
            highlight=False,
            soft_wrap=True,
        )
    console.print(report["machine"], highlight=False, soft_wrap=True)
