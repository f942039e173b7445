"""The owner of a claim on a clip, and whether that process is still alive."""

from __future__ import annotations

import contextlib
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from controller_server.service.server.processes import is_alive

SILENT_S = 120.0
"""A process on another machine that gave no sign for so long is taken for dead [s]."""


@dataclass(frozen=True)
class Owner:
    """A process that runs a batch.

    Attributes:
        host: Its machine's name.
        place: Tells boots, containers and machines of one name apart.
        pid: Its process id there.
        started: When it started there, in the system's own count; tells it from a later one with its id.
    """

    host: str
    place: str
    pid: int
    started: str

    @staticmethod
    def this() -> Owner:
        """Return this process."""
        return Owner(socket.gethostname(), _place(), os.getpid(), _started(os.getpid()))

    @staticmethod
    def read(values: Any) -> Owner | None:
        """Return whom a claim names; None where it names nobody, as one that was cut off in the writing."""
        try:
            return Owner(str(values["host"]), str(values["place"]), int(values["pid"]), str(values["started"]))
        except (KeyError, TypeError, ValueError):
            return None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    def is_gone(self, silent_s: float) -> bool:
        """Return whether this process lives no more.

        One on this machine is asked for. One elsewhere cannot be: it gives signs, and is taken for dead when there was
        none for `SILENT_S`.

        Args:
            silent_s: Time since its last sign [s].
        """
        if self.place != _place():
            return silent_s > SILENT_S
        if not is_alive(self.pid):
            return True
        # Another process may have its id by now; where the system does not say since when, silence tells.
        return _started(self.pid) != self.started if self.started else silent_s > SILENT_S


def _place() -> str:
    boot, space = "", ""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        space = os.readlink("/proc/self/ns/pid")
    return f"{socket.gethostname()}|{boot}|{space}"


def _started(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
