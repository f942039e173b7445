"""Jobs of the Blender extension against a real embedded server."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import controller_server
from blender_addon.job.engine import Engine
from blender_addon.job.runner import Job, JobState, remote_connection
from controller_server.clip.interaction import InteractionClip
from controller_server.core.errors import AssistMimicError
from controller_server.physics.recorded_frames import slice_clip
from controller_server.pipeline.settings import ConvertSettings, Quality
from controller_server.service.client.client import Client, connect

SETTINGS = ConvertSettings(quality=Quality.DRAFT, threads=1).to_dict()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A running embedded server."""
    engine = Engine(tmp_path_factory.mktemp("engine"), Path(controller_server.__file__).parents[1])
    engine.ensure()
    yield engine
    engine.stop()


def reach(engine: Engine) -> Client:
    """A client of the embedded server, which is started if need be."""
    return connect(port_file=engine.ensure())


def until(job: Job, *states: JobState, timeout: float = 60) -> None:
    """Wait until a job is in one of some states."""
    end = time.monotonic() + timeout
    while job.status.state not in states:
        assert time.monotonic() < end, job.status
        time.sleep(0.01)


def test_a_job_comes_back(engine: Engine, standing_clip: InteractionClip) -> None:
    """A job reports progress while it runs and ends with a clip of as many frames."""
    clip = slice_clip(standing_clip, slice(0, 6))
    job = Job(lambda: reach(engine), clip, SETTINGS)
    job.start()
    until(job, JobState.DONE, JobState.FAILED)
    assert job.status.message == "" and job.result is not None
    assert job.first_news is not None
    assert job.result.clip.n_frames == 6


def test_cancel_is_confirmed_soon(engine: Engine, standing_clip: InteractionClip) -> None:
    """A running job is cancelled within half a second, and the server says so itself."""
    job = Job(lambda: reach(engine), standing_clip, SETTINGS | {"quality": "default"})
    job.start()
    until(job, JobState.RUNNING)
    asked = time.monotonic()
    job.cancel()
    assert job.status.state is JobState.CANCELLING
    until(job, JobState.CANCELLED, JobState.DONE, JobState.FAILED)
    assert job.status.state is JobState.CANCELLED
    assert time.monotonic() - asked < 2.0  # half a second on a machine that is not shared
    with reach(engine) as client:
        assert client.status(job.id).state == "cancelled"


def test_a_refused_job_says_why(engine: Engine, standing_clip: InteractionClip) -> None:
    """Impossible settings come back as a failed job with the server's sentence."""
    job = Job(lambda: reach(engine), standing_clip, {"grip_force": 1e6})
    job.start()
    until(job, JobState.DONE, JobState.FAILED)
    assert job.status.state is JobState.FAILED and "grip_force" in job.status.message


@pytest.mark.slow
def test_a_killed_server_is_said_and_resumed(tmp_path: Path, standing_clip: InteractionClip) -> None:
    """With the server killed mid-job the job is lost; a new server on the same folder finishes it under its id."""
    engine = Engine(tmp_path, Path(controller_server.__file__).parents[1])
    job = Job(lambda: connect(port_file=engine.ensure(), lost_s=1.5), slice_clip(standing_clip, slice(0, 8)), SETTINGS)
    job.start()
    until(job, JobState.RUNNING)
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)
    until(job, JobState.LOST)
    assert job.id in job.status.message
    again = Job(lambda: reach(engine), None, {}, job=job.id)
    again.start()
    until(again, JobState.DONE, JobState.FAILED)
    assert again.status.state is JobState.DONE, again.status
    engine.stop()


