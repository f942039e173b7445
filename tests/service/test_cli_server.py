"""The real commands against a real server."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.service_cases import ServerProcess, foreign_server, short_clip, until

from controller_server.clip.io.formats import read_clip
from controller_server.clip.io.npz import write_npz
from controller_server.pipeline.result import read_result_metadata

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """The command in an empty folder, with nobody's state but this test's."""

    def command(*arguments: str | Path, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "controller_server.cli", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=tmp_path,
            env={**os.environ, "ASSISTMIMIC_STATE": str(tmp_path / "state"), "COLUMNS": "120", **environment},
        )
        assert done.returncode == code, done.stderr
        return done

    return command


@pytest.fixture
def foreign(tmp_path: Path):
    """A server, its state where the commands look for it."""
    with foreign_server(tmp_path / "state") as running:
        yield running


def test_submit_writes_what_convert_writes(run, server: ServerProcess, tmp_path):
    """Simulate on the server and write the result, with the verdict on stdout and progress on stderr."""
    write_npz(tmp_path / "in.npz", short_clip())
    at = ("--server", server.endpoint)
    quick = ("--quality", "draft", "--controller", "search", "--threads", "1")
    done = run("submit", "in.npz", "out/out.npz", "--report", "out/page.html", *quick, *at)
    assert "result: success, controller search" in done.stdout and "wrote out/out.npz" in done.stdout
    assert "job " in done.stderr and "prepare" in done.stderr and "made the folder out" in done.stderr
    assert read_clip([tmp_path / "out" / "out.npz"]).clip.n_frames == 4
    meta = read_result_metadata(tmp_path / "out" / "out.npz")
    assert meta is not None and meta["settings"]["carry_report"] is False
    job = re.search(r"job (\w+)", done.stderr)
    assert job is not None
    told = json.loads(run("fetch", job[1], "again.npz", "--report", "again.html", "--json", "--strict", *at).stdout)
    assert (told["name"], told["verdict"], told["files"]) == ("in", "success", ["again.npz", "again.html"])
    page = (tmp_path / "again.html").read_text()
    assert page == (tmp_path / "out" / "page.html").read_text() and "<title>in · AssistMimic</title>" in page
    listed = json.loads(run("jobs", "--json", "--limit", "1", *at).stdout)[0]
    assert (listed["name"], listed["verdict"]) == ("in", "success") and "@" in listed["client"]


def test_jobs_by_hand(run, foreign, tmp_path):
    """Submit, look, cancel and list from the command line, without naming the server."""
    write_npz(tmp_path / "long.npz", short_clip(2, source="long"))
    job = run("submit", "long.npz", "--detach").stdout.strip()
    status = json.loads(run("status", job, "--json").stdout)
    assert status["job"] == job and status["state"] in ("queued", "running")
    assert run("cancel", job).stdout == f"job {job} is cancelled\n"
    second = json.loads(run("submit", "long.npz", "--detach", "--json").stdout)["job"]
    assert run("cancel", second).stdout == f"job {second} is cancelled\n"
    listed = json.loads(run("jobs", "--json").stdout)
    assert [(entry["job"], entry["state"]) for entry in listed] == [(second, "cancelled"), (job, "cancelled")]
    assert listed[0]["client"] == listed[1]["client"]  # two shells, one client
    table = run("jobs").stdout
    assert job in table and "long" in table and listed[0]["client"] in table
    text = run("status").stdout
    assert foreign.endpoint in text and "2 cancelled" in text and "mujoco" in text
    assert json.loads(run("status", "--json").stdout)["jobs"]["cancelled"] == 2


def test_interrupting_submit_cancels(run, foreign, tmp_path):
    """Cancel the job on Ctrl-C and write nothing."""
    import signal

    write_npz(tmp_path / "long.npz", short_clip(2, source="long"))
    environment = {**os.environ, "ASSISTMIMIC_STATE": str(tmp_path / "state")}
    command = [sys.executable, "-m", "controller_server.cli", "submit", "long.npz", "out.npz"]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    with foreign.connect() as client:
        until(lambda: any(info.done > 0 for info in client.jobs()))
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 130
        assert [info.state for info in client.jobs()] == ["cancelled"]
    assert process.stderr is not None
    assert "interrupted" in process.stderr.read()
    process.stderr.close()
    assert not (tmp_path / "out.npz").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("status",), "no server is running"),
        (("status", "--server", "tcp://127.0.0.1:9"), "no word from the server"),
        (("submit", "in.npz"), "expected IN OUT"),
        (("submit", "missing.npz", "out.npz"), "no such file"),
        (("submit", "in.npz", "out.txt"), "use .npz or .bvh"),
        (("fetch", "some-job-1", "out.txt"), "use .npz or .bvh"),
        (("jobs", "--limit", "0"), "not at least 1"),
        (("serve", "--bind", "tcp://0.0.0.0:0"), "others could connect"),
        (("keys", "add", "keys"), "whose?"),
        (("keys", "add", "keys", "ann"), "no server keys"),
        (("bench", "serve", "--clients", "0"), "are 1-1000"),
    ],
)
def test_what_is_wrong_is_one_line(run, tmp_path, arguments, said):
    """Refuse with exit code 2 and one line."""
    write_npz(tmp_path / "in.npz", short_clip(2))
    done = run(*arguments, code=2, ASSISTMIMIC_SERVER="")
    assert said in done.stderr and done.stderr.count("\n") == 1


def test_keys_from_the_command_line(run, tmp_path):
    """Make a server's keys, let a client in, list, serve with them, lock the client out."""
    assert "public key" in run("keys", "init", "keys").stdout
    assert "wrote ann.key" in run("keys", "add", "keys", "ann").stdout
    assert run("keys", "list", "keys").stdout == "ann\n"
    server = foreign_server(tmp_path / "store")
    server.arguments += ("--auth", str(tmp_path / "keys"))
    with server:
        assert "0 done" in run("status", "--server", server.endpoint, "--key", "ann.key").stdout
    run("keys", "remove", "keys", "ann")
    assert run("keys", "list", "keys").stdout == ""


def test_serve_is_the_server(tmp_path):
    """Print the address, serve, and end with 0 on SIGTERM."""
    command = [sys.executable, "-m", "controller_server.cli", "serve", "--store", str(tmp_path), "--workers", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("assistmimic server at tcp://127.0.0.1:")
    assert (tmp_path / "server.json").exists()
    process.terminate()
    assert process.wait(timeout=10) == 0
    process.stdout.close()
