"""Workers that crash, hang, grow or talk nonsense; the worker here is written without anything of ours."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator

import pytest
from helpers.service_cases import ServerProcess, foreign_server, short_clip, until

from controller_server.service.client.client import Client, new_job_id
from controller_server.service.protocol.errors import JobCancelled, JobFailed

LIMIT_MB = 300


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with one foreign worker and short patience."""
    folder = tmp_path_factory.mktemp("foreign")
    rules = {"stall_s": 0.7, "cancel_s": 0.5, "memory_bytes": LIMIT_MB << 20}
    with foreign_server(folder, **rules) as running:
        yield running


@pytest.fixture
def client(foreign: ServerProcess) -> Iterator[Client]:
    """A connection to that server."""
    with foreign.connect() as connected:
        yield connected


def test_a_foreign_worker_serves(client):
    """Carry a job out with a worker that knows the documented wire and nothing else."""
    told = []
    result = client.simulate(short_clip(5), on_progress=told.append)
    assert result.clip.n_frames == 5
    assert [p.done for p in told if p.stage != "queued"] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        ("crash", "worker_died", r"the worker died \(signal 6\), 2 times"),
        ("exit", "worker_died", r"exit code 7"),
        ("hang", "stalled", "no progress for 0.7 s"),
        ("grow", "out_of_memory", f"it may have {LIMIT_MB} MB"),
        ("nonsense", "worker_died", "signal 9"),
        ("fail", "diverged", "it fell over"),
    ],
)
def test_what_goes_wrong_is_said(client, source, code, said):
    """Try the job once more where the worker is to blame, then fail it with the reason; the next job is fine."""
    with pytest.raises(JobFailed, match=said) as failed:
        client.simulate(short_clip(2, source=source))
    assert failed.value.code == code
    info = client.status(failed.value.job)
    assert (info.state, info.code) == ("failed", code)
    if source == "crash":
        assert "these are my last words" in failed.value.detail
    assert client.simulate(short_clip(2)).clip.n_frames == 2


def test_a_job_whose_worker_died_once_is_done(client, tmp_path):
    """Give the job to a second worker, which finishes it."""
    job = new_job_id()
    result = client.simulate(short_clip(2, source=f"crash once {tmp_path / 'marker'}"), job=job)
    assert result.clip.n_frames == 2
    assert client.status(job).attempts == 1


def test_killed_from_outside(client):
    """Survive kill -9 of a worker in the middle of a job."""
    job = client.submit(short_clip(2, source="slow"))
    until(lambda: client.status(job).state == "running")
    os.kill(client.server_status()["workers"][0]["pid"], signal.SIGKILL)
    assert client.wait(job).clip.n_frames == 2


def test_a_worker_that_does_not_stop_is_ended(client):
    """Confirm a cancel within its time even when the worker hangs."""
    job = client.submit(short_clip(2, source="hang"))
    until(lambda: client.status(job).state == "running")
    client.cancel(job)
    with pytest.raises(JobCancelled):
        client.wait(job)


def test_a_worker_that_listens_is_not_ended(client):
    """Cancel a worker that answers without ending its process."""
    until(lambda: client.server_status()["workers"][0]["state"] == "idle")
    pid = client.server_status()["workers"][0]["pid"]
    job = client.submit(short_clip(2, source="long"))
    until(lambda: client.status(job).done > 0)
    client.cancel(job)
    assert client.server_status()["workers"][0]["pid"] == pid


def test_a_message_about_another_job_changes_nothing(client):
    """Ignore what a worker says about jobs it does not have."""
    assert client.simulate(short_clip(2, source="wrong job")).clip.n_frames == 2


def test_a_worker_that_never_starts_is_reported(tmp_path):
    """Fail the jobs that wait for it, with what it wrote, instead of letting them wait for ever."""
    server = foreign_server(tmp_path)
    (tmp_path / "work" / "foreign_worker.py").write_text("raise SystemExit('no licence for this engine')\n")
    with server, server.connect() as client:
        with pytest.raises(JobFailed, match="does not start") as failed:
            client.simulate(short_clip(2), timeout=20)
        assert failed.value.code == "not_started"
        assert "no licence" in failed.value.detail


