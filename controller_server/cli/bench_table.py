"""The benchmark as tables for people."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from controller_server.metrics.catalogue import METRIC

ROLES = ("supporter", "recipient")
_WIDTH_IN_FILES = 120


def bench_console() -> Console:
    """Return where tables go; wide enough for them where that is a file."""
    console = Console()
    if not console.is_terminal:
        console.width = _WIDTH_IN_FILES
    return console


def show_report(report: Mapping[str, Any], as_json: bool, print_tables: Callable[[Mapping[str, Any]], None]) -> None:
    """Print what was measured as one JSON object, or as tables."""
    if as_json:
        print(json.dumps(report, indent=1, allow_nan=False))
    else:
        print_tables(report)


def print_bench(report: Mapping[str, Any], console: Console | None = None) -> None:
    """Print what `bench_convert` measured."""
    console = console or bench_console()
    console.print(_clips(report))
    if "help" in report:
        console.print(_help(report))
    summary = report["summary"]
    ratio = report["ratio_to_bare_stepping"]
    cost = f"{summary['seconds_per_clip_second']:.1f} s per second of clip"
    cost += "" if ratio is None else f", {ratio:.2f} times bare stepping"
    of = summary["clips"]
    for line in (
        f"success {summary['success']} of {of}, followed {summary['success_tracking']} of {of}",
        f"{cost}, at most {report['peak_rss_mb']:.0f} MB",
        report["machine"],
    ):
        console.print(line, highlight=False, soft_wrap=True)


def _clips(report: Mapping[str, Any]) -> Table:
    table = Table(title=f"quality {report['quality']}, seed {report['seed']}", title_justify="left")
    units = {name: METRIC[name].unit for name in ("mpjpe_mm", "slip_worst_cm", "partner_penetration_mm")}
    error, slip, inside = units.values()
    for name in (
        "clip",
        "controller",
        "wrench",
        f"MPJPE {error}",
        f"slip {slip}",
        "holds",
        f"penetration {inside}",
        "s/s",
    ):
        table.add_column(name, justify="left" if name in ("clip", "controller") else "right")
    for entry in report["clips"]:
        table.add_row(*_row(entry["name"], entry, entry["controller"], f"{entry['seconds_per_clip_second']:.1f}"))
        if "part" in entry:
            part = entry["part"]
            table.add_row(*_row(f"  {part['start_s']:g} to {part['end_s']:g} s", part, entry["controller"], ""))
    return table


def _row(name: str, entry: Mapping[str, Any], controller: str, seconds: str) -> list[str]:
    slip, deep, held = entry["slip_cm"], entry["partner_penetration_mm"], entry["holds_kept"]
    return [
        name,
        _outcome(entry, controller),
        f"{entry['max_wrench_n']:.0f} N",
        " / ".join(f"{entry['mpjpe_mm'][role]:.0f}" for role in ROLES),
        f"{slip['mean']:.1f}, worst {slip['worst']:.1f}",
        "–" if held is None else f"{held:.0%}",
        f"{deep['input']:.0f} → {deep['output']:.0f}",
        seconds,
    ]


def _outcome(entry: Mapping[str, Any], controller: str) -> str:
    if entry["success"]:
        return controller
    if entry["success_tracking"]:
        return f"{controller}, not usable: {', '.join(entry['failed_criteria'])}"
    return f"failed ({controller})"


def _help(report: Mapping[str, Any]) -> Table:
    table = Table(title="who needs help, by search: largest deviation, pelvis at the end", title_justify="left")
    for name in ("clip", "recipient", "alone", "with the supporter"):
        table.add_column(name, justify="left" if name in ("clip", "recipient") else "right")
    for row in report["help"]:
        for tried in row["alone"]:
            last = tried["person"] == row["needs_help"]
            helped = help_cell(row["helped"]) if last else ""
            table.add_row(row["name"], tried["person"], help_cell(tried), helped)
    return table


def help_cell(row: Mapping[str, Any]) -> str:
    """Return a row of `benchmarks.help_needed.best_of_seeds` in words."""
    verdict = "carried" if row["success"] else "lost"
    return f"{verdict}, {row['deviation_max_mm']:.0f} mm, {row['pelvis_at_end_mm']:+.0f} mm"
