"""When a worker is ended and started again, with processes that only pretend."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import zmq

from controller_server.service.server import pool as pool_module
from controller_server.service.server.options import Supervision, WorkerSpec
from controller_server.service.server.pool import Death, Pool, Worker
from controller_server.service.server.store import Key

RULES = Supervision(stall_s=10, start_s=5, cancel_s=1, memory_bytes=1000)


class Process:
    """What the pool asks of a process."""

    def __init__(self) -> None:
        self.pid, self.stdin, self.code = 1, io.BytesIO(), None

    def poll(self) -> int | None:
        """Exit code, or None."""
        return self.code

    def kill(self) -> None:
        """End it as the system would."""
        self.code = -9 if self.code is None else self.code

    def wait(self) -> int | None:
        """Exit code."""
        return self.code


class Clock:
    """Time that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """Seconds."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The pool's clock."""
    clock = Clock()
    monkeypatch.setattr(pool_module, "time", clock)
    return clock


@pytest.fixture
def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock):
    """A pool of one worker of each of two engines, that start nothing."""
    monkeypatch.setattr(pool_module, "_start_process", lambda *_: Process())
    monkeypatch.setattr(pool_module, "resident_bytes", lambda pid: 0)
    context = zmq.Context()
    specs = [WorkerSpec("mujoco"), WorkerSpec("other")]
    pool = Pool(context, specs, RULES, tmp_path / "logs", {})
    for worker in pool.workers:
        worker.since = worker.start_at = clock.now
    yield pool
    pool.close()
    context.term()


def ready(pool: Pool) -> Worker:
    """The first worker, started and ready."""
    assert pool.check() == []
    worker = pool.workers[0]
    worker.route, worker.was_ready, worker.token = b"route", True, ""
    return worker


def busy(pool: Pool, clock: Clock) -> Worker:
    """The first worker, with a job since now."""
    worker = ready(pool)
    worker.job, worker.news = Key("", "job-1234"), clock.now
    return worker


def only(deaths: list[Death]) -> Death:
    """The one death there is."""
    (death,) = deaths
    return death


def test_states_and_engines(pool: Pool, clock: Clock):
    """Name the engines there are workers for, and each worker's state."""
    worker = pool.workers[0]
    assert pool.engines == ["mujoco", "other"]
    assert [worker.state for worker in pool.workers] == ["down", "down"]
    assert pool.check() == [] and worker.state == "starting"
    assert pool.expects(worker.token) and not pool.expects("guess") and not pool.expects("")
    assert ready(pool) is worker and worker.state == "idle" and list(pool.idle()) == [worker]
    worker.job = Key("", "job-1234")
    assert worker.state == "busy" and list(pool.idle()) == []


@pytest.mark.parametrize(
    ("what", "code"),
    [("dies", "worker_died"), ("stalls", "stalled"), ("grows", "out_of_memory"), ("stays", "cancelled")],
)
def test_a_job_loses_its_worker(pool: Pool, clock: Clock, monkeypatch: pytest.MonkeyPatch, what: str, code: str):
    """End a worker that misbehaves over a job, once; say why and whose job it was; leave the other worker alone."""
    worker, process = busy(pool, clock), pool.workers[0].process
    other: Any = pool.workers[1]
    other.route = b"other"
    assert pool.check() == []
    if what == "dies":
        process.code = 1  # type: ignore[union-attr]
    elif what == "stalls":
        clock.now += RULES.stall_s
        assert pool.check() == []
        clock.now += 0.1
    elif what == "grows":
        monkeypatch.setattr(pool_module, "resident_bytes", lambda pid: RULES.memory_bytes + 1)
        other.process.pid, clock.now = 2, clock.now + 1
        monkeypatch.setattr(pool_module, "resident_bytes", lambda pid: RULES.memory_bytes + (pid == 1))
    else:
        worker.cancel_by = clock.now + RULES.cancel_s
        clock.now += RULES.cancel_s + 0.1
    death = only(pool.check())
    assert (death.worker, death.job, death.code) == (worker, Key("", "job-1234"), code)
    assert (worker.process, worker.job, worker.route, worker.cancel_by) == (None, None, b"", None)
    assert process.code is not None and other.process.code is None  # type: ignore[union-attr]


def test_killed_by_somebody_else(pool: Pool, clock: Clock):
    """Tell a worker that the system or an operator killed from one the server ended."""
    busy(pool, clock).process.kill()  # type: ignore[union-attr]
    death = only(pool.check())
    assert death.killed and "signal 9" in death.message


def test_one_that_is_never_ready(pool: Pool, clock: Clock):
    """End a process that does not report in time, and wait longer after each such death."""
    worker, waits = pool.workers[0], []
    pool.workers[1].start_at = float("inf")
    for _ in range(8):
        clock.now = max(clock.now, worker.start_at)
        assert pool.check() == [] and worker.state == "starting"
        clock.now += RULES.start_s + 0.1
        assert only(pool.check()).code == "not_started"
        waits.append(worker.start_at - clock.now)
    assert worker.failed_starts == 8 and waits[0] == 0
    assert waits[1:] == sorted(waits[1:]) and 0 < waits[1] < 1 and waits[-1] == 10


def test_no_such_interpreter(pool: Pool, monkeypatch: pytest.MonkeyPatch):
    """Report an interpreter that is not there as a death, not as an error of the server."""

    def missing(*_: object) -> None:
        raise OSError("no such file")

    monkeypatch.setattr(pool_module, "_start_process", missing)
    deaths = pool.check()
    assert [death.code for death in deaths] == ["not_started"] * 2
    assert "no such file" in deaths[0].detail


def test_cancelling_twice_gains_no_time(pool: Pool, clock: Clock):
    """Keep the first deadline of a job that is cancelled again."""
    worker = busy(pool, clock)
    pool.cancel(worker)
    deadline = worker.cancel_by
    clock.now += 0.5
    pool.cancel(worker)
    assert worker.cancel_by == deadline == 1000 + RULES.cancel_s


def test_an_unreachable_worker_takes_no_job(pool: Pool):
    """Leave a worker idle that cannot be reached."""
    worker = ready(pool)
    assert not pool.run(worker, Key("", "job-1234"), {}, ({}, {}))
    assert worker.job is None
