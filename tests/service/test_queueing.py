"""Whose turn it is."""

from __future__ import annotations

from collections import Counter

from helpers.service_cases import a_job as job

from controller_server.service.server.queueing import FairQueue, client_of


def test_turn_by_turn():
    """Serve clients in turn, each client's jobs in order."""
    queue = FairQueue()
    for name in ("a1", "a2", "a3", "b1", "c1"):
        queue.put(job(name, client=name[0]))
    assert [queue.pop(Counter()).job for _ in range(5)] == ["a1", "b1", "c1", "a2", "a3"]  # pyright: ignore
    assert queue.pop(Counter()) is None


def test_who_has_fewer_running_comes_first():
    """Give a free worker to the client that has fewest."""
    queue = FairQueue()
    for name in ("a1", "b1"):
        queue.put(job(name, client=name[0]))
    assert queue.pop(Counter({("", "a"): 1})) == ("", "b1")


def test_a_key_is_one_client():
    """Count all jobs of a key together, whatever its holder calls itself; without keys go by the name."""
    assert client_of(job(owner="ann", client="x")) == client_of(job(owner="ann", client="y"))
    assert client_of(job(client="x")) != client_of(job(client="y"))


def test_position_and_removal():
    """Know what is before a job, and take a job out of the middle."""
    queue = FairQueue()
    jobs = [job(f"job-{n}") for n in range(3)]
    for one in jobs:
        queue.put(one)
    assert [queue.position(one) for one in jobs] == [0, 1, 2]
    assert queue.remove(jobs[1]) and not queue.remove(jobs[1])
    assert (len(queue), queue.position(jobs[2]), queue.waiting_of(("", "c"))) == (2, 1, 2)
    queue.put(jobs[1], first=True)
    assert queue.pop(Counter()) == jobs[1].key