def test_an_interpreter_that_is_not_there_is_reported(tmp_path):
    """Fail the jobs of an engine whose interpreter does not exist, naming it."""
    server = foreign_server(tmp_path)
    config = tmp_path / "server.yaml"
    config.write_text(config.read_text().replace(sys.executable, "/nowhere/python3.8"))
    with server, server.connect() as client:
        with pytest.raises(JobFailed, match="cannot be started") as failed:
            client.simulate(short_clip(2), timeout=20)
        assert "/nowhere/python3.8" in failed.value.detail


@pytest.mark.parametrize("ready_before", [True, False])
def test_a_worker_that_is_killed_while_it_starts_costs_no_job(tmp_path, ready_before: bool):
    """Go on starting workers, whether they were ready once or not, however often somebody kills them on the way."""
    server = foreign_server(tmp_path)
    hold = tmp_path / "work" / "hold"  # workers do not get ready, however seldom this test is given the processor
    if not ready_before:
        hold.touch()
    with server, server.connect() as client:
        if ready_before:
            client.simulate(short_clip(2))
            hold.touch()
        job, killed = client.submit(short_clip(2, source="slow")), set()
        if ready_before:
            until(lambda: client.status(job).state == "running")
            os.kill(client.server_status()["workers"][0]["pid"], signal.SIGKILL)

        def kill_one_more() -> bool:
            worker = client.server_status()["workers"][0]
            if worker["state"] != "starting" or worker["pid"] in killed:
                return False
            os.kill(worker["pid"], signal.SIGKILL)
            killed.add(worker["pid"])
            return True

        for _ in range(5):
            until(kill_one_more, 60)
        hold.unlink()
        assert client.wait(job, timeout=60).clip.n_frames == 2


def test_a_worker_of_another_engine_is_not_used(tmp_path):
    """End a worker that has another engine than it was started for, and say so."""
    server = foreign_server(tmp_path)
    config = tmp_path / "server.yaml"
    config.write_text(config.read_text().replace("engine: mujoco", "engine: warp"))
    with server, server.connect() as client:
        assert client.hello()["capabilities"]["engines"] == ["warp"]
        with pytest.raises(JobFailed) as failed:
            client.simulate(short_clip(2), engine="warp", timeout=20)
        assert failed.value.code == "not_started"
        assert "it has engine 'mujoco', not 'warp'" in failed.value.detail


def test_interrupting_the_terminal_costs_no_attempt(tmp_path):
    """End the server, with all of its group, by Ctrl-C; a running job goes on afterwards as if nothing had been."""
    server = foreign_server(tmp_path)
    server.new_session = True
    with server.start(), server.connect() as client:
        job = client.submit(short_clip(2, source="long"))
        until(lambda: client.status(job).done > 0)
        assert server.process is not None
        os.killpg(server.process.pid, signal.SIGINT)
        assert server.process.wait(timeout=10) == 0
    with server.start(), server.connect() as client:
        until(lambda: client.status(job).done > 0)
        assert client.status(job).attempts == 0
        client.cancel(job)


def test_the_cores_are_shared_between_clients(tmp_path):
    """Take jobs turn by turn between clients, whoever came first with how many."""
    with foreign_server(tmp_path) as server, server.connect(name="many") as many, server.connect(name="one") as one:
        block = [many.submit(short_clip(2, source="slow")) for _ in range(8)]
        single = one.submit(short_clip(2, source="slow"))
        one.wait(single)
        alone, states = one.status(single), [many.status(job) for job in block]
        assert alone.started is not None
        begun = [info.started for info in states if info.started is not None and info.started > alone.created]
        assert begun and all(started >= alone.started for started in begun)  # none of the eight between it and its turn
        for job in block:
            many.wait(job)


def test_workers_end_with_their_server(tmp_path):
    """Leave no process behind when the server is killed."""
    server = foreign_server(tmp_path, count=2).start()
    with server.connect() as client:
        until(lambda: all(w["state"] == "idle" for w in client.server_status()["workers"]))
        pids = [worker["pid"] for worker in client.server_status()["workers"]]
    server.kill()
    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))
