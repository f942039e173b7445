"""The server: one thread that listens to clients and workers, writes down what happened, and only then says so."""

from __future__ import annotations

import contextlib
import logging
import secrets
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import zmq

from controller_server.core.errors import ServiceError
from controller_server.core.version import __version__
from controller_server.pipeline.settings import Controller, Quality
from controller_server.service.protocol.messages import FROM_CLIENT, HEARTBEAT, LOST, Message, MessageError, decode
from controller_server.service.protocol.wire import Envelope, new_socket, receive_at_router, send_to

from .access import access_of
from .admission import Admission, Refused
from .array_file import ArrayFileError
from .authentication import ZapAuthenticator
from .options import ServerOptions
from .policies import Policies
from .pool import Pool, Worker
from .processes import is_alive
from .scheduler import Scheduler
from .store import Job, JobStore, Key, State

log = logging.getLogger(__name__)
_UNREAD = 2
"""Messages of one connection that may lie in memory unread: more of the largest would be too much."""
_TURN_MS, _MESSAGES_A_TURN = 100, 64
_CHECK_EVERY, _PARENT_EVERY, _SWEEP_EVERY = 0.1, 1.0, 60.0
_FORGET_AFTER = 3 * LOST
_RATE_WINDOW = 600.0


class StoreFailed(ServiceError):
    """The jobs can no longer be written down; the server has to stop, and can be started again."""


@dataclass(frozen=True)
class Snapshot:
    """Numbers of a server at one moment.

    Attributes:
        jobs: Known, by state.
        events: Since the server was started, by kind: accepted, done, failed, cancelled, worker_deaths.
        clients: Heard of lately.
        workers: All of them.
    """

    jobs: Mapping[str, int]
    events: Mapping[str, int]
    clients: int
    workers: tuple[Worker, ...]


