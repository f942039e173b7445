# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded server: `python -m controller_server.service` under Blender's own Python, as long as Blender runs."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from controller_server.core.errors import AssistMimicError, SceneError
from controller_server.service.protocol.port_file import read_port_file
from controller_server.service.server.processes import NO_WINDOW, is_alive

START_TIMEOUT = 30.0
_STOP_TIMEOUT = 5.0
_POLL = 0.02
_PORT_FILE = "server.json"
_MOST_AT_ONCE = 16
_CANCEL_S = 0.3
"""Whoever presses cancel waits no longer than that for the worker to come to a good place to stop."""


class Engine:
    """A server process of our own, on this machine's loopback. Any thread may use it.

    Args:
        folder: For its jobs, log and port file; each Blender that is open takes a place of its own in it.
        packages: Folder that `controller_server` and its dependencies are imported from.
        python: Interpreter to run it with.
        policies: Folder of trained policies.
        memory: What a simulation may grow to [bytes].
    """

    def __init__(
        self,
        folder: Path,
        packages: Path,
        python: str = sys.executable,
        policies: Path | None = None,
        memory: int = 8 << 30,
    ) -> None:
        self.root, self.memory = folder, memory
        self._places = [folder / str(k) for k in range(1, _MOST_AT_ONCE + 1)]
        self.folder, self._packages, self._policies, self._python = self._places[0], packages, policies, python
        self._process: subprocess.Popen[bytes] | None = None
        self._lock, self._stopping = threading.Lock(), threading.Event()

    @property
    def port_file(self) -> Path:
        """The file in which the server writes how to reach it."""
        return self.folder / _PORT_FILE

    @property
    def log(self) -> Path:
        """The server's output; its own log lies in `jobs/log` beside it."""
        return self.folder / "server.log"

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The process number, or None."""
        return self._process.pid if self._process is not None and self.is_running else None

    @property
    def place(self) -> str:
        """Name of the place it works in or, before it is started, is going to work in."""
        if not self.is_running and not self._lock.locked():
            self.folder = self._free_place()
        return self.folder.name

    def _free_place(self) -> Path:
        return next((place for place in self._places if not _is_taken(place)), self._places[0])

    def ensure_for(self, place: str) -> Path:
        """Make sure that a server works in a place where a job was handed in, another Blender's if need be.

        Returns:
            The port file.

        Raises:
            AssistMimicError: as `ensure`.
        """
        folder = next((known for known in self._places if known.name == place), None)
        if folder is None or (folder == self.folder and self.is_running):
            return self.ensure()
        if _is_taken(folder):
            return folder / _PORT_FILE
        with self._lock:
            self._start(folder)
            self._wait()
        return self.port_file

    def ensure(self) -> Path:
        """Start it unless it runs, and wait until it can be reached.

        Returns:
            The port file.

        Raises:
            AssistMimicError: it does not start; the sentence ends with what it said last.
        """
        with self._lock:
            if not (self.is_running and self.port_file.exists()):
                self._start(self._free_place())
                self._wait()
        return self.port_file

    def _start(self, folder: Path) -> None:
        self._end()
        self.folder = folder
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.port_file.unlink(missing_ok=True)
            config = self.folder / "server.yaml"
            text = f"supervision:\n  cancel_s: {_CANCEL_S}\n  memory_bytes: {self.memory}\n"
            config.write_text(text, encoding="utf-8")
            command = [self._python, "-m", "controller_server.service", "--bind", "tcp://127.0.0.1:0"]
            command += ["--store", str(self.folder / "jobs"), "--port-file", str(self.port_file)]
            command += ["--parent-pid", str(os.getpid()), "--private", "--workers", "1", "--config", str(config)]
            command += [] if self._policies is None else ["--bundles", str(self._policies)]
            with self.log.open("wb") as log:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=_environment(self._packages),
                    cwd=self.folder,
                    creationflags=NO_WINDOW,
                )
        except OSError as error:
            raise SceneError(f"the engine cannot be started ({error.strerror or error})") from None

    def _wait(self) -> None:
        assert self._process is not None
        until = time.monotonic() + START_TIMEOUT
        while not self.port_file.exists():
            code = self._process.poll()
            if code is not None:
                raise SceneError(f"the engine ended at once with code {code}: {self._last_words()}")
            if self._stopping.is_set():
                self._end()
                raise SceneError("the engine was stopped before it was ready")
            if time.monotonic() > until:
                self._end()
                raise SceneError(f"the engine was not ready after {START_TIMEOUT:.0f} s: {self._last_words()}")
            time.sleep(_POLL)

    def _last_words(self) -> str:
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        except OSError:
            lines = []
        return lines[-1] if lines else f"nothing is in {self.log}"

    def stop(self) -> None:
        """End it, also while another thread starts it; jobs that were running go on when it is started again."""
        self._stopping.set()
        with self._lock:
            self._end()
            self._stopping.clear()

    def warm_up(self) -> threading.Thread:
        """Start it on a thread of its own, so that the first job finds it ready, or says why it does not start."""

        def start() -> None:
            with contextlib.suppress(AssistMimicError):
                self.ensure()

        thread = threading.Thread(target=start, name="assistmimic-engine", daemon=True)
        thread.start()
        return thread

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _is_taken(place: Path) -> bool:
    """Return whether another Blender's server works there."""
    try:
        return is_alive(read_port_file(place / _PORT_FILE).pid)
    except AssistMimicError:
        return False


def _environment(packages: Path) -> dict[str, str]:
    """Return this process' environment without what would lead a Python astray."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "PYTHONPATH": str(packages), "PYTHONNOUSERSITE": "1", "PYTHONUTF8": "1"}
