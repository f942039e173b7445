"""Starting, stopping, being found: what whoever embeds the server relies on."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
import urllib.request

import pytest
from helpers.service_cases import ServerProcess, foreign_server, short_clip, until

from controller_server import connect
from controller_server.core.errors import AssistMimicError
from controller_server.service.client.location import find_server, is_loopback
from controller_server.service.protocol.errors import ServerLost
from controller_server.service.server.configuration import ServeArguments, parse_serve, read_config
from controller_server.service.server.logs import JsonFormatter
from controller_server.service.server.options import WorkerSpec


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The server's command, when it is expected to end by itself."""
    command = [sys.executable, "-m", "controller_server.service", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, env={**os.environ, **environment})


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_clean_stop(tmp_path, how):
    """End with 0 on SIGTERM and SIGINT, remove the port file, leave no worker, log the end as JSON."""
    server = foreign_server(tmp_path).start()
    with server.connect() as client:
        until(lambda: client.server_status()["workers"][0]["state"] == "idle")
        pid = client.server_status()["workers"][0]["pid"]
    assert server.process is not None
    server.process.send_signal(how)
    assert server.process.wait(timeout=10) == 0
    assert not server.port_file.exists()
    assert not os.path.exists(f"/proc/{pid}")
    lines = [json.loads(line) for line in (tmp_path / "log" / "server.log").read_text(encoding="utf-8").splitlines()]
    assert lines[0]["event"] == "serving" and lines[-1]["event"] == "stopped"
    assert {"time", "level", "event"} <= set(lines[0])


def test_the_server_ends_with_its_parent(tmp_path):
    """Notice that the process named by --parent-pid is gone."""
    parent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    server = foreign_server(tmp_path).start(parent_pid=parent.pid)
    parent.communicate(b"\n", timeout=20)
    assert server.process is not None
    assert server.process.wait(timeout=10) == 0


def test_the_port_file_says_where(tmp_path):
    """Write address, process and session once the server answers, readable by its owner alone."""
    path = tmp_path / "elsewhere" / "port.json"
    server = foreign_server(tmp_path)
    server.arguments += ("--port-file", str(path))
    server.port_file = path
    with server:
        content = json.loads(path.read_text(encoding="utf-8"))
        assert server.process is not None and content["pid"] == server.process.pid
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with connect(port_file=path) as client:
            assert client.hello()["session"] == content["session"]
        with connect(content["endpoint"]) as client:
            assert client.hello()["session"] == content["session"]


def test_the_server_is_found_by_default(tmp_path, monkeypatch):
    """Find the server this user started last, or the one the environment names; say so when there is none."""
    monkeypatch.setenv("ASSISTMIMIC_STATE", str(tmp_path))
    monkeypatch.delenv("ASSISTMIMIC_SERVER", raising=False)
    with pytest.raises(AssistMimicError, match="assistmimic serve"):
        find_server()
    with foreign_server(tmp_path) as server:
        assert find_server().endpoint == server.endpoint
    monkeypatch.setenv("ASSISTMIMIC_SERVER", "tcp://127.0.0.1:5")
    assert find_server().endpoint == "tcp://127.0.0.1:5"


def test_two_servers_do_not_share_a_store(tmp_path):
    """Refuse a folder that another server uses, in one line."""
    with foreign_server(tmp_path):
        second = run("--store", str(tmp_path))
        assert second.returncode == 2
        assert "another server has them open" in second.stderr
        assert second.stderr.count("\n") == 1


def test_ready_soon(tmp_path):
    """Listen within 2 s of processor time, whatever else the machine does."""
    with ServerProcess(tmp_path) as server, server.connect():
        assert server.process is not None
        with open(f"/proc/{server.process.pid}/stat", encoding="utf-8") as file:
            ticks = sum(map(int, file.read().rpartition(")")[2].split()[11:13]))
        assert ticks / os.sysconf("SC_CLK_TCK") < 2


