"""A worker: one process that simulates one job at a time and keeps its engine loaded.

Started by the server as `python -m controller_server.service.worker ENDPOINT`, with a token in the environment. It
speaks the worker's side of the protocol (docs/protocol.md) and nothing else, so a worker for another engine, under
another interpreter, can be written without anything from here. It ends when its standard input closes: then the server
is gone.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import zmq

from ..errors import AssistMimicError, SimulationDiverged
from ..progress import OnMotion, OnProgress, Progress
from .payload import clip_from_payload, split_text
from .processes import lower_priority
from .protocol import TO_WORKER, Message
from .wire import new_socket, receive, send

if TYPE_CHECKING:
    from ..physics.recording import Recording

ENGINE = "mujoco"
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


def serve(endpoint: str, token: str) -> None:
    """Take jobs until told to stop."""
    context = zmq.Context()
    socket = new_socket(context, zmq.DEALER)
    socket.setsockopt_string(zmq.PLAIN_USERNAME, "worker")
    socket.setsockopt_string(zmq.PLAIN_PASSWORD, token)
    socket.connect(endpoint)
    warm_up()
    send(socket, Message("ready", {"token": token, "engine": ENGINE}), wait_s=_SEND_WAIT)
    try:
        while True:
            socket.poll()
            message = receive(socket, TO_WORKER)
            if message is None or message.type == "cancel":
                continue  # it came too late: that job has ended
            if message.type == "stop":
                return
            send(socket, _carry_out(socket, message), wait_s=_SEND_WAIT)
            del message
    finally:
        socket.close()
        context.term()


def warm_up() -> None:
    """Load what every job needs."""
    from .. import convert, result  # noqa: F401


def _carry_out(socket: zmq.Socket, order: Message) -> Message:
    """The job's end, as a message."""
    job, started = order["job"], time.perf_counter()
    try:
        teller = _Teller(socket, job)
        on_motion = teller.motion if order.get("previews", False) else None
        text, arrays = execute(order["settings"], order["text"], order.arrays, order["threads"], teller, on_motion)
        return Message("result", {"job": job, "text": text, "seconds": time.perf_counter() - started}, arrays)
    except Stop:
        return Message("cancelled", {"job": job})
    except AssistMimicError as error:
        return Message("failed", {"job": job, "code": "bad_input", "message": str(error)})
    except SimulationDiverged as error:
        return Message("failed", {"job": job, "code": "diverged", "message": str(error)})
    except MemoryError:
        return Message("failed", {"job": job, "code": "out_of_memory", "message": "the worker ran out of memory"})
    except Exception as error:
        trace = traceback.format_exc()
        print(trace, file=sys.stderr, flush=True)
        said = f"a fault in the program: {type(error).__name__}: {error}"
        return Message("failed", {"job": job, "code": "internal", "message": said[:1000], "detail": trace[-8000:]})


def execute(
    settings: Mapping[str, Any],
    text: Mapping[str, str],
    arrays: Mapping[str, np.ndarray],
    threads: int,
    on_progress: OnProgress,
    on_motion: OnMotion | None = None,
) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Simulate one job: what `assistmimic convert` does between reading and writing.

    Args:
        settings: As `ConvertSettings.from_dict` takes them.
        text: The clip's text.
        arrays: The clip's arrays.
        threads: Physics threads, where the settings leave it open; the result does not depend on it.
        on_progress: Told how far it is; may raise.
        on_motion: Offered the motion as far as it is simulated.

    Returns:
        Text and arrays of the result file.

    Raises:
        AssistMimicError: clip and settings do not fit.
        SimulationDiverged: the clip's first frame cannot be simulated.
    """
    from ..clip.npz import clip_to_arrays
    from ..convert import convert
    from ..result import result_arrays
    from ..settings import ConvertSettings

    asked = ConvertSettings.from_dict(settings)
    shared = replace(asked, threads=min(asked.threads, threads) or threads)
    result = convert(clip_from_payload(text, arrays), shared, on_progress=on_progress, on_motion=on_motion)
    result = replace(result, settings=asked)
    return split_text({**clip_to_arrays(result.simulated_clip), **result_arrays(result)})


class _Teller:
    """Hands progress to the server, and notices on the way that the job was cancelled."""

    def __init__(self, socket: zmq.Socket, job: str) -> None:
        self._socket, self._job, self._next_preview = socket, job, 0.0

    def __call__(self, progress: Progress) -> None:
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


def main() -> int:
    """Run as the server starts it."""
    faulthandler.enable()
    end_with_parent()
    lower_priority()
    token = os.environ.pop(TOKEN, "")
    if len(sys.argv) != 2 or not token:
        print("a worker is started by the server; run assistmimic serve", file=sys.stderr)
        return 2
    serve(sys.argv[1], token)
    return 0


if __name__ == "__main__":
    sys.exit(main())
