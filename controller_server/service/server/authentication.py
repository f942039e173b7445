"""Authentication of connections by ZAP (ZeroMQ RFC 27): clients show a key, workers a token."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import zmq
from zmq.utils import z85

from controller_server.core.errors import AssistMimicError
from controller_server.service.protocol.keys import KeyPair

log = logging.getLogger(__name__)
_ENDPOINT = "inproc://zeromq.zap.01"
_LOOK_EVERY = 1.0


class ZapAuthenticator:
    """Answers ZeroMQ's questions about connections; has to be there before the guarded sockets are bound.

    Args:
        context: Of the guarded sockets.
        clients: Gives the name of each client that is let in by its public key in Z85; asked again now and then.
        is_worker: Whether a token belongs to a worker that was started and is waited for.
    """

    def __init__(
        self, context: zmq.Context, clients: Callable[[], dict[str, str]], is_worker: Callable[[str], bool]
    ) -> None:
        self._look_up, self._clients, self._next = clients, clients(), time.monotonic() + _LOOK_EVERY
        self._is_worker = is_worker
        self.socket = context.socket(zmq.REP)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.bind(_ENDPOINT)

    def guard_clients(self, socket: zmq.Socket, pair: KeyPair) -> None:
        """Let a socket speak CURVE alone, and ask here."""
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        socket.setsockopt_string(zmq.CURVE_SECRETKEY, pair.secret)
        socket.setsockopt_string(zmq.CURVE_PUBLICKEY, pair.public)
        socket.setsockopt_string(zmq.ZAP_DOMAIN, "clients")

    @staticmethod
    def guard_workers(socket: zmq.Socket) -> None:
        """Let a socket on loopback ask for a token, as the password of PLAIN, and ask here about it."""
        socket.setsockopt(zmq.PLAIN_SERVER, 1)
        socket.setsockopt_string(zmq.ZAP_DOMAIN, "workers")

    def answer(self) -> None:
        """Answer whatever is asked."""
        while True:
            try:
                question = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self.socket.send_multipart(self._verdict(question))

    def _verdict(self, question: list[bytes]) -> list[bytes]:
        version, number, domain, address, _, mechanism, *credentials = [*question, *[b""] * 6][: max(6, len(question))]
        name = None
        if (version, domain, mechanism, len(credentials)) == (b"1.0", b"clients", b"CURVE", 1):
            name = self._client(credentials[0])
        elif (version, domain, mechanism, len(credentials)) == (b"1.0", b"workers", b"PLAIN", 2):
            name = "worker" if self._is_worker(credentials[1].decode(errors="replace")) else None
        if name is None:
            said = {"domain": domain.decode(errors="replace"), "address": address.decode(errors="replace")}
            log.warning("connection refused", extra=said)
            return [b"1.0", number, b"400", b"not let in", b"", b""]
        return [b"1.0", number, b"200", b"OK", name.encode(), b""]

    def _client(self, key: bytes) -> str | None:
        """Name of the holder of a key, None for one that is not let in."""
        if len(key) != 32:
            return None
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _LOOK_EVERY
            try:
                self._clients = self._look_up()
            except AssistMimicError as error:
                log.error("keys cannot be read; those known so far stay", extra={"reason": str(error)})
        return self._clients.get(z85.encode(key).decode())

    def close(self) -> None:
        """Let go of the socket."""
        self.socket.close()
