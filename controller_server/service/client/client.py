"""The client: a clip goes out, its simulated twin comes back. Needs numpy, pyzmq and msgpack.

One client belongs to one thread at a time. Every wait is bounded, and a job that was accepted outlives its client: keep
its id and ask again.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import zmq

from controller_server.core.errors import ServiceError
from controller_server.service.protocol.answers import JobInfo, JobProgress, JobResult, Preview
from controller_server.service.protocol.errors import JobCancelled, JobFailed, JobTimeout, ServerError, ServerLost
from controller_server.service.protocol.messages import FROM_SERVER, HEARTBEAT, LOST, MAX_MESSAGE, Message
from controller_server.service.protocol.wire import new_socket, receive, send

from .identity import client_name
from .location import Location, find_server

if TYPE_CHECKING:
    from controller_server.clip.interaction import InteractionClip
    from controller_server.pipeline.settings import ConvertSettings

_TICK = 0.05
_WAITING_EVERY = 10.0
_REMOTE_RATE = 1e6
"""Slowest link that is waited for [bytes/s]: nothing else is heard while a large message is under way."""
_RESULT_BYTES_A_FRAME = 11_000
_CANCEL_WAIT = 10.0
HANDSHAKE_FAILED = (
    zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
)
"""Events of a connection that was not taken."""


def new_job_id() -> str:
    """Return an id nobody else has."""
    return secrets.token_hex(12)


class _Waiting:
    """Tells how many jobs are before one that waits: when that changes, and now and then."""

    def __init__(self, on_progress: Callable[[JobProgress], None] | None) -> None:
        self._on_progress, self._said, self._next = on_progress, -1, 0.0

    def tell(self, ahead: int, now: float) -> None:
        """Pass on what the server said."""
        if self._on_progress is None or (ahead == self._said and now < self._next):
            return
        self._said, self._next = ahead, now + _WAITING_EVERY
        note = "waiting for a worker" if not ahead else f"{ahead} job{'s' if ahead > 1 else ''} before it"
        self._on_progress(JobProgress("queued", unit="jobs", note=note))


class Client:
    """A connection to a server.

    Args:
        location: Where it is.
        name: What this client calls itself; the queue is fair between names. By default this user on this machine.
        lost_s: Without a word from the server for so long it is taken for gone [s].
    """

    def __init__(self, location: Location, *, name: str = "", lost_s: float = LOST) -> None:
        self.location, self.name, self.lost_s = location, name or client_name(), lost_s
        self._context = zmq.Context()
        self._socket = self._monitor = None
        self._seq = itertools.count(1)
        self._heard = self._pinged = 0.0

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection; jobs go on."""
        self._disconnect()
        self._context.term()

    def _connected(self) -> zmq.Socket:
        if self._socket is None:
            self._socket = new_socket(self._context, zmq.DEALER)
            self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE)
            self._socket.setsockopt(zmq.RECONNECT_IVL_MAX, 1000)
            self._monitor = self._socket.get_monitor_socket(HANDSHAKE_FAILED)
            self.location.connect(self._socket)
        return self._socket

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._socket.disable_monitor()
            if self._monitor is not None:
                self._monitor.close()
            self._socket.close()
            self._socket = self._monitor = None

    def hello(self) -> dict[str, Any]:
        """Return what the server is and can do.

        Server, session, capabilities, limits. Raises ServerLost, ServerError.
        """
        return dict(self._ask(Message("hello")).fields)

    def simulate(
        self,
        clip: InteractionClip,
        settings: ConvertSettings | Mapping[str, Any] | None = None,
        *,
        job: str = "",
        engine: str = "",
        name: str = "",
        on_progress: Callable[[JobProgress], None] | None = None,
        on_preview: Callable[[Preview], None] | None = None,
        should_cancel: Callable[[], bool] | None = None,
        timeout: float | None = None,
    ) -> JobResult:
        """Have a clip simulated, and wait for it.

        Args:
            clip: What to simulate.
            settings: How; defaults where they are left out.
            job: Id for it; the same id sent again with the same contents is the same job.
            engine: Name of an engine the server has, in place of the settings'.
            name: What lists of jobs call it; by default the file the clip was read from.
            on_progress: Called now and then, while the job waits for its turn with the stage "queued". When it raises,
                or on Ctrl-C, the job is cancelled first.
            on_preview: Called with what is simulated so far, about once a second.
            should_cancel: Asked twenty times a second; cancels the job when it says so.
            timeout: Longest wait [s]; the job goes on after that.

        Raises:
            ServerError: the server refused it.
            JobFailed: it ended with an error.
            JobCancelled: it was cancelled.
            ServerLost: the server fell silent.
            JobTimeout: it took longer than `timeout`.
        """
        request = self._submission(clip, settings, job, engine, name)
        request = Message("submit", {**request.fields, "previews": on_preview is not None}, request.arrays)
        try:
            return self._follow(request, on_progress, on_preview, should_cancel, timeout)
        except (ServerLost, JobTimeout, JobCancelled, ServerError):
            raise
        except BaseException:
            self._cancel_quietly(request["job"])
            raise

    def submit(
        self,
        clip: InteractionClip,
        settings: ConvertSettings | Mapping[str, Any] | None = None,
        *,
        job: str = "",
        engine: str = "",
        name: str = "",
    ) -> str:
        """Hand a clip in without waiting for the result. Returns the job's id. Raises ServerError, ServerLost."""
        request = self._submission(clip, settings, job, engine, name)
        self._ask(Message("submit", {**request.fields, "watch": False}, request.arrays))
        return request["job"]

    def _submission(
        self,
        clip: InteractionClip,
        settings: ConvertSettings | Mapping[str, Any] | None,
        job: str,
        engine: str,
        name: str,
    ) -> Message:
        from controller_server.service.protocol.payload import clip_to_payload

        values = _settings(settings)
        if not hasattr(clip, "supporter") or not hasattr(clip, "recipient"):
            raise ServiceError(
                f"clip: expected an InteractionClip, as read_clip(['in.npz']).clip gives it, got {type(clip).__name__}"
            )
        text, arrays = clip_to_payload(clip)
        fields = {"job": job or new_job_id(), "client": self.name, "settings": values, "text": text}
        said = {"engine": engine, "name": _job_name(name or clip.source)}
        return Message("submit", fields | {field: value for field, value in said.items() if value}, arrays)

    def wait(
        self,
        job: str,
        *,
        on_progress: Callable[[JobProgress], None] | None = None,
        on_preview: Callable[[Preview], None] | None = None,
        should_cancel: Callable[[], bool] | None = None,
        timeout: float | None = None,
    ) -> JobResult:
        """Wait for a job somebody submitted, this client or another with the same key. Arguments as in `simulate`."""
        request = Message("watch", {"job": job, "previews": on_preview is not None})
        frames = 0 if self.location.is_local else self.status(job).frames
        return self._follow(request, on_progress, on_preview, should_cancel, timeout, frames=frames)

    def fetch(self, job: str) -> JobResult:
        """Return the result of a job that has ended. Raises JobTimeout when it has not, else as `simulate`."""
        info = self.status(job)
        if info.state in ("queued", "running"):
            raise ServerError("not_ended", f"job {job} is {info.state}; wait for it, or fetch it later")
        return self.wait(job)

    def cancel(self, job: str) -> None:
        """Cancel a job and wait until that is certain.

        Raises:
            ServerError: there is no such job, or it has ended otherwise.
            ServerLost: the server fell silent; whether the job is cancelled is not known.
            JobTimeout: it is not certain after ten seconds.
        """
        try:
            self._ask(Message("cancel", {"job": job}))
            self.wait(job, timeout=_CANCEL_WAIT)
        except JobCancelled:
            return
        raise ServerError("already_ended", f"job {job} ended before it could be cancelled")

    def status(self, job: str) -> JobInfo:
        """Return where a job stands. Raises ServerError, ServerLost."""
        return JobInfo.of(self._ask(Message("status", {"job": job}))["status"])

    def server_status(self) -> dict[str, Any]:
        """Queue, workers, rates: what docs/protocol.md lists under `status`. Raises ServerLost."""
        return self._ask(Message("status"))["status"]

    def jobs(self, limit: int = 100) -> list[JobInfo]:
        """Return the latest jobs, newest first. Raises ServerLost."""
        return [JobInfo.of(record) for record in self._ask(Message("jobs", {"limit": limit}))["jobs"]]

    def _send(self, message: Message) -> int:
        seq = next(self._seq)
        with contextlib.suppress(zmq.Again):  # nobody takes anything: silence will tell
            send(self._connected(), Message(message.type, {**message.fields, "seq": seq}, message.arrays))
        return seq

    def _receive(self) -> Message | None:
        """Return the next message within one tick; whatever arrives proves that the server is there."""
        socket = self._connected()
        if not socket.poll(int(1000 * _TICK)):
            return None
        message = receive(socket, FROM_SERVER)
        self._heard = time.monotonic()
        return message

    def _check_heard(self, patience: float, job: str = "") -> None:
        silence = time.monotonic() - self._heard
        if silence > patience:
            refused = self._was_refused()
            self._disconnect()  # what was not sent yet must not be sent later
            if refused:
                raise ServerLost(f"{self.location.endpoint}: {refused}", job)
            hint = f"; job {job} goes on if it was accepted: ask for it again" if job else "; is it running?"
            raise ServerLost(f"{self.location.endpoint}: no word from the server for {silence:.0f} s{hint}", job)

    def _was_refused(self) -> str:
        """Why the server did not take the connection; "" if it did, or is not there."""
        if self._monitor is None or not self._monitor.poll(0):
            return ""
        if self.location.key is None:
            return "the server asks for a key, or is no such server; ask its owner for one and name it with --key"
        return "the server does not let this key in, or has another key of its own now"

    def _patience(self, request: Message, frames: int = 0) -> float:
        """Return how long the server may be silent [s]: longer where a large message may be on a slow way."""
        if self.location.is_local:
            return self.lost_s
        frames = max([frames, *(len(array) for array in request.arrays.values() if array.ndim)])
        n_bytes = sum(array.nbytes for array in request.arrays.values()) + frames * _RESULT_BYTES_A_FRAME
        return self.lost_s + n_bytes / _REMOTE_RATE

    def _ask(self, request: Message) -> Message:
        """Return the answer to a request that is harmless when it is sent twice."""
        self._heard, patience = time.monotonic(), self._patience(request)
        seq = self._send(request)
        while True:
            message = self._receive()
            if message is None:
                self._check_heard(patience)
            elif message.get("re") == seq:
                return _raised(message)

    def _follow(
        self,
        request: Message,
        on_progress: Callable[[JobProgress], None] | None,
        on_preview: Callable[[Preview], None] | None,
        should_cancel: Callable[[], bool] | None,
        timeout: float | None,
        *,
        frames: int = 0,
    ) -> JobResult:
        """Send a `submit` or `watch`, and hear of the job until it ends."""
        job, started, patience = request["job"], time.monotonic(), self._patience(request, frames)
        self._heard, cancelling, waiting = started, False, _Waiting(on_progress)
        seq = self._send(request)
        while True:
            message, now = self._receive(), time.monotonic()
            if message is None:
                self._check_heard(patience, job)
            elif message.type == "pong":
                # Whatever was sent before that ping has been answered. Not watching means that the server was started
                # anew, or that an answer was lost on the way.
                if message.get("re", 0) > seq and not message["watching"]:
                    seq, cancelling = self._send(request), False
                elif message.get("ahead") is not None:
                    waiting.tell(message["ahead"], now)
            elif message.get("job") == job and (message.type != "error" or message.get("re") == seq):
                if message.type == "accepted":
                    request = Message("watch", {"job": job, "previews": request.get("previews", False)})
                    if message.get("ahead") is not None:
                        waiting.tell(message["ahead"], now)
                elif message.type == "progress" and on_progress is not None:
                    on_progress(_progress(message))
                elif message.type == "preview" and on_preview is not None:
                    on_preview(Preview(message["stage"], **message.arrays))
                elif message.type == "result":
                    return JobResult(job, message["text"], message.arrays, message.get("seconds"))
                else:
                    _raised(message)
            if now - self._pinged > HEARTBEAT:
                self._pinged = now
                self._send(Message("ping", {"job": job}))
            if should_cancel is not None and not cancelling and should_cancel():
                cancelling = True
                self._send(Message("cancel", {"job": job}))
            if timeout is not None and now - started > timeout:
                raise JobTimeout(job, timeout)

    def _cancel_quietly(self, job: str) -> None:
        with contextlib.suppress(ServerError, ServerLost, JobTimeout):  # it has ended, or nobody is there to be told
            self.cancel(job)


