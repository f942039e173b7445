"""What the server's tests share: short clips, real server processes, a worker that misbehaves on request."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from controller_server.clip.interaction import InteractionClip
from controller_server.clip.io.formats import read_clip
from controller_server.physics.recorded_frames import slice_clip
from controller_server.service.client.client import Client, connect
from controller_server.service.protocol.port_file import read_port_file
from controller_server.service.server.store import Job, State
from helpers.paths import ROOT

CLIP = ROOT / "assets" / "clips" / "steady.npz"
FOREIGN = Path(__file__).with_name("foreign_worker.py")
QUICK = {"controller": "search", "quality": "draft", "threads": 1}
"""Settings of the cheapest job there is."""


def short_clip(frames: int = 4, *, start: int = 0, source: str = "") -> InteractionClip:
    """A few frames of a bundled clip; `source` tells the foreign worker how to behave."""
    return replace(slice_clip(read_clip([CLIP]).clip, slice(start, start + frames)), source=source)


class ServerProcess:
    """A real server, in a folder of its own.

    Args:
        folder: Of its jobs.
        arguments: Further ones for its command line.
    """

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder, self.arguments = folder, arguments
        self.port_file = folder / "server.json"
        self.process: subprocess.Popen[str] | None = None
        self.largest_file: int | None = None
        self.new_session = False

    def __enter__(self) -> ServerProcess:
        return self if self.process is not None else self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, bind: str = "tcp://127.0.0.1:0", *, parent_pid: int = 0) -> ServerProcess:
        """Start, and wait until it is ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "controller_server.service", "--store", str(self.folder), "--bind", bind]
        command += ["--parent-pid", str(parent_pid or os.getpid()), *self.arguments]
        with (self.folder / "out.txt").open("a", encoding="utf-8") as out:
            self.process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=out,
                text=True,
                preexec_fn=self._limit_files,
                start_new_session=self.new_session,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("assistmimic server at tcp://"), (self.folder / "out.txt").read_text()
        return self

    def _limit_files(self) -> None:
        if self.largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.largest_file, self.largest_file))

    @property
    def endpoint(self) -> str:
        """Where it listens."""
        return read_port_file(self.port_file).endpoint

    def connect(self, **options: object) -> Client:
        """A client of it."""
        return connect(port_file=self.port_file, **options)  # pyright: ignore[reportArgumentType]

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(timeout=20)
        self._close()

    def stop(self) -> int:
        """Ask it to end. Returns its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=20)
        self._close()
        return code

    def _close(self) -> None:
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()


def foreign_server(folder: Path, *, count: int = 1, **supervision: float) -> ServerProcess:
    """A server whose workers are `foreign_worker.py`: they need nothing of ours, and behave as a clip's source says."""
    (folder / "work").mkdir(parents=True, exist_ok=True)
    shutil.copy(FOREIGN, folder / "work")
    config = folder / "server.yaml"
    worker = {"engine": "mujoco", "python": sys.executable, "module": FOREIGN.stem, "count": count}
    config.write_text(yaml.safe_dump({"workers": [worker], "supervision": supervision}), encoding="utf-8")
    return ServerProcess(folder, "--config", str(config))


def until(condition, seconds: float = 20.0) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def assert_same_arrays(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    """Bit for bit, names, types and shapes included."""
    assert sorted(one) == sorted(other)
    for name, array in one.items():
        assert array.dtype == other[name].dtype and array.shape == other[name].shape, name
        assert array.tobytes() == other[name].tobytes(), name


def a_job(name: str = "job-1234", owner: str = "", **values: Any) -> Job:
    """A job that was just submitted."""
    fields = {"client": "c", "engine": "mujoco", "state": State.QUEUED, "settings": {"seed": 1}, "digest": "d"}
    return Job(**{"owner": owner, "job": name, **fields, "frames": 2, "created": time.time(), **values})
