"""A simulation outlives the Blender that asked for it: another one opens the saved file and fetches the result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import controller_server

SCRIPT = Path(__file__).with_name("restart.py")


def live(*arguments: str) -> subprocess.CompletedProcess[str]:
    """One Blender from start to end, with this one's installed extension."""
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, timeout=120)


def resumed(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    """What the second Blender found."""
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))


@pytest.mark.parametrize("where", ["this machine", "elsewhere"])
def test_resumed_by_another_blender(tmp_path: Path, where: str) -> None:
    """Blender is killed mid-job; the embedded server's next life finishes the job, one elsewhere just goes on."""
    path, endpoint, server = tmp_path / "wartet.blend", [], None
    if where == "elsewhere":
        port_file = tmp_path / "server.json"
        packages = str(Path(controller_server.__file__).parents[1])
        command = [sys.executable, "-m", "controller_server.service", "--store", str(tmp_path), "--workers", "1"]
        server = subprocess.Popen([*command, "--port-file", str(port_file)], env={**os.environ, "PYTHONPATH": packages})
        until = time.monotonic() + 30
        while not port_file.exists():
            assert time.monotonic() < until and server.poll() is None
            time.sleep(0.05)
        endpoint = [json.loads(port_file.read_text())["endpoint"]]
    try:
        first = live("hand-in", str(path), *endpoint)
        assert first.returncode == -9 and path.exists(), first.stdout + first.stderr
        found = resumed(live("resume", str(path), *endpoint))
        assert found == {"pending": "", "frames": [1, 32], "plays": "pull_up recipient.sim"}
    finally:
        if server is not None:
            server.terminate()
            server.wait(timeout=20)
