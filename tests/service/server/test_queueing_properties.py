"""The fair queue under any sequence of arrivals, departures and turns."""

from __future__ import annotations

from collections import Counter

from helpers.service_cases import a_job
from hypothesis import given
from hypothesis import strategies as st

from controller_server.service.server.queueing import Client, FairQueue, client_of
from controller_server.service.server.store import Job, Key

CLIENTS = "abc"
STEPS = st.lists(
    st.tuples(st.sampled_from(["put", "first", "pop", "remove", "end"]), st.sampled_from(CLIENTS)), max_size=40
)


class Model:
    """The queue beside plain lists of who waits and who runs."""

    def __init__(self) -> None:
        self.queue, self.running = FairQueue(), Counter[Client]()
        self.waiting: dict[str, list[Job]] = {client: [] for client in CLIENTS}
        self.jobs: dict[Key, Job] = {}

    def step(self, what: str, client: str) -> None:
        """Do one thing to both and compare."""
        own = self.waiting[client]
        if what in ("put", "first"):
            job = a_job(f"job-{len(self.jobs)}", client=client)
            self.jobs[job.key] = job
            self.queue.put(job, first=what == "first")
            own.insert(0 if what == "first" else len(own), job)
        elif what == "remove":
            gone = own.pop(len(own) // 2) if own else a_job("never", client=client)
            assert self.queue.remove(gone) == (gone.key in self.jobs)
        elif what == "end":
            self.running[("", client)] = max(0, self.running[("", client)] - 1)
        else:
            self._pop()
        assert len(self.queue) == sum(map(len, self.waiting.values()))
        for jobs in self.waiting.values():
            assert [self.queue.position(job) for job in jobs] == list(range(len(jobs)))

    def _pop(self) -> None:
        key = self.queue.pop(self.running)
        if key is None:
            assert not any(self.waiting.values())
            return
        job = self.jobs[key]
        client = client_of(job)
        assert self.waiting[client[1]].pop(0) is job, "each client's jobs in order"
        with_jobs = [other for other in CLIENTS if self.waiting[other] or other == client[1]]
        assert self.running[client] == min(self.running[("", other)] for other in with_jobs), "fewest running first"
        self.running[client] += 1


@given(STEPS)
def test_order_and_fairness(steps: list[tuple[str, str]]):
    """Lose no job, keep each client's order, and serve who has fewest running."""
    model = Model()
    for what, client in steps:
        model.step(what, client)
    while len(model.queue):
        model.step("pop", "a")


@given(st.lists(st.sampled_from(CLIENTS), min_size=1, max_size=12), st.lists(st.sampled_from(CLIENTS), max_size=4))
def test_what_is_told_comes_true(arrivals: list[str], busy: list[str]):
    """Begin exactly as many jobs before each one as was told when nothing had ended."""
    queue, running = FairQueue(), Counter(("", client) for client in busy)
    jobs = [a_job(f"job-{number}", client=client) for number, client in enumerate(arrivals)]
    for job in jobs:
        queue.put(job)
    told = {job.key: queue.ahead(job, running) for job in jobs}
    owner = {job.key: client_of(job) for job in jobs}
    order = []
    while (key := queue.pop(running)) is not None:
        order.append(key)
        running[owner[key]] += 1
    assert [told[key] for key in order] == list(range(len(jobs)))
