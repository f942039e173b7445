"""`assistmimic submit`, `jobs`, `status`, `cancel`, `fetch` and `keys`."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ..clip.formats import read_clip
from ..errors import AssistMimicError
from ..service.client import Client, JobInfo, JobResult, connect, new_job_id
from ..service.keys import add_client, make_server_keys, read_clients, remove_client
from .outputs import check_clip_output, make_folder
from .progress import TerminalProgress
from .server_arguments import Cancel, Fetch, Jobs, Keys, ServerAt, Status, Submit
from .small_commands import result_lines


def _connect(at: ServerAt) -> Client:
    return connect(at.server, key=at.key, port_file=at.port_file)


def run_submit(command: Submit) -> int:
    """Have a clip simulated. Everything that can be refused here is refused before anything is sent."""
    inputs, out = _files(command)
    read = read_clip(inputs, command.read)
    say = Console(stderr=True)
    for note in (*read.notes, *read.clip.warnings()):
        say.print(f"note: {note}", highlight=False, soft_wrap=True)
    job = new_job_id()
    with _connect(command.at) as client:
        if out is None:
            print(client.submit(read.clip, command.settings, job=job))
            return 0
        say.print(f"job {job}", highlight=False)
        with TerminalProgress(say) as progress:
            result = client.simulate(read.clip, command.settings, job=job, on_progress=progress)
    _keep(result, out)
    return 0


def _files(command: Submit) -> tuple[Sequence[Path], Path | None]:
    if command.detach:
        if not 1 <= len(command.files) <= 2:
            raise AssistMimicError(
                f"submit --detach: expected IN or SUPPORTER RECIPIENT, got {len(command.files)} files"
            )
        return command.files, None
    if not 2 <= len(command.files) <= 3:
        raise AssistMimicError(
            f"submit: expected IN OUT or SUPPORTER RECIPIENT OUT, got {len(command.files)} file name(s); "
            "the last one is written (or use --detach)"
        )
    *inputs, out = command.files
    check_clip_output(out, inputs)
    return inputs, out


def _keep(result: JobResult, out: Path) -> None:
    make_folder(out)
    written = result.write(out)
    for line in (*result_lines(result.meta), *(f"note: {note}" for note in result.meta["notes"])):
        print(line)
    for path in written:
        print(f"wrote {path}")


def run_fetch(command: Fetch) -> int:
    """Write a job's result."""
    check_clip_output(command.out, ())
    with _connect(command.at) as client, TerminalProgress() as progress:
        result = client.wait(command.job, on_progress=progress)
    _keep(result, command.out)
    return 0


def run_cancel(command: Cancel) -> int:
    """Cancel a job."""
    with _connect(command.at) as client:
        client.cancel(command.job)
    print(f"job {command.job} is cancelled")
    return 0


def run_jobs(command: Jobs) -> int:
    """List jobs."""
    if command.limit < 1:
        raise AssistMimicError(f"limit: {command.limit} is not at least 1")
    with _connect(command.at) as client:
        jobs = client.jobs(command.limit)
    if command.json:
        print(json.dumps([asdict(job) for job in jobs], indent=2))
        return 0
    table = Table("job", "state", "frames", "accepted", "took", "", box=None, header_style="bold")
    for job in jobs:
        table.add_row(job.job, job.state, str(job.frames), _clock(job.created), _took(job), _remark(job))
    _console().print(table)
    return 0


def run_status(command: Status) -> int:
    """Print where a server, or a job, stands."""
    with _connect(command.at) as client:
        known: Any = client.status(command.job) if command.job else client.server_status()
        endpoint = client.location.endpoint
    if command.json:
        print(json.dumps(asdict(known) if command.job else known, indent=2))
    elif command.job:
        print(f"job {known.job}: {known.state}, {known.frames} frames, accepted {_clock(known.created)}")
        if remark := _remark(known):
            print(remark)
    else:
        _print_server(endpoint, known)
    return 0


def _print_server(endpoint: str, status: dict[str, Any]) -> None:
    print(f"{endpoint}: version {status['server']}, up {_duration(status['uptime_s'])}, {status['clients']} client(s)")
    print("jobs: " + ", ".join(f"{count} {state}" for state, count in status["jobs"].items()))
    print(f"{status['ended_per_minute']:.1f} jobs ended per minute")
    table = Table("worker", "engine", "state", "job", "MB", "jobs done", box=None, header_style="bold")
    for worker in status["workers"]:
        values = (worker["number"], worker["engine"], worker["state"], worker["job"] or "")
        table.add_row(*map(str, values), f"{worker['memory_bytes'] / 1e6:.0f}", str(worker["carried_out"]))
    _console().print(table)


def _console() -> Console:
    console = Console()
    if not console.is_terminal:
        console.width = 120
    return console


def _clock(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _duration(seconds: float) -> str:
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}"


def _took(job: JobInfo) -> str:
    return "" if job.seconds is None else f"{job.seconds:.1f} s"


def _remark(job: JobInfo) -> str:
    """What else there is to say of a job, in its state."""
    if job.state == "failed":
        return f"{job.code}: {job.message}"
    if job.state == "queued":
        return f"{job.position} of yours before it" + (f", worker died {job.attempts} time(s)" if job.attempts else "")
    if job.state == "running" and job.stage:
        return f"{job.stage} {job.done}/{job.total}" if job.total else job.stage
    return "result no longer kept" if job.state == "done" and not job.kept else ""


def run_keys(command: Keys) -> int:
    """Make, remove or list keys."""
    folder, name = command.folder, command.name
    if command.what in ("add", "remove") and not name:
        raise AssistMimicError(f"keys {command.what}: whose? assistmimic keys {command.what} {folder} NAME")
    if command.what == "init":
        print(f"made {folder}, public key {make_server_keys(folder)}; next: assistmimic keys add {folder} NAME")
    elif command.what == "add":
        out = command.out or Path(f"{name}.key")
        make_folder(out)
        add_client(folder, name, out)
        print(f"wrote {out}: give it to {name}, over a way nobody else can read, and remove it here")
    elif command.what == "remove":
        remove_client(folder, name)
        print(f"{name} is locked out; restart the server to end a connection that stands")
    else:
        for known in sorted(read_clients(folder).values()):
            print(known)
    return 0


def run_bench_serve(clients: int, jobs: int, *, as_json: bool) -> int:
    """Measure what the server costs."""
    from ..service.bench import bench_serve

    if not 1 <= clients <= 1000 or not 1 <= jobs <= 1000:
        raise AssistMimicError("bench serve: clients and jobs are 1-1000")
    with TerminalProgress() as progress:
        report = bench_serve(clients=clients, jobs=jobs, on_progress=progress)
    if as_json:
        print(json.dumps(report, indent=2, allow_nan=False))
        return 0
    for name in ("overhead_ms", "overhead_share", "start_ms", "accept_p50_ms", "accept_p99_ms", "status_per_s"):
        print(f"{name} {report[name]:.3g}")
    print(f"{report['small_jobs_answered']} of {report['small_jobs']} small jobs of {clients} clients answered")
    print(report["machine"])
    return 0
