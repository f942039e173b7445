"""Several processes that train one policy on this machine, as torchrun starts them, but told of in one sentence."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

_TICK, _PATIENCE = 0.1, 20.0
_TAIL = 4000


def launch(processes: int, arguments: Sequence[str]) -> int:
    """Train in several processes and wait for them.

    Only the first is heard, unless another fails by itself. When one fails the others are ended.

    Args:
        processes: How many.
        arguments: Of `python -m training`.

    Returns:
        The exit code of the one that failed first, 0 if none did.
    """
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        heard = [None if rank == 0 else (Path(folder) / f"{rank}.txt").open("w+b") for rank in range(processes)]
        started = [_start(rank, processes, port, arguments, heard[rank]) for rank in range(processes)]
        try:
            failed = _first_failure(started)
        except KeyboardInterrupt:  # they were told too
            _end(started)
            return 130
        finally:
            _end(started)
        if failed and (file := heard[failed]) is not None and started[0].returncode <= 0:
            file.seek(0)
            sys.stderr.write(file.read()[-_TAIL:].decode(errors="replace"))
        for file in heard[1:]:
            assert file is not None
            file.close()
    return 0 if failed is None else started[failed].returncode


def _start(
    rank: int, processes: int, port: int, arguments: Sequence[str], heard: IO[bytes] | None
) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        **{"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes)},
        **{"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)},
    }
    command = [sys.executable, "-m", "training", *arguments]
    return subprocess.Popen(command, env=environment, stdout=heard, stderr=heard)


def _first_failure(started: Sequence[subprocess.Popen[bytes]]) -> int | None:
    """Return which failed first, the first process before others; None once all have ended well."""
    while True:
        codes = [process.poll() for process in started]
        failed = [rank for rank, code in enumerate(codes) if code]
        if failed:
            time.sleep(10 * _TICK)  # the same fault ends all of them, and the first one tells it
            return 0 if started[0].poll() else failed[0]
        if all(code == 0 for code in codes):
            return None
        time.sleep(_TICK)


def _end(started: Sequence[subprocess.Popen[bytes]]) -> None:
    """End those that still run, and wait for all."""
    until = time.monotonic() + _PATIENCE
    for process in started:
        if process.poll() is None:
            process.terminate()
    while time.monotonic() < until and any(process.poll() is None for process in started):
        time.sleep(_TICK)
    for process in started:
        process.kill()  # does nothing to one that has ended
        process.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
