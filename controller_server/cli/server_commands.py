"""`assistmimic serve`, `submit`, `jobs`, `status`, `cancel`, `fetch` and `keys`."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from controller_server.clip.io.formats import read_clip
from controller_server.core.errors import SettingsError
from controller_server.core.whole_file import replace_file
from controller_server.service.client.client import Client, JobInfo, JobResult, connect, new_job_id
from controller_server.service.protocol.keys import add_client, make_server_keys, read_clients, remove_client

from .carried_page import page_of, without_page
from .info_command import result_lines
from .outputs import REPORT_SUFFIXES, check_clip_output, check_output, make_folder
from .progress import TerminalProgress
from .server_arguments import Cancel, Fetch, Jobs, Keys, Serve, ServerAt, Status, Submit
from .telling import Telling, result_object, title_of


def _connect(at: ServerAt) -> Client:
    return connect(at.server, key=at.key, port_file=at.port_file)


def run_serve(command: Serve) -> int:
    """Run the server until it is stopped."""
    from controller_server.service.server.start import serve

    serve(command.options())
    return 0


def run_submit(command: Submit) -> int:
    """Have a clip simulated. Everything that can be refused here is refused before anything is sent."""
    inputs, out = _files(command)
    _check_report(command.report, inputs)
    read, telling = read_clip(inputs, command.read), command.telling
    telling.notes((*read.notes, *read.clip.warnings()))
    job, name = new_job_id(), title_of(inputs)
    settings = replace(command.settings, carry_report=True)  # whoever fetches may want it
    with _connect(command.at) as client:
        if out is None:
            client.submit(read.clip, settings, job=job, name=name)
            telling.object({"job": job, "name": name})
            if not telling.json:
                print(job)
            return 0
        telling.console.print(f"job {job}", highlight=False)
        with TerminalProgress(telling.console) as progress:
            result = client.simulate(read.clip, settings, job=job, name=name, on_progress=progress)
    return _keep(result, _Kept(out, command.report, name, command.settings.carry_report), telling)


def _files(command: Submit) -> tuple[Sequence[Path], Path | None]:
    if command.detach:
        if not 1 <= len(command.files) <= 2:
            raise SettingsError(f"submit --detach: expected IN or SUPPORTER RECIPIENT, got {len(command.files)} files")
        if command.report is not None:
            raise SettingsError("submit --detach: there is no result to report on yet; fetch it with --report")
        return command.files, None
    if not 2 <= len(command.files) <= 3:
        raise SettingsError(
            f"submit: expected IN OUT or SUPPORTER RECIPIENT OUT, got {len(command.files)} file name(s); "
            "the last one is written (or use --detach)"
        )
    *inputs, out = command.files
    check_clip_output(out, inputs)
    return inputs, out


def _check_report(report: Path | None, inputs: Sequence[Path] = ()) -> None:
    if report is not None:
        check_output(report, REPORT_SUFFIXES, inputs=tuple(inputs))


@dataclass(frozen=True)
class _Kept:
    """Where a result and its page go, what it is called, and whether its file goes on carrying the page."""

    out: Path
    report: Path | None
    name: str
    carry: bool = False


def _keep(result: JobResult, to: _Kept, telling: Telling) -> int:
    page = page_of(result)
    if to.report is not None and page is None:
        raise SettingsError(
            f"job {result.job}: carries no report; it would if it were submitted with the setting carry_report"
        )
    make_folder(to.out, quiet=telling.quiet)
    result = result if to.carry else without_page(result)
    written = result.write(to.out)
    if to.report is not None and page is not None:
        make_folder(to.report, quiet=telling.quiet)
        replace_file(to.report, page)
        written.append(to.report)
    telling.lines((*result_lines(result.meta), *(f"note: {note}" for note in result.meta["notes"])))
    telling.wrote(written)
    telling.object(result_object(result.meta, result.verdict, written, job=result.job, name=to.name))
    return telling.exit_code(result.verdict)


def run_fetch(command: Fetch) -> int:
    """Write a job's result."""
    check_clip_output(command.out, ())
    _check_report(command.report)
    with _connect(command.at) as client, TerminalProgress(command.telling.console) as progress:
        result, name = client.wait(command.job, on_progress=progress), client.status(command.job).name
    return _keep(result, _Kept(command.out, command.report, name), command.telling)


def run_cancel(command: Cancel) -> int:
    """Cancel a job."""
    with _connect(command.at) as client:
        client.cancel(command.job)
    print(f"job {command.job} is cancelled")
    return 0


def run_jobs(command: Jobs) -> int:
    """List jobs."""
    if command.limit < 1:
        raise SettingsError(f"limit: {command.limit} is not at least 1")
    with _connect(command.at) as client:
        jobs = client.jobs(command.limit)
    if command.json:
        print(json.dumps([asdict(job) for job in jobs], indent=2))
        return 0
    table = Table("name", "job", "state", "verdict", "place", "age", "took", "frames", "who", "", box=None)
    table.columns[1].no_wrap = True
    now = time.time()
    for job in jobs:
        place = "" if job.state != "queued" else "next" if not job.ahead else str(job.ahead + 1)
        verdict = job.verdict if job.state == "done" else ""
        told = (job.name, job.job, job.state, verdict, place, _age(now - job.created), _took(job), str(job.frames))
        table.add_row(*(escape(text) for text in (*told, job.client, _remark(job))))
    _console().print(table)
    return 0


def _age(seconds: float) -> str:
    """Return how long ago, in one unit: "40 s", "12 min", "3 h", "5 d"."""
    for unit, size, most in (("s", 1, 120), ("min", 60, 120 * 60), ("h", 3600, 48 * 3600)):
        if seconds < most:
            return f"{max(seconds, 0) / size:.0f} {unit}"
    return f"{seconds / 86400:.0f} d"


def run_status(command: Status) -> int:
    """Print where a server, or a job, stands."""
    with _connect(command.at) as client:
        known: Any = client.status(command.job) if command.job else client.server_status()
        endpoint = client.location.endpoint
    if command.json:
        print(json.dumps(asdict(known) if command.job else known, indent=2))
    elif command.job:
        verdict = f" ({known.verdict})" if known.verdict else ""
        waits = f", {known.ahead} job(s) before it" if known.ahead else ""
        print(
            f"job {known.job}{f' {known.name}' if known.name else ''}: {known.state}{verdict}{waits}, "
            f"{known.frames} frames, accepted {_clock(known.created)} from {known.client}"
        )
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
        console.width = 160
    return console


def _clock(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _duration(seconds: float) -> str:
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}"


def _took(job: JobInfo) -> str:
    return "" if job.seconds is None else f"{job.seconds:.1f} s"


def _remark(job: JobInfo) -> str:
    """Return what else there is to say of a job, in its state."""
    if job.state == "failed":
        return f"{job.code}: {job.message}"
    if job.state == "queued":
        waits = f"{job.position} of yours before it" if job.position else ""
        return waits + (f" worker died {job.attempts} time(s)" if job.attempts else "")
    if job.state == "running" and job.stage:
        return f"{job.stage} {job.done}/{job.total}" if job.total else job.stage
    return "result no longer kept" if job.state == "done" and not job.kept else ""


def run_keys(command: Keys) -> int:
    """Make, remove or list keys."""
    folder, name = command.folder, command.name
    if command.what in ("add", "remove") and not name:
        raise SettingsError(f"keys {command.what}: whose? assistmimic keys {command.what} {folder} NAME")
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
