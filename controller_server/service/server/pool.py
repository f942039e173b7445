"""The worker processes: started, spoken to, watched, ended when they misbehave, and started again."""

from __future__ import annotations

import hmac
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import zmq

from controller_server.core.blas_threads import one_blas_thread
from controller_server.core.errors import AssistMimicError
from controller_server.service.protocol.messages import FROM_WORKER, MAX_MESSAGE, Message, decode
from controller_server.service.protocol.payload import Payload
from controller_server.service.protocol.wire import new_socket, receive_at_router, send_to

from .authentication import ZapAuthenticator
from .options import Supervision, WorkerSpec, threads_per_worker
from .processes import NEW_GROUP, NO_WINDOW, resident_bytes
from .store import Key
from .worker import ENGINE, TOKEN

_LOG_TAIL = 2000
_MEMORY_EVERY = 0.5
_BACKOFF_MAX = 10.0
_KILLED = -9  # exit code of a process that got SIGKILL: by an operator, or by a system short of memory


@dataclass
class Worker:
    """One place for a worker process.

    Attributes:
        spec: Its kind.
        number: Tells it from the others.
        process: None between two processes.
        route: Where it can be reached; empty until it is ready.
        token: What the present process has to show.
        job: What it works on, or None.
        news: When it last made progress [monotonic s].
        cancel_by: When its cancelled job has to have ended [monotonic s], or None.
        deaths: In a row, without a job carried out in between.
        failed_starts: In a row, of processes that were never ready.
        was_ready: Whether any process in this place ever was.
        put_down: Whether the present process was ended by the server itself.
        start_at: When the next process is started [monotonic s].
        memory: Resident, when last looked at [bytes].
        carried_out: Jobs ended so far.
    """

    spec: WorkerSpec
    number: int
    process: subprocess.Popen[bytes] | None = None
    route: bytes = b""
    token: str = ""
    job: Key | None = None
    news: float = 0.0
    cancel_by: float | None = None
    deaths: int = 0
    failed_starts: int = 0
    was_ready: bool = False
    put_down: bool = False
    start_at: float = 0.0
    memory: int = 0
    carried_out: int = 0
    since: float = field(default_factory=time.monotonic)

    @property
    def state(self) -> str:
        """In one word."""
        if self.process is None:
            return "down"
        if not self.route:
            return "starting"
        return "idle" if self.job is None else "busy"


@dataclass(frozen=True)
class Death:
    """A worker is gone.

    Attributes:
        worker: Which.
        job: What it worked on, or None.
        code: worker_died, stalled, out_of_memory, cancelled or not_started.
        message: In a sentence.
        detail: The last it wrote.
        killed: Whether somebody else ended it: that says nothing about the engine.
    """

    worker: Worker
    job: Key | None
    code: str
    message: str
    detail: str
    killed: bool = False


