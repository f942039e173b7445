"""The location of a server, and how to be let in."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import zmq

from controller_server.core.errors import ServiceError
from controller_server.service.protocol.keys import ClientKey, KeyPair, read_client_key
from controller_server.service.protocol.port_file import NAME, PortFile, read_port_file, state_folder

ENVIRONMENT = "ASSISTMIMIC_SERVER"
"""Environment variable with the endpoint of the server to use."""


@dataclass(frozen=True)
class Location:
    """A server, as a client finds it.

    Attributes:
        endpoint: ZeroMQ endpoint.
        key: What lets the client in; None for a server that asks for nothing.
    """

    endpoint: str
    key: ClientKey | None = field(default=None, repr=False)

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine."""
        return is_loopback(self.endpoint)

    def connect(self, socket: zmq.Socket) -> None:
        """Connect a socket to it. Raises AssistMimicError."""
        if self.key is not None:
            socket.setsockopt_string(zmq.CURVE_SERVERKEY, self.key.server)
            socket.setsockopt_string(zmq.CURVE_PUBLICKEY, self.key.pair.public)
            socket.setsockopt_string(zmq.CURVE_SECRETKEY, self.key.pair.secret)
        try:
            socket.connect(self.endpoint)
        except zmq.ZMQError as error:
            raise ServiceError(
                f"{self.endpoint}: not an address ({error}); one looks like tcp://127.0.0.1:5555"
            ) from None


def is_loopback(endpoint: str) -> bool:
    """Return whether nobody outside this machine can reach an endpoint."""
    parts = urlsplit(endpoint)
    if parts.scheme == "ipc":
        return True
    try:
        return parts.scheme == "tcp" and ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return parts.hostname == "localhost"


def find_server(endpoint: str = "", *, key: str | Path | None = None, port_file: str | Path | None = None) -> Location:
    """Return where to connect, from what was said or what lies around. Raises AssistMimicError."""
    mine = None if key is None else read_client_key(Path(key))
    endpoint = endpoint or ("" if port_file else os.environ.get(ENVIRONMENT, ""))
    if endpoint:
        return Location(endpoint, mine)
    found = read_port_file(Path(port_file) if port_file else state_folder() / NAME)
    return Location(found.endpoint, mine or _key_in(found))


def _key_in(found: PortFile) -> ClientKey | None:
    if not found.client_secret:
        return None
    return ClientKey("", KeyPair(found.client_public, found.client_secret), found.server_key)
