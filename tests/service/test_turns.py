"""Who a client is, when its job has its turn, and what it is told until then."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from helpers.service_cases import QUICK, foreign_server, short_clip, until
from helpers.service_cases import a_job as job

from controller_server.service.client.client import JobProgress
from controller_server.service.client.identity import client_name
from controller_server.service.protocol.payload import verdict_of
from controller_server.service.server.queueing import FairQueue
from controller_server.service.server.store import JobStore


def test_a_user_has_one_name(tmp_path, monkeypatch):
    """Give all that begin at the same moment, and all later ones, the same name; another folder has another."""
    monkeypatch.setenv("ASSISTMIMIC_STATE", str(tmp_path / "ann"))
    with ThreadPoolExecutor(8) as pool:
        names = set(pool.map(lambda _: client_name(), range(16)))
    assert names == {client_name()} and "@" in client_name()
    monkeypatch.setenv("ASSISTMIMIC_STATE", str(tmp_path / "bob"))
    assert client_name() not in names


def test_the_place_in_the_queue_is_true():
    """Count before each job exactly those that are begun before it, however many clients wait and run."""
    rng = random.Random(4)
    for _ in range(30):
        queue, jobs, running = FairQueue(), [], Counter()
        for number in range(rng.randrange(1, 12)):
            jobs.append(job(f"job-{number:04}", client=rng.choice("abc")))
            queue.put(jobs[-1])
        for client in "abc":
            running["", client] = rng.randrange(3)
        told = {one.key: queue.ahead(one, running) for one in jobs}
        order = []
        while (key := queue.pop(running)) is not None:
            order.append(key)
            running["", next(one.client for one in jobs if one.key == key)] += 1
        assert [told[key] for key in order] == list(range(len(jobs)))


def test_an_older_store_is_read(tmp_path):
    """Read the jobs of a store from before they had names and verdicts."""
    store = JobStore(tmp_path)
    store.add(job(), {}, {})
    store.close()
    with sqlite3.connect(tmp_path / "jobs.sqlite") as db:
        for column in ("name", "verdict"):
            db.execute(f"ALTER TABLE jobs DROP COLUMN {column}")
        db.execute("PRAGMA user_version=1")
    db.close()
    store = JobStore(tmp_path)
    (found,) = store.open_jobs()
    assert (found.job, found.name, found.verdict) == ("job-1234", "", "")
    store.close()


def test_the_verdict_is_one_word():
    """Say what came of it; of a worker that measures nothing, nothing."""
    assert verdict_of({}) == verdict_of({"result_meta": "{}"}) == verdict_of({"result_meta": "["}) == ""
    scores = '{"scores": {"success": false, "assisted": true, "success_tracking": true}}'
    assert verdict_of({"result_meta": scores}) == "assisted"


def test_who_waits_is_told_its_place(tmp_path):
    """Tell by name, client and place what runs and what waits, and keep whoever waits informed."""
    with foreign_server(tmp_path) as server, server.connect(name="ann") as ann, server.connect(name="bob") as bob:
        running = ann.submit(short_clip(2, source="long"), QUICK, name="walk")
        until(lambda: ann.status(running).state == "running")
        waiting = [ann.submit(short_clip(2, source=f"/clips/ann-{number}.npz"), QUICK) for number in range(2)]
        last = bob.submit(short_clip(2), QUICK, name="lift")
        listed = {info.job: (info.name, info.client, info.ahead) for info in bob.jobs()}
        assert listed == {
            running: ("walk", "ann", None),
            waiting[0]: ("ann-0.npz", "ann", 1),  # bob has nothing running
            waiting[1]: ("ann-1.npz", "ann", 2),
            last: ("lift", "bob", 0),
        }
        told: list[JobProgress] = []

        def hear(progress: JobProgress) -> None:
            told.append(progress)
            if len(told) == 1:
                bob.cancel(last)
            elif len(told) == 2:
                bob.cancel(running)

        ann.wait(waiting[0], on_progress=hear, timeout=20)
        said = [progress.note for progress in told if progress.stage == "queued"]
        assert said[:2] == ["1 job before it", "waiting for a worker"] and told[-1].stage == "foreign"
        assert ann.status(waiting[0]).ahead is None
