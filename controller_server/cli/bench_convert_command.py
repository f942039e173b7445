"""`assistmimic bench convert`: how good, how physical and how fast conversion is, as tables or as JSON."""

from __future__ import annotations

from .bench_arguments import BenchConvert
from .bench_table import print_bench, show_report
from .outputs import check_output
from .progress import TerminalProgress


def run_bench_convert(arguments: BenchConvert) -> int:
    """Measure conversion. Raises AssistMimicError."""
    from controller_server.benchmarks.conversion import bench_convert

    out = arguments.out
    if out is not None:
        check_output(out / "bench.json", (".json",))
    with TerminalProgress() as progress:
        report = bench_convert(
            arguments.clips, quality=arguments.quality, weak=arguments.weak, out=out, on_progress=progress
        )
    show_report(report, arguments.json, print_bench)
    return 0
