"""Every job that has not ended: accepted, queued, given to workers, followed to exactly one end."""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, Protocol

from controller_server.core.progress import Progress
from controller_server.pipeline.time_left import FILE, PaceBook, TimeLeft, kind_of
from controller_server.service.protocol.messages import Message

from .admission import Admission, Refused, no_such_job
from .array_file import ArrayFileError
from .pool import Death, Pool, Worker
from .queueing import FairQueue, client_of
from .store import Job, JobStore, Key, State, digest_of

log = logging.getLogger(__name__)
_FIRST_STARTS, _LATER_STARTS = 3, 20
"""Failed starts in a row after which those who wait are told: of an engine that never ran by itself, and of one that
did, or that somebody else keeps killing."""


class Audience(Protocol):
    """Whoever hears of jobs; nobody outside may before the store is committed."""

    def notify(self, key: Key, message: Message) -> None:
        """Something happened to a job."""
        ...

    def wants_previews(self, key: Key) -> bool:
        """Return whether somebody watches a job and wants to see it."""
        ...


@dataclass
class Live:
    """Facts about a job that are known only while it runs.

    Attributes:
        job: As it was when it was queued or given to a worker.
        news: Its last progress message, or None.
        since: When it was given to a worker [monotonic s].
        left: Tells how long it will take.
    """

    job: Job
    news: Message | None = None
    since: float = 0.0
    left: TimeLeft | None = None


def _like(job: Job) -> tuple[str, str]:
    """Return the kind of a job, and what tells its clip from others: jobs alike in both take equally long."""
    return kind_of(job.settings), f"{job.name} {job.frames}" if job.name else ""


