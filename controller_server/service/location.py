"""Where a server is, and how to be let in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import zmq

from ..errors import AssistMimicError
from .options import state_folder
from .portfile import NAME, read_port_file

ENVIRONMENT = "ASSISTMIMIC_SERVER"
"""Environment variable with the endpoint of the server to use."""


@dataclass(frozen=True)
class Location:
    """A server, as a client finds it.

    Attributes:
        endpoint: ZeroMQ endpoint.
    """

    endpoint: str

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine."""
        return is_loopback(self.endpoint)

    def connect(self, socket: zmq.Socket) -> None:
        """Connect a socket to it. Raises AssistMimicError."""
        try:
            socket.connect(self.endpoint)
        except zmq.ZMQError as error:
            raise AssistMimicError(
                f"{self.endpoint}: not an address ({error}); one looks like tcp://127.0.0.1:5555"
            ) from None


def is_loopback(endpoint: str) -> bool:
    """Whether nobody outside this machine can reach it."""
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    return parts.scheme in ("ipc", "inproc") or host in ("localhost", "::1") or host.startswith("127.")


def find_server(endpoint: str = "", *, key: str | Path | None = None, port_file: str | Path | None = None) -> Location:
    """Where to connect, from what was said or what lies around. Raises AssistMimicError."""
    endpoint = endpoint or ("" if port_file else os.environ.get(ENVIRONMENT, ""))
    if endpoint:
        return Location(endpoint)
    return Location(read_port_file(Path(port_file) if port_file else state_folder() / NAME).endpoint)