class Pool:
    """All workers of a server.

    Args:
        context: ZeroMQ's.
        specs: What kinds and how many.
        rules: When a worker is ended.
        logs: Folder for what workers write. They run in an empty one beside it: no relative path leads anywhere.
        environment: Variables for the workers, beside those of this process.
    """

    def __init__(
        self,
        context: zmq.Context,
        specs: Sequence[WorkerSpec],
        rules: Supervision,
        logs: Path,
        environment: Mapping[str, str],
    ) -> None:
        self.rules, self._logs, self._environment = rules, logs, environment
        self._logs.mkdir(parents=True, exist_ok=True)
        self.socket = new_socket(context, zmq.ROUTER)
        self.socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self.socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE)
        ZapAuthenticator.guard_workers(self.socket)
        self._endpoint = f"tcp://127.0.0.1:{self.socket.bind_to_random_port('tcp://127.0.0.1')}"
        self._work = logs.parent / "work"
        self._work.mkdir(parents=True, exist_ok=True)
        kinds = [spec for spec in specs for _ in range(spec.count)]
        self.workers = [Worker(spec, number) for number, spec in enumerate(kinds, 1)]
        self._threads = threads_per_worker(tuple(specs))
        self._next_memory = 0.0

    @property
    def engines(self) -> list[str]:
        """Engines there are workers for."""
        return list(dict.fromkeys(worker.spec.engine for worker in self.workers))

    def idle(self) -> Iterator[Worker]:
        """Workers that could take a job."""
        return (worker for worker in self.workers if worker.state == "idle")

    def run(
        self,
        worker: Worker,
        key: Key,
        settings: Mapping[str, Any],
        payload: Payload,
        *,
        previews: bool = False,
        name: str = "",
    ) -> bool:
        """Give a worker a job; False when it cannot be reached."""
        text, arrays = payload
        order = {"job": key.job, "settings": dict(settings), "text": text, "threads": self._threads}
        order |= {"previews": previews} | ({"name": name} if name else {})
        if not send_to(self.socket, worker.route, Message("run", order, arrays)):
            return False
        worker.job, worker.news, worker.cancel_by = key, time.monotonic(), None
        return True

    def cancel(self, worker: Worker) -> None:
        """Ask a worker to stop its job."""
        assert worker.job is not None
        worker.cancel_by = worker.cancel_by or time.monotonic() + self.rules.cancel_s
        send_to(self.socket, worker.route, Message("cancel", {"job": worker.job.job}))

    def receive(self) -> Iterator[tuple[Worker, Message]]:
        """Yield what workers say about their jobs. A job's end frees its worker."""
        while (envelope := receive_at_router(self.socket, MAX_MESSAGE)) is not None:
            try:
                message = decode(envelope.frames, FROM_WORKER)
            except AssistMimicError as error:
                for worker in self.workers:  # one that talks nonsense is ended, a stranger is not answered
                    if worker.route == envelope.route:
                        self._terminate(worker, f"it said something else: {error}")
                continue
            if message.type == "ready":
                self._welcome(envelope.route, message)
                continue
            worker = next((w for w in self.workers if w.route == envelope.route), None)
            if worker is None or worker.job is None or worker.job.job != message["job"]:
                continue  # of a process that is no more, or about a job it no longer has
            worker.news = time.monotonic()
            if message.type in ("result", "failed", "cancelled"):
                yield worker, message
                worker.job, worker.cancel_by, worker.deaths = None, None, 0
                worker.carried_out += 1
            else:
                yield worker, message

    def expects(self, token: str) -> bool:
        """Return whether a token is that of a worker that was started and has not said that it is ready."""
        return self._holder(token) is not None

    def _holder(self, token: str) -> Worker | None:
        said = token.encode(errors="replace")
        return next((w for w in self.workers if w.token and hmac.compare_digest(w.token.encode(), said)), None)

    def _welcome(self, route: bytes, message: Message) -> None:
        worker = self._holder(message["token"])
        if worker is None:
            return
        worker.token = ""  # it opens the door once
        if message["engine"] == worker.spec.engine:
            worker.route, worker.was_ready, worker.failed_starts = route, True, 0
        else:
            self._terminate(worker, f"it has engine {message['engine']!r}, not {worker.spec.engine!r}")

    def _terminate(self, worker: Worker, reason: str) -> None:
        """End a worker, and say why where its own words are."""
        if worker.process is not None:
            with self._log(worker).open("a", encoding="utf-8") as log:
                log.write(f"ended by the server: {reason}\n")
            worker.process.kill()
            worker.put_down = True

    def check(self) -> list[Death]:
        """End what misbehaves, note what died, start what is missing."""
        now, deaths = time.monotonic(), []
        look_at_memory = now >= self._next_memory
        if look_at_memory:
            self._next_memory = now + _MEMORY_EVERY
        for worker in self.workers:
            if worker.process is None:
                if now >= worker.start_at and (death := self._start(worker, now)) is not None:
                    deaths.append(death)
                continue
            if look_at_memory:
                worker.memory = resident_bytes(worker.process.pid)
            fault = self._fault(worker, now)
            if fault is not None:
                deaths.append(self._reap(worker, now, *fault))
        return deaths

    def _fault(self, worker: Worker, now: float) -> tuple[str, str] | None:
        """Code and sentence, if a worker has to go or is gone."""
        assert worker.process is not None
        code, rules = worker.process.poll(), self.rules
        if code is not None:
            if not worker.route:
                return "not_started", f"the {worker.spec.engine} worker does not start (exit code {code})"
            return "worker_died", f"the worker died ({_exit_text(code)})"
        if not worker.route:
            if now - worker.since > rules.start_s:
                return "not_started", f"the {worker.spec.engine} worker was not ready after {rules.start_s:g} s"
            return None
        if worker.memory > rules.memory_bytes:
            limit, grown = (value / 2**20 for value in (rules.memory_bytes, worker.memory))
            return "out_of_memory", f"the worker grew to {grown:.0f} MB; it may have {limit:.0f} MB"
        if worker.job is None:
            return None
        if worker.cancel_by is not None and now > worker.cancel_by:
            return "cancelled", "the worker did not stop and was ended"
        if now - worker.news > rules.stall_s:
            return "stalled", f"the worker made no progress for {rules.stall_s:g} s"
        return None

    def _start(self, worker: Worker, now: float) -> Death | None:
        """Start a process; a death if there is no such interpreter."""
        worker.token, worker.route, worker.since, worker.memory = secrets.token_hex(16), b"", now, 0
        own = not worker.spec.python
        environment = {**os.environ, **self._environment, TOKEN: worker.token, ENGINE: worker.spec.engine}
        environment["PYTHONIOENCODING"] = "utf-8:replace"
        one_blas_thread(environment)
        environment.pop("PYTHONPATH", None)
        if own:  # what this process can import, its worker can
            environment["PYTHONPATH"] = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
        command = [worker.spec.python or sys.executable, "-m", worker.spec.module, self._endpoint]
        try:
            with self._log(worker).open("wb") as log:
                worker.process = _start_process(command, environment, self._work, log)
        except OSError as error:
            self._log(worker).write_text(f"{command[0]}: {error}\n", encoding="utf-8")
            return self._reap(worker, now, "not_started", f"the {worker.spec.engine} worker cannot be started")
        return None

    def _reap(self, worker: Worker, now: float, code: str, message: str) -> Death:
        killed = worker.process is not None and worker.process.poll() == _KILLED and not worker.put_down
        if worker.process is not None:
            _end_process(worker.process)
        code = "cancelled" if worker.cancel_by is not None else code
        death = Death(worker, worker.job, code, message, self._tail(worker), killed)
        worker.failed_starts += code == "not_started"
        worker.process, worker.route, worker.token, worker.job, worker.cancel_by = None, b"", "", None, None
        worker.put_down = False
        worker.deaths += 1
        worker.start_at = now + min(_BACKOFF_MAX, 0.25 * 2 ** min(worker.deaths - 1, 8) if worker.deaths > 1 else 0.0)
        return death

    def _log(self, worker: Worker) -> Path:
        return self._logs / f"worker-{worker.number}.log"

    def _tail(self, worker: Worker) -> str:
        try:
            return self._log(worker).read_bytes()[-_LOG_TAIL:].decode(errors="replace")
        except OSError:
            return ""

    def close(self) -> None:
        """End all workers. Their jobs are queued again when the store is next opened."""
        for worker in self.workers:
            if worker.process is not None:
                _end_process(worker.process)
                worker.process = None
        self.socket.close()


def _start_process(
    command: list[str], environment: dict[str, str], folder: Path, log: BinaryIO
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        env=environment,
        cwd=folder,
        creationflags=NO_WINDOW | NEW_GROUP,
        start_new_session=True,  # Ctrl-C in a terminal is for the server, which ends its workers itself
    )


def _end_process(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _exit_text(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
