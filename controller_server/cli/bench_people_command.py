"""`assistmimic bench people`: what the presets of strength can do alone, as a table or as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from .bench_arguments import BenchPeople
from .bench_table import bench_console, help_cell, show_report
from .progress import TerminalProgress


def run_bench_people(arguments: BenchPeople) -> int:
    """Let the presets try. Raises AssistMimicError."""
    from controller_server.benchmarks.people import bench_people

    with TerminalProgress() as progress:
        report = bench_people(arguments.people, quality=arguments.quality, seeds=arguments.seeds, on_progress=progress)
    show_report(report, arguments.json, print_people)
    return 0


def print_people(report: Mapping[str, Any], console: Console | None = None) -> None:
    """Print what `bench_people` measured."""
    console = console or bench_console()
    names = list(report["people"][0]["alone"])
    table = Table(title="alone, by search: largest deviation, pelvis at the end", title_justify="left")
    for name in ("person", *names, f"arms holding {report['held_kg']:g} kg"):
        table.add_column(name, justify="left" if name == "person" else "right")
    for row in report["people"]:
        load = row["arm_load"]
        held = "paralysed" if load is None else f"{load:.0%} of their strength"
        table.add_row(row["person"], *(help_cell(row["alone"][name]) for name in names), held)
    console.print(table)
    console.print(report["machine"], highlight=False, soft_wrap=True)
