"""A worker: one process that simulates one job at a time and keeps its engine loaded.

Started by the server as `python -m controller_server.service.server.worker ENDPOINT`, with a token in the environment.
It speaks the worker's side of the protocol (docs/protocol.md) and nothing else, so a worker for another engine, under
another interpreter, can be written without anything from here. It ends when its standard input closes: then the server
is gone. A batch's workers are served here too, with another function for what they do (`batch/worker.py`).
"""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import zmq

from controller_server.core.errors import AssistMimicError
from controller_server.core.progress import Progress
from controller_server.physics.engines import BUILT_IN
from controller_server.pipeline.job import fault_of, simulate, warm_up
from controller_server.service.protocol.messages import TO_WORKER, Message
from controller_server.service.protocol.payload import clip_from_payload, split_text
from controller_server.service.protocol.wire import new_socket, receive, send

from .processes import lower_priority

if TYPE_CHECKING:
    from controller_server.physics.recording import Recording

ENGINE = "ASSISTMIMIC_WORKER_ENGINE"
"""Environment variable that says which engine the worker is to have; the built-in one without it."""
TOKEN = "ASSISTMIMIC_WORKER_TOKEN"
"""Environment variable that holds what proves to the server that this is the worker it started."""
_SEND_WAIT = 60.0
_PREVIEW_EVERY = 1.0
_PREVIEW_STRIDE = 4  # physics steps: 30 a second are enough to look at


class Stop(BaseException):
    """The server wants the job stopped. No `Exception`, so that nothing on the way takes it for its own."""


def end_with_parent() -> None:
    """Leave at once when the other end of standard input closes."""

    def watch() -> None:
        while sys.stdin.buffer.read(1 << 12):
            pass
        os._exit(0)

    threading.Thread(target=watch, daemon=True, name="parent").start()


Execute = Callable[[Message, "Teller"], tuple[dict[str, str], dict[str, np.ndarray]]]
"""Carries out an order and gives the text and the arrays of its result."""


def serve(endpoint: str, token: str, execute: Execute) -> None:
    """Take jobs until told to stop."""
    context = zmq.Context()
    socket = new_socket(context, zmq.DEALER)
    socket.setsockopt_string(zmq.PLAIN_USERNAME, "worker")
    socket.setsockopt_string(zmq.PLAIN_PASSWORD, token)
    socket.connect(endpoint)
    engine = os.environ.get(ENGINE, BUILT_IN)
    warm_up(engine)
    send(socket, Message("ready", {"token": token, "engine": engine}), wait_s=_SEND_WAIT)
    try:
        while True:
            socket.poll()
            message = receive(socket, TO_WORKER)
            if message is None or message.type == "cancel":
                continue  # it came too late: that job has ended
            if message.type == "stop":
                return
            send(socket, _carry_out(socket, message, execute), wait_s=_SEND_WAIT)
            del message
    finally:
        socket.close()
        context.term()


def _carry_out(socket: zmq.Socket, order: Message, execute: Execute) -> Message:
    """Return the job's end, as a message."""
    job, started = order["job"], time.perf_counter()
    try:
        text, arrays = execute(order, Teller(socket, job))
        return Message("result", {"job": job, "text": text, "seconds": time.perf_counter() - started}, arrays)
    except Stop:
        return Message("cancelled", {"job": job})
    except Exception as error:
        fault = fault_of(error)
        told = {"job": job, "code": fault.code, "message": fault.message}
        if fault.detail:
            print(fault.detail, file=sys.stderr, flush=True)
            told["detail"] = fault.detail
        return Message("failed", told)


def execute(order: Message, teller: Teller) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Simulate one job: what `assistmimic convert` does between reading and writing.

    Returns:
        Text and arrays of the result file.

    Raises:
        AssistMimicError: clip and settings do not fit.
        SimulationDiverged: the clip's first frame cannot be simulated.
    """
    from controller_server.clip.io.npz import clip_to_arrays
    from controller_server.pipeline.result import result_arrays
    from controller_server.pipeline.settings import ConvertSettings

    on_motion = teller.motion if order.get("previews", False) else None
    clip = clip_from_payload(order["text"], order.arrays)
    result = simulate(clip, ConvertSettings.from_dict(order["settings"]), order["threads"], teller, on_motion)
    extra = result_arrays(result, title=order.get("name", ""))
    return split_text({**clip_to_arrays(result.simulated_clip), **extra})


class Teller:
    """Hands progress to the server, and notices on the way that the job was cancelled."""

    def __init__(self, socket: zmq.Socket, job: str) -> None:
        self._socket, self._job, self._next_preview = socket, job, 0.0

    def __call__(self, progress: Progress) -> None:
        """Tell the server how far the job is."""
        message = receive(self._socket, TO_WORKER)
        if message is not None and message.type == "cancel" and message["job"] == self._job:
            raise Stop
        fields = {"stage": progress.stage, "done": progress.done, "total": progress.total, "unit": progress.unit}
        self._send("progress", fields)

    def motion(self, stage: str, so_far: Callable[[], Recording]) -> None:
        """Show the motion once a second, and never for more than a twentieth of the time."""
        started = time.monotonic()
        if started < self._next_preview:
            return
        recording = so_far()
        steps = slice(None, None, _PREVIEW_STRIDE)
        arrays = {
            "time": recording.time[steps].astype("<f4"),
            "positions": recording.positions[steps].astype("<f4"),
            "joints": np.array(recording.joints, dtype="<i4"),
        }
        self._send("preview", {"stage": stage}, arrays)
        now = time.monotonic()
        self._next_preview = now + max(_PREVIEW_EVERY, 20 * (now - started))

    def _send(self, kind: str, fields: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None) -> None:
        send(self._socket, Message(kind, {"job": self._job, **fields}, arrays or {}), wait_s=_SEND_WAIT)


def main(execute: Execute = execute) -> int:
    """Run as the server starts it."""
    faulthandler.enable()
    end_with_parent()
    lower_priority()
    token = os.environ.pop(TOKEN, "")
    if len(sys.argv) != 2 or not token:
        print("a worker is started by the server; run assistmimic serve", file=sys.stderr)
        return 2
    try:
        serve(sys.argv[1], token, execute)
    except AssistMimicError as error:  # its engine is not there
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