def _settings(settings: Any) -> dict[str, Any]:
    """Return settings as they travel. Raises AssistMimicError for what are none."""
    if settings is None or isinstance(settings, Mapping):
        return dict(settings or {})
    if hasattr(settings, "to_dict"):
        return settings.to_dict()
    raise ServiceError(
        f"settings: expected ConvertSettings or a dict such as {{'quality': 'draft'}}, got {type(settings).__name__}"
    )


def _job_name(text: str) -> str:
    """Return a name that may travel: of a path its last part, printable and not too long."""
    last = re.split(r"[/\\]", text.rstrip("/\\"))[-1]
    return "".join(letter for letter in last if letter.isprintable())[:128]


def _progress(message: Message) -> JobProgress:
    fields = {name: message[name] for name in ("stage", "done", "total", "unit")}
    return JobProgress(**fields, eta_s=message.get("eta_s"), elapsed_s=message.get("elapsed_s", 0.0))


def _raised(message: Message) -> Message:
    """Return the message, unless it is bad news."""
    if message.type == "error":
        raise ServerError(message["code"], message["message"], message.get("detail", ""))
    if message.type == "failed":
        raise JobFailed(message["job"], message["code"], message["message"], message.get("detail", ""))
    if message.type == "cancelled":
        raise JobCancelled(message["job"])
    return message


def connect(
    endpoint: str = "",
    *,
    key: str | Path | None = None,
    port_file: str | Path | None = None,
    name: str = "",
    lost_s: float = LOST,
) -> Client:
    """Connect to a server and make sure that it speaks this client's protocol.

    Args:
        endpoint: Where it is, such as `tcp://127.0.0.1:5555`. Otherwise what `port_file` says, or the environment
            variable `ASSISTMIMIC_SERVER`, or the server this user started last.
        key: File made by `assistmimic keys add`, for a server that asks for one.
        port_file: Written by the server when it was started with `--port-file`.
        name: What this client calls itself; by default the same for all of this user on this machine.
        lost_s: Without a word from the server for so long it is taken for gone [s].

    Raises:
        AssistMimicError: there is no server, or it does not let this client in, or speaks another version.
    """
    client = Client(find_server(endpoint, key=key, port_file=port_file), name=name, lost_s=lost_s)
    try:
        client.hello()
    except BaseException:
        client.close()
        raise
    return client
