"""Access to a server: for everybody on this machine, whoever can read the port file, or the holders of keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from controller_server.core.errors import ServiceError
from controller_server.service.client.location import is_loopback
from controller_server.service.protocol.keys import KeyPair, read_clients, read_server_keys

from .options import ServerOptions


@dataclass(frozen=True)
class Access:
    """Keys of a server that asks for them.

    Attributes:
        server: Its own pair.
        clients: Gives the name of each client that is let in by its public key.
        guest: A pair made for this run, for the port file; None when clients bring their own.
    """

    server: KeyPair
    clients: Callable[[], dict[str, str]]
    guest: KeyPair | None = None


def access_of(options: ServerOptions) -> Access | None:
    """Return what a server asks of its clients; None for nothing.

    Raises:
        AssistMimicError: others could reach the server and it would let anybody in, or the keys cannot be read.
    """
    if options.auth is not None and options.private:
        raise ServiceError("--auth and --private exclude each other: either clients have keys, or the port file does")
    if options.auth is not None:
        folder = options.auth
        if not read_clients(folder):
            raise ServiceError(f"{folder}: lets nobody in; make a key: assistmimic keys add {folder} NAME")
        return Access(read_server_keys(folder), lambda: read_clients(folder))
    if options.private:
        guest = KeyPair.new()
        return Access(KeyPair.new(), lambda: {guest.public: "owner"}, guest)
    if not is_loopback(options.bind):
        raise ServiceError(
            f"{options.bind}: others could connect and use the server; give them keys with --auth FOLDER "
            "(assistmimic keys init FOLDER makes it), or bind to tcp://127.0.0.1:PORT"
        )
    return None