def test_a_disk_that_takes_no_more(tmp_path):
    """Stop with a sentence when nothing can be written any more; lose nothing that was accepted before."""
    server = foreign_server(tmp_path)
    server.largest_file, accepted = 2_000_000, []
    with server.start(), server.connect(lost_s=1) as client:
        with pytest.raises(ServerLost):
            while len(accepted) < 100:
                accepted.append(client.submit(short_clip(140)))
        assert server.process is not None and server.process.wait(timeout=5) == 2
    assert "cannot be written down any more" in (tmp_path / "out.txt").read_text()
    assert 0 < len(accepted) < 100
    server.largest_file = None
    with server.start(), server.connect() as client:
        for job in accepted:
            assert client.wait(job).clip.n_frames == 140


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--bind", "tcp://0.0.0.0:0"], "others could connect"),
        (["--bind", "tcp://*:0"], "others could connect"),
        (["--bind", "nonsense"], "others could connect"),
        (["--bind", "tcp://127.0.0.1:notaport"], "cannot listen there"),
        (["--bind", "tcp://0.0.0.0:0", "--auth", "missing"], "lets nobody in"),
        (["--workers", "0"], "outside 1-256"),
        (["--workers", "many"], "--workers: expected a whole number, got 'many'"),
        (["--speed", "9"], "no option --speed; see python -m controller_server.service --help"),
        (["--config", "missing.yaml"], "cannot be read"),
        (["--store", "/proc/nowhere"], "jobs cannot be kept there"),
    ],
)
def test_bad_options_are_one_line(tmp_path, arguments, said):
    """Refuse with exit code 2 and one line on stderr that says how to mend it."""
    done = run(*arguments, ASSISTMIMIC_STATE=str(tmp_path))
    assert done.returncode == 2
    assert said in done.stderr and "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_configuration_file(tmp_path):
    """Read workers, limits and the rest; paths are relative to the file; the command line stands above it."""
    path = tmp_path / "server.yaml"
    path.write_text(
        "workers: [{engine: mujoco, count: 2}, {engine: isaacgym, python: python3.8, module: gym_worker}]\n"
        "limits: {frames: 500}\nsupervision: {stall_s: 60}\nretention: {seconds: 3600}\n"
        "store: jobs\nbundles: [policies]\nbind: tcp://127.0.0.1:7000\n"
    )
    options = read_config(path)
    assert options.workers == (WorkerSpec(count=2), WorkerSpec("isaacgym", "python3.8", "gym_worker"))
    assert (options.limits.frames, options.supervision.stall_s, options.retention.seconds) == (500, 60, 3600)
    assert (options.store, options.bundles) == (tmp_path / "jobs", (tmp_path / "policies",))
    above = ServeArguments(config=path, bind="tcp://127.0.0.1:0", workers=3).options()
    assert (above.bind, above.workers[0].count, above.workers[1].count) == ("tcp://127.0.0.1:0", 3, 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour: red", "no entry 'colour'"),
        ("limits: {frame: 3}", "no entry 'frame'; did you mean frames?"),
        ("workers: {engine: mujoco}", "expected a list"),
        ("workers: [{module: '../evil'}]", "not a module's name"),
        ("workers: [{count: 0}]", "outside 1-256"),
        ("workers: [{engine: warp}]", "there are mujoco"),
        ("bind: 5", "is not an endpoint"),
        ("- a list", "expected names and values"),
        ("store: !!python/object/apply:os.system ['true']", "could not determine a constructor"),
    ],
)
def test_bad_configuration_is_said(tmp_path, text, said):
    """Name the file and what is wrong in it; never build objects from it."""
    path = tmp_path / "server.yaml"
    path.write_text(text)
    with pytest.raises(AssistMimicError, match="server.yaml") as refused:
        read_config(path)
    assert said in str(refused.value)


def test_the_servers_own_program_takes_the_options_of_serve():
    """Parse them without the packages of the command line, and refuse what is none in one sentence."""
    parsed = parse_serve(["--bind", "tcp://127.0.0.1:9", "--private", "--workers", "2"])
    assert parsed == ServeArguments(bind="tcp://127.0.0.1:9", private=True, workers=2)
    with pytest.raises(AssistMimicError, match="no option --worker; did you mean --workers?"):
        parse_serve(["--worker", "2"])


def test_loopback():
    """Know which addresses others can reach."""
    for inside in ("tcp://127.0.0.1:5", "tcp://localhost:5", "tcp://[::1]:5", "tcp://127.8.8.8:*", "ipc:///tmp/x"):
        assert is_loopback(inside), inside
    for outside in ("tcp://0.0.0.0:5", "tcp://*:5", "tcp://eth0:5", "tcp://127.evil.com:5", "tcp://10.0.0.1:5", "x"):
        assert not is_loopback(outside), outside


def test_prometheus_reads_the_counters(tmp_path):
    """Serve the numbers of jobs and workers in Prometheus's text form."""
    pytest.importorskip("prometheus_client")
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = foreign_server(tmp_path)
    server.arguments += ("--metrics-port", str(port))
    with server, server.connect() as client:
        client.simulate(short_clip(2))

        def read() -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
                return page.read().decode()

        until(lambda: 'assistmimic_jobs{state="done"} 1.0' in read())
        assert 'assistmimic_events_total{event="accepted"} 1.0' in read()
        assert 'assistmimic_workers{engine="mujoco",state="idle"} 1.0' in read()


def test_the_log_is_one_object_a_line():
    """Write time, event and extras as JSON, a trace where there is one, and any text as it is."""
    import logging

    try:
        raise ValueError("sürprise\nin two lines")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "it broke %s", ("twice",), sys.exc_info())
    record.job = "abc"
    record.created = time.time()
    line = JsonFormatter().format(record)
    entry = json.loads(line)
    assert "\n" not in line
    assert (entry["level"], entry["event"], entry["job"]) == ("error", "it broke twice", "abc")
    assert "sürprise" in line and "ValueError" in entry["trace"]
