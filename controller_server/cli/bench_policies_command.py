"""`assistmimic bench policies`: policies beside the search, as a table or as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from .bench_arguments import BenchPolicies
from .bench_table import bench_console, show_report
from .progress import TerminalProgress


def run_bench_policies(arguments: BenchPolicies) -> int:
    """Measure policies. Raises AssistMimicError."""
    from controller_server.benchmarks.policies import bench_policies

    with TerminalProgress() as progress:
        report = bench_policies(
            arguments.clips,
            policy=arguments.policy,
            recipient=arguments.recipient_strength,
            quality=arguments.quality,
            on_progress=progress,
        )
    show_report(report, arguments.json, print_policies)
    return 0


def print_policies(report: Mapping[str, Any], console: Console | None = None) -> None:
    """Print what `bench_policies` measured."""
    console = console or bench_console()
    table = Table(title=f"recipient {report['recipient']}, quality {report['quality']}", title_justify="left")
    for name in ("clip", "controller", "policy"):
        table.add_column(name)
    for name in ("verdict", "MPJPE mm", "largest mm", "skate cm/s", "control s/s"):
        table.add_column(name, justify="right")
    for entry in report["clips"]:
        table.add_row(
            entry["clip"],
            entry["controller"],
            entry["policy"] if "policy" in entry["controller"] else "",
            _verdict(entry),
            f"{entry['mpjpe_mm']:.0f}",
            f"{entry['deviation_max_mm']:.0f}",
            f"{entry['foot_skate_cm_s']:.1f}",
            f"{entry['control_seconds_per_clip_second']:.2f}",
        )
    console.print(table)
    for controller, row in report["summary"].items():
        error = "" if row["mpjpe_mm_common"] is None else f", {row['mpjpe_mm_common']:.0f} mm on clips all followed"
        console.print(
            f"{controller}: success {row['success']}, followed {row['success_tracking']} of {row['clips']}{error}, "
            f"{row['control_seconds_per_clip_second']:.2f} s per second of clip",
            highlight=False,
            soft_wrap=True,
        )
    for line in (*report["left_out"], report["machine"]):
        console.print(line, highlight=False, soft_wrap=True)


def _verdict(entry: Mapping[str, Any]) -> str:
    if entry["success"]:
        return "success"
    if entry["success_tracking"]:
        return f"followed, not usable: {', '.join(entry['failed_criteria'])}"
    lost = entry["failure_time_s"]
    return "too much help" if lost is None else f"lost at {lost:.1f} s"
