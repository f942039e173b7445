"""`assistmimic bench serve`: what the server costs, as lines or as JSON."""

from __future__ import annotations

import json

from controller_server.core.errors import SettingsError

from .bench_arguments import BenchServe
from .progress import TerminalProgress


def run_bench_serve(arguments: BenchServe) -> int:
    """Measure what the server costs."""
    from controller_server.benchmarks.serve import bench_serve

    clients, jobs = arguments.clients, arguments.jobs
    if not 1 <= clients <= 1000 or not 1 <= jobs <= 1000:
        raise SettingsError("bench serve: clients and jobs are 1-1000")
    with TerminalProgress() as progress:
        report = bench_serve(clients=clients, jobs=jobs, on_progress=progress)
    if arguments.json:
        print(json.dumps(report, indent=2, allow_nan=False))
        return 0
    for name in ("overhead_ms", "overhead_share", "start_ms", "accept_p50_ms", "accept_p99_ms", "status_per_s"):
        print(f"{name} {report[name]:.3g}")
    print(f"{report['small_jobs_answered']} of {report['small_jobs']} small jobs of {clients} clients answered")
    print(report["machine"])
    return 0
