"""Jobs from acceptance to exactly one end, with a real store and workers that only pretend."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from controller_server.service.protocol.messages import Message
from controller_server.service.server.admission import Refused
from controller_server.service.server.options import WorkerSpec
from controller_server.service.server.pool import Death, Worker
from controller_server.service.server.scheduler import Scheduler
from controller_server.service.server.store import JobStore, Key, State

MUJOCO = WorkerSpec("mujoco")


@dataclass
class Workers:
    """The part of a pool that the scheduler uses: workers that take jobs and do nothing."""

    workers: list[Worker]
    reachable: bool = True
    asked_to_stop: list[Worker] = field(default_factory=list)
    engines: tuple[str, ...] = ("mujoco",)

    def idle(self) -> Iterator[Worker]:
        """Those without a job."""
        return (worker for worker in self.workers if worker.job is None)

    def run(self, worker: Worker, key: Key, *_: object, **__: object) -> bool:
        """Take a job."""
        if self.reachable:
            worker.job = key
        return self.reachable

    def cancel(self, worker: Worker) -> None:
        """Note the wish."""
        worker.cancel_by = 1.0
        self.asked_to_stop.append(worker)


class OpenDoor:
    """Admission that takes everything for engines there are."""

    def check_engine(self, engine: str) -> None:
        """Refuse an engine that is not there."""
        if engine != "mujoco":
            raise Refused("no_engine", f"no {engine}")

    def engine_of(self, message: Message) -> str:
        """The engine named beside the settings."""
        return message.get("engine", "mujoco")

    def check_contents(self, message: Message) -> int:
        """Frames."""
        return len(message.arrays["x"])

    def check_room(self, **room: int) -> None:
        """Always."""


@dataclass
class Ears:
    """Hears what becomes of jobs."""

    heard: list[tuple[str, str]] = field(default_factory=list)

    def notify(self, key: Key, message: Message) -> None:
        """Note it."""
        self.heard.append((key.job, message.type))

    def wants_previews(self, key: Key) -> bool:
        """Never."""
        return False

    def ends(self) -> list[tuple[str, str]]:
        """The ends alone."""
        return [said for said in self.heard if said[1] in ("result", "failed", "cancelled")]


class Scene:
    """A scheduler with two workers and what is around it."""

    def __init__(self, folder: Path, workers: int = 2) -> None:
        self.store = JobStore(folder)
        self.workers, self.ears = Workers([Worker(MUJOCO, number + 1) for number in range(workers)]), Ears()
        parts: Any = (self.store, self.workers, OpenDoor())
        self.scheduler = Scheduler(*parts, attempts=2, audience=self.ears)

    def submit(self, name: str, client: str = "ann", **settings: Any) -> Key:
        """Send a job."""
        fields = {"job": name, "settings": settings, "text": {}}
        return self.scheduler.submit("", client, Message("submit", fields, {"x": np.zeros(3)})).key

    def worker_of(self, key: Key) -> Worker:
        """Who has a job."""
        (worker,) = (worker for worker in self.workers.workers if worker.job == key)
        return worker

    def say(self, key: Key, kind: str, **fields: Any) -> None:
        """Let the worker of a job say something; an end frees it, as in the pool."""
        worker = self.worker_of(key)
        arrays = {"y": np.ones(2)} if kind == "result" else {}
        self.scheduler.on_worker(worker, Message(kind, {"job": key.job, **fields}, arrays))
        if kind in ("result", "failed", "cancelled"):
            worker.job, worker.cancel_by = None, None

    def die(self, key: Key, code: str = "worker_died", killed: bool = False) -> None:
        """Let the worker of a job die over it."""
        worker = self.worker_of(key)
        worker.job = None
        self.scheduler.on_death(Death(worker, key, code, "the worker died", "last words", killed))

    def states(self) -> dict[str, int]:
        """How many jobs are in each state, those with none left out."""
        counted = {name: count for name, count in self.scheduler.counts.items() if count}
        assert counted == {name: count for name, count in self.store.counts().items() if count}, "both count alike"
        return counted


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """An empty server."""
    scene = Scene(tmp_path)
    yield scene
    scene.store.close()


def test_from_acceptance_to_result(scene: Scene):
    """Run as many jobs as there are workers, tell each end once, and keep the result."""
    keys = [scene.submit(f"job-{number}") for number in range(3)]
    scene.scheduler.dispatch()
    assert scene.states() == {"running": 2, "queued": 1}
    assert scene.scheduler.waiting(keys[2]) is not None and scene.scheduler.waiting(keys[0]) is None
    scene.say(keys[0], "progress", stage="search", done=1, total=4)
    news = scene.scheduler.news(keys[0])
    assert news is not None and news["elapsed_s"] >= 0
    scene.say(keys[0], "result", text={"scores": "{}"}, seconds=2.0)
    scene.scheduler.dispatch()
    assert scene.states() == {"running": 2, "done": 1}
    assert scene.ears.ends() == [("job-0", "result")]
    end = scene.scheduler.end_of(scene.scheduler.look_up(keys[0]))
    assert end.type == "result" and end["seconds"] == 2.0 and (end.arrays["y"] == 1).all()


def test_the_same_job_again(scene: Scene):
    """Accept a job once however often it is sent, and refuse another under its id."""
    key = scene.submit("job-0", seed=1)
    assert scene.submit("job-0", seed=1) == key and scene.scheduler.n_waiting == 1
    with pytest.raises(Refused) as caught:
        scene.submit("job-0", seed=2)
    assert caught.value.code == "job_conflict" and scene.scheduler.n_waiting == 1


def test_turns(scene: Scene):
    """Give the second worker to the second client, though the first client sent two jobs before."""
    first, second, other = scene.submit("a-0"), scene.submit("a-1"), scene.submit("b-0", client="bob")
    scene.scheduler.dispatch()
    assert {worker.job for worker in scene.workers.workers} == {first, other}
    assert scene.scheduler.ahead(scene.scheduler.look_up(second)) == 0


def test_a_death_is_forgiven_once(scene: Scene):
    """Try a job again before all others of its client, and give it up after the second death with the reason."""
    unlucky, _, later = (scene.submit(f"job-{number}") for number in range(3))
    scene.scheduler.dispatch()
    scene.die(unlucky)
    assert scene.ears.ends() == [] and scene.states() == {"running": 1, "queued": 2}
    scene.scheduler.dispatch()
    assert scene.worker_of(unlucky) and scene.scheduler.waiting(later)
    scene.die(unlucky)
    assert scene.ears.ends() == [("job-0", "failed")]
    job = scene.scheduler.look_up(unlucky)
    assert (job.state, job.code, job.detail) == (State.FAILED, "worker_died", "last words") and "2 times" in job.message


def test_cancelling(scene: Scene):
    """End a waiting job at once, a running one when its worker lets go, and no ended one."""
    running, other, waiting = (scene.submit(f"job-{number}") for number in range(3))
    scene.scheduler.dispatch()
    assert scene.scheduler.cancel(waiting) is State.CANCELLED
    assert scene.scheduler.cancel(running) is State.RUNNING
    assert scene.workers.asked_to_stop == [scene.worker_of(running)]
    scene.say(running, "result", text={}, seconds=1.0)  # it had just been done: nobody wants it any more
    assert scene.ears.ends() == [("job-2", "cancelled"), ("job-0", "cancelled")]
    assert scene.scheduler.cancel(running) is State.CANCELLED
    scene.say(other, "result", text={}, seconds=1.0)
    with pytest.raises(Refused) as caught:
        scene.scheduler.cancel(other)
    assert caught.value.code == "already_ended"
    with pytest.raises(Refused) as caught:
        scene.scheduler.cancel(Key("", "job-none"))
    assert caught.value.code == "no_such_job"


def test_a_cancelled_job_is_not_tried_again(scene: Scene):
    """Take the death of a worker that would not stop for the end of its job."""
    key = scene.submit("job-0")
    scene.scheduler.dispatch()
    scene.scheduler.cancel(key)
    scene.die(key, "cancelled")
    assert scene.ears.ends() == [("job-0", "cancelled")] and scene.states() == {"cancelled": 1}


def test_an_unreachable_worker_costs_no_attempt(scene: Scene):
    """Keep a job at its place when the worker cannot be reached."""
    keys = [scene.submit(f"job-{number}") for number in range(2)]
    scene.workers.reachable = False
    scene.scheduler.dispatch()
    assert scene.states() == {"queued": 2}
    scene.workers.reachable = True
    scene.scheduler.dispatch()
    assert scene.states() == {"running": 2}
    assert all(scene.scheduler.look_up(key).attempts == 0 for key in keys)


def test_an_engine_that_never_starts(scene: Scene):
    """Tell whoever waits after three starts failed, unless another worker of the engine runs."""
    scene.submit("job-0")
    worker, other = scene.workers.workers
    for worker.failed_starts in (1, 2):
        scene.scheduler.on_death(Death(worker, None, "not_started", "does not start", ""))
    assert scene.ears.ends() == []
    worker.failed_starts, other.route = 3, b"alive"
    scene.scheduler.on_death(Death(worker, None, "not_started", "does not start", ""))
    assert scene.ears.ends() == []
    other.route = b""
    scene.scheduler.on_death(Death(worker, None, "not_started", "does not start", ""))
    assert scene.ears.ends() == [("job-0", "failed")] and scene.scheduler.n_waiting == 0


def test_after_a_restart(tmp_path: Path):
    """Queue again what waited or ran, and only that."""
    before = Scene(tmp_path)
    done, running, waiting = (before.submit(f"job-{number}", client=str(number)) for number in range(3))
    before.scheduler.dispatch()
    before.say(done, "result", text={}, seconds=1.0)
    before.store.commit()
    before.store.close()
    after = Scene(tmp_path)
    assert after.scheduler.n_waiting == 2 and after.states() == {"queued": 2, "done": 1}
    after.scheduler.dispatch()
    assert {worker.job for worker in after.workers.workers} == {running, waiting}
    after.store.close()