@pytest.mark.slow
def test_a_job_left_behind_is_found_or_cleared(tmp_path: Path, standing_clip: InteractionClip) -> None:
    """A job that was left goes on under its id; the next job on a server of one's own does not wait behind it."""
    engine = Engine(tmp_path, Path(controller_server.__file__).parents[1])
    left = Job(lambda: reach(engine), standing_clip, SETTINGS)
    left.start()
    until(left, JobState.RUNNING)
    left.leave()
    until(left, JobState.LOST)
    with reach(engine) as client:
        assert client.status(left.id).state == "running"
    following = Job(lambda: reach(engine), slice_clip(standing_clip, slice(0, 4)), SETTINGS, alone=True)
    following.start()
    until(following, JobState.DONE, JobState.FAILED)
    with reach(engine) as client:
        assert [info.state for info in client.jobs()] == ["done", "cancelled"]
    engine.stop()


@pytest.mark.slow
def test_two_blenders_at_once(engine: Engine) -> None:
    """A second engine on the same folder takes a place of its own, and the first place again once that is free."""
    packages = Path(controller_server.__file__).parents[1]
    second = Engine(engine.folder.parent, packages)
    second.ensure()
    assert second.folder != engine.folder and second.pid != engine.pid
    second.stop()
    engine.stop()
    second.ensure()
    assert second.folder == engine.folder
    second.stop()
    engine.ensure()


def test_a_job_is_found_where_it_was_handed_in(tmp_path: Path, standing_clip: InteractionClip) -> None:
    """After a restart a job is resumed in its own place, though another is free, or through whoever works there now."""
    packages = Path(controller_server.__file__).parents[1]
    other, first = Engine(tmp_path, packages), Engine(tmp_path, packages)
    other.ensure()
    job = Job(lambda: reach(first), slice_clip(standing_clip, slice(0, 8)), SETTINGS)
    assert (other.place, first.place) == ("1", "2")
    job.start()
    until(job, JobState.RUNNING)
    first.stop()
    other.stop()
    until(job, JobState.LOST)
    restarted, beside = Engine(tmp_path, packages), Engine(tmp_path, packages)
    restarted.ensure()
    for engine in (restarted, beside):
        again = Job(lambda engine=engine: connect(port_file=engine.ensure_for("2")), None, {}, job=job.id)
        again.start()
        until(again, JobState.DONE, JobState.FAILED)
        assert again.status.state is JobState.DONE, again.status
    assert restarted.place == "2" and not beside.is_running
    restarted.stop()


def test_the_engine_is_warmed_up(tmp_path: Path) -> None:
    """It starts on a thread of its own and is then ready at once; stopped meanwhile it ends, and starts again later."""
    engine = Engine(tmp_path, Path(controller_server.__file__).parents[1])
    engine.warm_up().join(30)
    began, pid = time.monotonic(), engine.pid
    assert engine.is_running and engine.ensure().exists() and engine.pid == pid
    assert time.monotonic() - began < 0.1
    engine.stop()
    thread = engine.warm_up()
    while engine.pid is None:
        time.sleep(0.001)
    engine.stop()
    thread.join(5)
    assert not engine.is_running and not thread.is_alive()
    engine.ensure()
    engine.stop()


def test_engine_says_why_it_does_not_start(tmp_path: Path) -> None:
    """Without its packages the engine fails at once, with the last line of its output in the message."""
    bare = getattr(sys, "_base_executable", sys.executable)
    with pytest.raises(AssistMimicError, match="controller_server"):
        Engine(tmp_path / "jobs", tmp_path, bare).ensure()
    with pytest.raises(AssistMimicError, match="cannot be started"):
        Engine(tmp_path / "jobs", tmp_path, str(tmp_path / "python")).ensure()


def test_nobody_there(standing_clip: InteractionClip) -> None:
    """A remote address where nobody answers is a lost job with the address in its message."""
    job = Job(remote_connection("tcp://127.0.0.1:9"), standing_clip, {})
    job.start()
    until(job, JobState.LOST, JobState.FAILED, timeout=20)
    assert "127.0.0.1:9" in job.status.message
    assert replace(job.status).state is JobState.LOST