class Scheduler:
    """The jobs of a server.

    Args:
        store: Where they are kept.
        pool: Who carries them out.
        admission: What may become a job.
        attempts: Workers that may die over a job.
        audience: Told every event of a job.
    """

    def __init__(self, store: JobStore, pool: Pool, admission: Admission, attempts: int, audience: Audience) -> None:
        self._store, self._pool, self._admission = store, pool, admission
        self._attempts, self._audience, self._bytes = attempts, audience, 0
        self._queues = {engine: FairQueue() for engine in pool.engines}
        self._live: dict[Key, Live] = {}
        self._paces = PaceBook(store.folder / FILE)
        self.counts = Counter(store.counts())
        self.events: Counter[str] = Counter()
        for job in store.open_jobs():
            self._enqueue(job)

    @property
    def n_waiting(self) -> int:
        """Jobs that no worker has taken yet."""
        return sum(map(len, self._queues.values()))

    def _enqueue(self, job: Job, *, first: bool = False) -> None:
        if job.key not in self._live:
            self._bytes += job.bytes
        self._live[job.key] = Live(job)
        try:
            self._admission.check_engine(job.engine)
        except Refused as error:  # a store from a time with other workers
            self._end(job.key, State.FAILED, code=error.code, message=str(error))
        else:
            self._queues[job.engine].put(job, first=first)

    def submit(self, owner: str, client: str, message: Message) -> Job:
        """Accept a job, or find that it was accepted before.

        Raises:
            Refused: it cannot be accepted; nothing was kept.
        """
        key, engine = Key(owner, message["job"]), self._admission.engine_of(message)
        digest = digest_of(message["settings"], message["text"], message.arrays)
        known = self._store.get(key)
        if known is not None:
            if known.digest != digest:
                raise Refused("job_conflict", f"job {key.job}: another job has this id; choose a new one for each job")
            return known
        self._admission.check_engine(engine)
        frames = self._admission.check_contents(message)
        job = Job(
            **{"owner": owner, "job": key.job, "client": client, "engine": engine, "state": State.QUEUED},
            **{
                "settings": {**message["settings"], "engine": engine},
                "digest": digest,
                "frames": frames,
                "created": time.time(),
                "name": message.get("name", ""),
            },
        )
        self._admission.check_room(
            n_bytes=sum(array.nbytes for array in message.arrays.values()),
            of_client=self._queues[engine].waiting_of(client_of(job)),
            of_all=self.n_waiting,
            bytes_of_all=self._bytes,
        )
        try:
            job = self._store.add(job, message["text"], message.arrays)
        except OSError as error:
            log.error("job not kept", extra={"job": key.job, "reason": str(error)})
            raise Refused(
                "storage", "the server cannot keep the job (is its disk full?); nothing was accepted"
            ) from None
        self.counts["queued"] += 1
        self.events["accepted"] += 1
        self._enqueue(job)
        return job

    def cancel(self, key: Key) -> State:
        """Cancel a job. Returns the state it has then: RUNNING means that its worker was asked to stop.

        Raises:
            Refused: there is no such job, or it has ended otherwise.
        """
        live = self._live.get(key)
        if live is None:
            job = self._store.get(key)
            if job is None:
                raise no_such_job(key)
            if job.state is not State.CANCELLED:
                raise Refused("already_ended", f"job {key.job} is {job.state.value}; there is nothing to cancel")
            return job.state
        worker = self._worker_of(key)
        if worker is None:
            self._queues[live.job.engine].remove(live.job)
            self._end(key, State.CANCELLED)
            return State.CANCELLED
        self._store.want_cancel(key)
        self._pool.cancel(worker)
        return State.RUNNING

    def _worker_of(self, key: Key) -> Worker | None:
        return next((worker for worker in self._pool.workers if worker.job == key), None)

    def dispatch(self) -> None:
        """Give idle workers the jobs whose turn it is."""
        for worker in self._pool.idle():
            while (key := self._queues[worker.spec.engine].pop(self._running())) is not None:
                live = self._live[key]
                try:
                    payload = self._store.input_of(key)
                except ArrayFileError as error:
                    message = f"what the job works on was lost from the server's disk ({error})"
                    self._end(key, State.FAILED, code="storage", message=message)
                    continue
                self._store.start(key)
                previews = self._audience.wants_previews(key)
                said = {"previews": previews, "name": live.job.name}
                if not self._pool.run(worker, key, live.job.settings, payload, **said):
                    self._store.requeue(key, live.job.attempts)
                    self._queues[worker.spec.engine].put(live.job, first=True)
                    break
                live.since = time.monotonic()
                live.left = self._paces.time_left(live.job.frames, live.since, *_like(live.job))
                self._count(State.QUEUED, State.RUNNING)
                break

    def _running(self) -> Counter[Any]:
        return Counter(client_of(self._live[worker.job].job) for worker in self._pool.workers if worker.job is not None)

    def on_worker(self, worker: Worker, message: Message) -> None:
        """Take in a worker's message: how its job goes, or that it has ended."""
        assert worker.job is not None
        key, live = worker.job, self._live[worker.job]
        if worker.cancel_by is not None and message.type in ("result", "failed", "cancelled"):
            self._end(key, State.CANCELLED)  # whatever came of it, it is not wanted any more
        elif message.type == "result":
            self._end_with_result(key, message)
        elif message.type == "failed":
            said = {name: message.get(name, "") for name in ("code", "message", "detail")}
            self._end(key, State.FAILED, **said)
        elif message.type == "cancelled":
            self._end(key, State.FAILED, code="internal", message="the worker cancelled a job nobody wanted cancelled")
        elif message.type == "progress":
            live.news = self._timed(live, message)
            self._audience.notify(key, live.news)
        else:
            self._audience.notify(key, message)

    @staticmethod
    def _timed(live: Live, message: Message) -> Message:
        """Return a progress message with the time taken, and the time left where that can be told."""
        now, progress = time.monotonic(), Progress(message["stage"], message["done"], message["total"])
        fields = {**message.fields, "elapsed_s": now - live.since}
        left = None if live.left is None else live.left(progress, now)
        return Message("progress", fields if left is None else {**fields, "eta_s": left})

    def _end_with_result(self, key: Key, message: Message) -> None:
        live = self._live[key]
        try:
            seconds = message.get("seconds", time.monotonic() - live.since)
            ended = self._store.end_with_result(key, message["text"], message.arrays, seconds)
        except OSError as error:
            log.error("result not kept", extra={"job": key.job, "reason": str(error)})
            self._end(
                key, State.FAILED, code="storage", message="the server could not keep the result (is its disk full?)"
            )
            return
        if live.left is not None:
            kind, clip = _like(live.job)
            self._paces.add(kind, live.left.measured(time.monotonic()), clip)
        fields = {"job": key.job, "text": message["text"], "seconds": seconds}
        self._ended(key, State.DONE, Message("result", fields, message.arrays), ended)

    def _end(self, key: Key, state: State, *, code: str = "", message: str = "", detail: str = "") -> None:
        ended = self._store.end(key, state, code=code, message=message, detail=detail)
        fields = {"job": key.job}
        if state is State.FAILED:
            fields |= {"code": code, "message": message, "detail": detail}
        self._ended(key, state, Message(state.value, fields), ended)

    def _ended(self, key: Key, state: State, news: Message, ended: bool) -> None:
        live = self._live.pop(key)
        self._bytes -= live.job.bytes
        if not ended:
            log.error("a job ended twice", extra={"job": key.job, "state": state.value})
            return
        self._count(State.RUNNING if live.since else State.QUEUED, state)
        self.events[state.value] += 1
        log.info("job ended", extra={"job": key.job, "state": state.value, "code": news.get("code", "")})
        self._audience.notify(key, news)

    def _count(self, before: State, after: State) -> None:
        self.counts[before.value] -= 1
        self.counts[after.value] += 1

    def on_death(self, death: Death) -> None:
        """Try the job of a dead worker once more, then give it up with the reason."""
        self.events["worker_deaths"] += 1
        log.warning("worker gone", extra={"worker": death.worker.number, "code": death.code, "reason": death.message})
        if death.job is None:
            patient = death.worker.was_ready or death.killed
            if death.worker.failed_starts >= (_LATER_STARTS if patient else _FIRST_STARTS):
                self._give_up_engine(death)
            return
        live = self._live[death.job]
        if death.code == "cancelled":
            self._end(death.job, State.CANCELLED)
            return
        attempts = live.job.attempts + 1
        if attempts >= self._attempts:
            message = f"{death.message}, {attempts} times over this job" if attempts > 1 else death.message
            self._end(death.job, State.FAILED, code=death.code, message=message, detail=death.detail)
            return
        self._store.requeue(death.job, attempts)
        self._count(State.RUNNING, State.QUEUED)
        job = self._store.get(death.job)
        assert job is not None
        self._enqueue(job, first=True)

    def _give_up_engine(self, death: Death) -> None:
        """Fail the jobs that wait for an engine of which no worker starts, instead of letting them wait for ever."""
        engine = death.worker.spec.engine
        if any(worker.route for worker in self._pool.workers if worker.spec.engine == engine):
            return
        while (key := self._queues[engine].pop(Counter())) is not None:
            self._end(key, State.FAILED, code=death.code, message=death.message, detail=death.detail)

    def look_up(self, key: Key) -> Job:
        """Return a job, whatever its state. Raises Refused."""
        job = self._store.get(key)
        if job is None:
            raise no_such_job(key)
        return job

    def position(self, job: Job) -> int:
        """Return how many jobs of the same client are before it."""
        queue = self._queues.get(job.engine)
        return 0 if queue is None else queue.position(job)

    def waiting(self, key: Key) -> Job | None:
        """Return a job that no worker has taken yet, or None."""
        live = self._live.get(key)
        return None if live is None or live.since else live.job

    def ahead(self, job: Job) -> int | None:
        """Return how many jobs, of everybody, are begun before a waiting one.

        None of one that no longer waits or need not.
        """
        live, queue = self._live.get(job.key), self._queues.get(job.engine)
        if live is None or live.since or queue is None:
            return None
        ahead = queue.ahead(job, self._running())
        idle = sum(worker.spec.engine == job.engine for worker in self._pool.idle())
        return None if ahead < idle else ahead

    def news(self, key: Key) -> Message | None:
        """Return the last progress of a running job."""
        live = self._live.get(key)
        return None if live is None else live.news

    def end_of(self, job: Job) -> Message:
        """Return what an ended job's client is told, again.

        Raises:
            Refused: its result is no longer kept.
        """
        if job.state is State.FAILED:
            said = {"code": job.code, "message": job.message, "detail": job.detail}
            return Message("failed", {"job": job.job, **said})
        if job.state is State.CANCELLED:
            return Message("cancelled", {"job": job.job})
        if not job.kept:
            raise Refused("expired", f"job {job.job}: its result is no longer kept; send it again under a new id")
        text, arrays = self._store.result_of(job.key)
        return Message("result", {"job": job.job, "text": text, "seconds": job.seconds}, arrays)

    def redo(self, job: Job) -> Job:
        """Have a job made again whose result was damaged on the disk; the same seed gives the same."""
        self._store.requeue(job.key, 0)
        self._count(State.DONE, State.QUEUED)
        again = self.look_up(job.key)
        self._enqueue(again)
        return again