class Server:
    """Listens from construction on; `run` serves until `stop` is called.

    Args:
        options: How it is set up.

    Raises:
        AssistMimicError: the store or the endpoint cannot be used.
    """

    def __init__(self, options: ServerOptions) -> None:
        self.options, self.session = options, secrets.token_hex(8)
        self.access = access_of(options)
        self._store = JobStore(options.store)
        self._context = zmq.Context()
        self._policies = Policies(options.bundles, options.terms)
        nobody: dict[str, str] = {}
        self._door = ZapAuthenticator(
            self._context,
            (lambda: nobody) if self.access is None else self.access.clients,
            lambda token: self._pool.expects(token),
        )
        self._pool = Pool(
            *(self._context, options.workers, options.supervision, options.store / "log"),
            self._policies.environment(),
        )
        self._front = new_socket(self._context, zmq.ROUTER)
        self._front.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self._front.setsockopt(zmq.RCVHWM, _UNREAD)
        self._front.setsockopt(zmq.MAXMSGSIZE, options.limits.message_bytes)
        if self.access is not None:
            self._door.guard_clients(self._front, self.access.server)
        self.endpoint = _bind(self._front, options.bind)
        self._outbox: list[tuple[bytes, Message]] = []
        self._watchers: dict[Key, dict[bytes, bool]] = {}
        self._heard: dict[bytes, float] = {}
        self._ends: deque[float] = deque()
        admission = Admission(options.limits, self._pool.engines, self._policies.names, options.store)
        self._scheduler = Scheduler(self._store, self._pool, admission, options.supervision.attempts, self)
        self._started, self._stopping = time.monotonic(), False
        self._next = {"check": 0.0, "parent": 0.0, "sweep": 0.0, "observe": 0.0}
        self._poller = zmq.Poller()
        self._poller.register(self._front, zmq.POLLIN)
        self._poller.register(self._pool.socket, zmq.POLLIN)
        self._poller.register(self._door.socket, zmq.POLLIN)

    def stop(self, *_: Any) -> None:
        """Make `run` return soon; may be called from a signal handler."""
        self._stopping = True

    def run(self, observe: Callable[[Snapshot], None] | None = None) -> None:
        """Serve until stopped.

        Args:
            observe: Shown the server's numbers once a second.

        Raises:
            StoreFailed: the disk does not take any more.
        """
        try:
            while not self._stopping:
                self._turn()
                if observe is not None and self._is_time("observe", time.monotonic(), 1.0):
                    observe(self.snapshot())
        except sqlite3.Error as error:
            raise StoreFailed(f"{self.options.store}: jobs cannot be written down any more ({error})") from None
        finally:
            self._pool.close()
            self._front.close()
            self._door.close()
            self._context.term()
            with contextlib.suppress(sqlite3.Error):  # the disk fails already, or takes what it is given
                self._store.close()

    def snapshot(self) -> Snapshot:
        """Return the server's numbers now."""
        jobs = {state.value: self._scheduler.counts[state.value] for state in State}
        return Snapshot(jobs, dict(self._scheduler.events), len(self._heard), tuple(self._pool.workers))

    def _turn(self) -> None:
        self._poller.poll(_TURN_MS)
        self._door.answer()
        for worker, message in self._pool.receive():
            self._scheduler.on_worker(worker, message)
        for _ in range(_MESSAGES_A_TURN):
            envelope = receive_at_router(self._front, self.options.limits.message_bytes)
            if envelope is None:
                break
            self._heard[envelope.route] = time.monotonic()
            self._answer(envelope)
        self._look_after(time.monotonic())
        self._scheduler.dispatch()
        self._store.commit()
        for route, message in self._outbox:
            if not send_to(self._front, route, message):
                self._forget(route)
        self._outbox.clear()

    def _look_after(self, now: float) -> None:
        """Return what has to be done whether or not anybody says anything."""
        if not self._stopping and self._is_time("check", now, _CHECK_EVERY):
            for death in self._pool.check():
                self._scheduler.on_death(death)
        if self._is_time("parent", now, _PARENT_EVERY):
            if self.options.parent_pid and not is_alive(self.options.parent_pid):
                log.info("the parent process is gone", extra={"pid": self.options.parent_pid})
                self.stop()
            for route in [route for route, heard in self._heard.items() if now - heard > _FORGET_AFTER]:
                self._forget(route)
        if self._is_time("sweep", now, _SWEEP_EVERY):
            keep = self.options.retention
            swept = self._store.sweep(
                keep_seconds=keep.seconds, keep_bytes=keep.bytes, forget_seconds=keep.forget_seconds
            )
            if swept:
                log.info("old results removed", extra={"jobs": swept})

    def _is_time(self, what: str, now: float, every: float) -> bool:
        if now < self._next[what]:
            return False
        self._next[what] = now + every
        return True

    def _forget(self, route: bytes) -> None:
        self._heard.pop(route, None)
        for key in [
            key for key, routes in self._watchers.items() if routes.pop(route, None) is not None and not routes
        ]:
            del self._watchers[key]

    def notify(self, key: Key, message: Message) -> None:
        """News of a job, to everybody who watches it."""
        for route, wants_previews in self._watchers.get(key, {}).items():
            if message.type != "preview" or wants_previews:
                self._outbox.append((route, message))
        if message.type in ("result", "failed", "cancelled"):
            self._watchers.pop(key, None)
            self._ends.append(time.monotonic())

    def wants_previews(self, key: Key) -> bool:
        """Return whether somebody watches a job and wants to see it."""
        return any(self._watchers.get(key, {}).values())

    def _answer(self, envelope: Envelope) -> None:
        """Answer one message, whatever is wrong with it."""
        seq, job = None, None
        try:
            if not envelope.frames:
                raise MessageError(
                    "too_large", f"more than {self.options.limits.message_bytes} bytes, or too many arrays"
                )
            message = decode(envelope.frames, FROM_CLIENT)
            seq, job = message.get("seq"), message.get("job")
            answer = _HANDLERS[message.type](self, envelope, message)
        except MessageError as error:
            seq = error.seq
            answer = Message("error", {"code": error.code, "message": str(error)})
        except Refused as error:
            answer = Message("error", {"code": error.code, "message": str(error)})
        except sqlite3.Error:
            raise
        except Exception as error:
            log.exception("a message was not answered")
            answer = Message("error", {"code": "internal", "message": f"a fault in the server: {type(error).__name__}"})
        known = {"re": seq} if seq is not None else {}
        known |= {"job": job} if job is not None and answer.type == "error" else {}
        self._outbox.append((envelope.route, Message(answer.type, {**answer.fields, **known}, answer.arrays)))

    def _hello(self, envelope: Envelope, message: Message) -> Message:
        return Message(
            "welcome",
            {
                "server": __version__,
                "session": self.session,
                "capabilities": {
                    "engines": self._pool.engines,
                    "controllers": [controller.value for controller in Controller],
                    "qualities": [quality.value for quality in Quality],
                    "policies": self._policies.names(),
                },
                "limits": self.options.limits.to_dict(),
                "heartbeat_s": HEARTBEAT,
                "lost_s": LOST,
            },
        )

    def _submit(self, envelope: Envelope, message: Message) -> Message:
        client = message.get("client") or envelope.route.hex()
        job = self._scheduler.submit(envelope.owner, client, message)
        if not message.get("watch", True):
            return self._accepted(job)
        return self._watch_job(envelope, job, message.get("previews", False))

    def _watch(self, envelope: Envelope, message: Message) -> Message:
        job = self._scheduler.look_up(Key(envelope.owner, message["job"]))
        return self._watch_job(envelope, job, message.get("previews", False))

    def _watch_job(self, envelope: Envelope, job: Job, previews: bool) -> Message:
        """Return the job's end if it has ended; else where it stands, and its news from now on."""
        if job.state.is_end:
            try:
                return self._scheduler.end_of(job)
            except ArrayFileError as error:
                log.error("result damaged; the job is done again", extra={"job": job.job, "reason": str(error)})
                job = self._scheduler.redo(job)
        self._watchers.setdefault(job.key, {})[envelope.route] = previews
        news = self._scheduler.news(job.key)
        if news is not None:
            self._outbox.append((envelope.route, news))
        return self._accepted(job)

    def _accepted(self, job: Job) -> Message:
        fields = {"job": job.job, "state": job.state.value, "position": self._scheduler.position(job)}
        return Message("accepted", fields | self._ahead(job))

    def _ahead(self, job: Job) -> dict[str, int]:
        """Return what is said of a job that waits: how many are begun before it."""
        ahead = self._scheduler.ahead(job)
        return {} if ahead is None else {"ahead": ahead}

    def _cancel(self, envelope: Envelope, message: Message) -> Message:
        key = Key(envelope.owner, message["job"])
        if self._scheduler.cancel(key) is State.RUNNING:
            self._watchers.setdefault(key, {}).setdefault(envelope.route, False)
            return Message("cancelling", {"job": key.job})
        return Message("cancelled", {"job": key.job})

    def _status(self, envelope: Envelope, message: Message) -> Message:
        if message.get("job") is not None:
            job = self._scheduler.look_up(Key(envelope.owner, message["job"]))
            return Message("status", {"status": self._record(job)})
        now = time.monotonic()
        while self._ends and now - self._ends[0] > _RATE_WINDOW:
            self._ends.popleft()
        window = min(_RATE_WINDOW, max(1.0, now - self._started))
        status = {
            "server": __version__,
            "uptime_s": now - self._started,
            "jobs": dict(self.snapshot().jobs),
            "ended_per_minute": 60 * len(self._ends) / window,
            "clients": len(self._heard),
            "workers": [self._worker_record(worker, envelope.owner) for worker in self._pool.workers],
        }
        return Message("status", {"status": status})

    @staticmethod
    def _worker_record(worker: Worker, owner: str) -> dict[str, Any]:
        job = worker.job.job if worker.job is not None and worker.job.owner == owner else None  # others' are theirs
        return {
            **{"number": worker.number, "engine": worker.spec.engine, "state": worker.state},
            **{"job": job, "pid": worker.process.pid if worker.process else None},
            **{"memory_bytes": worker.memory, "carried_out": worker.carried_out},
        }

    def _jobs(self, envelope: Envelope, message: Message) -> Message:
        found = self._store.latest(envelope.owner, min(message.get("limit", 100), 1000))
        return Message("jobs", {"jobs": [self._record(job) for job in found]})

    def _record(self, job: Job) -> dict[str, Any]:
        news = self._scheduler.news(job.key)
        at = {} if news is None else {name: news[name] for name in ("stage", "done", "total")}
        return {
            **{"job": job.job, "state": job.state.value, "client": job.client, "engine": job.engine},
            **{"frames": job.frames, "created": job.created, "started": job.started, "ended": job.ended},
            **{"seconds": job.seconds, "attempts": job.attempts, "kept": job.kept, "bytes": job.bytes},
            **{"code": job.code, "message": job.message, "position": self._scheduler.position(job), **at},
            **{"name": job.name, "verdict": job.verdict, **self._ahead(job)},
        }

    def _ping(self, envelope: Envelope, message: Message) -> Message:
        key = Key(envelope.owner, message.get("job", ""))
        watching, waiting = envelope.route in self._watchers.get(key, {}), self._scheduler.waiting(key)
        return Message("pong", {"watching": watching} | (self._ahead(waiting) if waiting else {}))


_Handler = Callable[[Server, Envelope, Message], Message]
_HANDLERS: dict[str, _Handler] = {
    "hello": Server._hello,
    "submit": Server._submit,
    "watch": Server._watch,
    "cancel": Server._cancel,
    "status": Server._status,
    "jobs": Server._jobs,
    "ping": Server._ping,
}


def _bind(socket: zmq.Socket, endpoint: str) -> str:
    """Bind, and say where that is."""
    try:
        socket.bind(endpoint)
    except zmq.ZMQError as error:
        raise ServiceError(f"{endpoint}: cannot listen there ({error}); choose another address or port") from None
    return socket.getsockopt(zmq.LAST_ENDPOINT).decode().rstrip("\0")  # pyright: ignore
