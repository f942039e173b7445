"""Who is let in: ZeroMQ asks for every connection (ZAP, RFC 27), and is answered from a table of public keys."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import zmq
from zmq.utils import z85

from ..errors import AssistMimicError
from .keys import KeyPair

log = logging.getLogger(__name__)
_ENDPOINT = "inproc://zeromq.zap.01"
_LOOK_EVERY = 1.0


class Doorkeeper:
    """Answers ZeroMQ's questions about connections; has to be there before the guarded socket is bound.

    Args:
        context: Of the guarded socket.
        clients: Gives the name of each client that is let in by its public key in Z85; asked again now and then.
    """

    def __init__(self, context: zmq.Context, clients: Callable[[], dict[str, str]]) -> None:
        self._look_up, self._clients, self._next = clients, clients(), time.monotonic() + _LOOK_EVERY
        self.socket = context.socket(zmq.REP)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.bind(_ENDPOINT)

    def guard(self, socket: zmq.Socket, pair: KeyPair) -> None:
        """Let a socket speak CURVE alone, and ask here."""
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        socket.setsockopt_string(zmq.CURVE_SECRETKEY, pair.secret)
        socket.setsockopt_string(zmq.CURVE_PUBLICKEY, pair.public)
        socket.setsockopt_string(zmq.ZAP_DOMAIN, "assistmimic")

    def answer(self) -> None:
        """Answer whatever is asked."""
        while True:
            try:
                question = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self.socket.send_multipart(self._verdict(question))

    def _verdict(self, question: list[bytes]) -> list[bytes]:
        number = question[1] if len(question) > 1 else b""
        name = self._name(question)
        if name is None:
            address = question[3].decode(errors="replace") if len(question) > 3 else ""
            log.warning("connection refused", extra={"address": address})
            return [b"1.0", number, b"400", b"unknown key", b"", b""]
        return [b"1.0", number, b"200", b"OK", name.encode(), b""]

    def _name(self, question: list[bytes]) -> str | None:
        """Of the client, None for one that is not let in."""
        if len(question) != 7 or question[0] != b"1.0" or question[5] != b"CURVE" or len(question[6]) != 32:
            return None
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _LOOK_EVERY
            try:
                self._clients = self._look_up()
            except AssistMimicError as error:
                log.error("keys cannot be read; those known so far stay", extra={"reason": str(error)})
        return self._clients.get(z85.encode(question[6]).decode())

    def close(self) -> None:
        """Let go of the socket."""
        self.socket.close()
