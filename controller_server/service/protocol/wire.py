"""Sending and receiving messages over ZeroMQ sockets, within limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import zmq

from .messages import MAX_ARRAYS, Message, Table, decode, encode


@dataclass(frozen=True)
class Envelope:
    """A message received at a ROUTER.

    Attributes:
        route: Where an answer goes.
        owner: Name of the key the peer proved to have; "" without authentication.
        frames: The message; empty when it was over a limit.
    """

    route: bytes
    owner: str
    frames: list[Any]


def new_socket(context: zmq.Context, kind: int, *, high_water: int = 64) -> zmq.Socket:
    """Return a socket that never blocks the end of its process and never hoards."""
    socket = context.socket(kind)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.SNDHWM, high_water)
    socket.setsockopt(zmq.RCVHWM, high_water)
    return socket


def receive_at_router(socket: zmq.Socket, max_bytes: int) -> Envelope | None:
    """Return the next message of a ROUTER, or None if there is none.

    Frames beyond the limits are read and dropped one by one, so that they are never in memory together.
    """
    try:
        first = socket.recv(zmq.NOBLOCK, copy=False)
    except zmq.Again:
        return None
    frames: list[Any] = []
    total, fits, more, owner = 0, True, first.more, ""
    while more:
        frame = socket.recv(copy=False)
        more = frame.more
        total += len(frame)
        fits = fits and total <= max_bytes and len(frames) <= MAX_ARRAYS
        if not frames and fits:
            owner = _owner(frame)
        if fits:
            frames.append(frame.buffer)
    return Envelope(bytes(first.buffer), owner, frames if fits else [])


def _owner(frame: zmq.Frame) -> str:
    try:
        return str(frame.get("User-Id"))
    except zmq.ZMQError:
        return ""


def send_to(socket: zmq.Socket, route: bytes, message: Message) -> bool:
    """Send through a ROUTER without waiting; False when the peer is gone or does not read."""
    try:
        socket.send_multipart([route, *encode(message)], zmq.NOBLOCK, copy=False)
    except zmq.ZMQError as error:
        if error.errno in (zmq.EAGAIN, zmq.EHOSTUNREACH):
            return False
        raise
    return True


def receive(socket: zmq.Socket, table: Table) -> Message | None:
    """Return the next message of a DEALER, or None if there is none. Raises MessageError."""
    try:
        frames = socket.recv_multipart(zmq.NOBLOCK, copy=False)
    except zmq.Again:
        return None
    return decode([frame.buffer for frame in frames], table)


def send(socket: zmq.Socket, message: Message, *, wait_s: float = 0.0) -> None:
    """Send through a DEALER, waiting at most so long [s] for room. Raises zmq.Again when there is none."""
    frames = encode(message)
    if wait_s and not socket.poll(int(1000 * wait_s), zmq.POLLOUT):
        raise zmq.Again
    socket.send_multipart(frames, zmq.NOBLOCK, copy=False)
