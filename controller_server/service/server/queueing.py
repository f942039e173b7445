"""Whose job is next: first the client with the fewest jobs running, then the one who waited longest."""

from __future__ import annotations

from collections import Counter, deque

from .store import Job, Key

Client = tuple[str, str]
"""Owner, and what the client calls itself."""

_REMEMBERED = 1000


def client_of(job: Job) -> Client:
    """Return who a job counts for. With authentication a key is one client, whatever it calls itself."""
    return (job.owner, "" if job.owner else job.client)


class FairQueue:
    """Jobs that wait, for one engine: in order of arrival for each client, turn by turn between clients."""

    def __init__(self) -> None:
        self._waiting: dict[Client, deque[Key]] = {}
        self._served: Counter[Client] = Counter()
        self._turn = 0

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def put(self, job: Job, *, first: bool = False) -> None:
        """Let a job wait; `first` among those of its client."""
        waiting = self._waiting.setdefault(client_of(job), deque())
        if first:
            waiting.appendleft(job.key)
        else:
            waiting.append(job.key)

    def remove(self, job: Job) -> bool:
        """Take a job out, wherever it stands; False if it did not wait here."""
        waiting = self._waiting.get(client_of(job), deque())
        if job.key not in waiting:
            return False
        waiting.remove(job.key)
        self._tidy(client_of(job))
        return True

    def pop(self, running: Counter[Client]) -> Key | None:
        """Return the next job, given how many each client has running; None if nobody waits."""
        if not self._waiting:
            return None
        client = min(self._waiting, key=lambda client: (running[client], self._served[client]))
        self._turn += 1
        self._served[client] = self._turn
        if len(self._served) > _REMEMBERED:
            self._served = Counter(dict(self._served.most_common(_REMEMBERED // 2)))
        key = self._waiting[client].popleft()
        self._tidy(client)
        return key

    def position(self, job: Job) -> int:
        """Return how many jobs of the same client are before it."""
        waiting = self._waiting.get(client_of(job), deque())
        return waiting.index(job.key) if job.key in waiting else 0

    def ahead(self, job: Job, running: Counter[Client]) -> int:
        """Return how many waiting jobs, of all clients, are begun before a job if all take equally long.

        Of each client the k-th waiting job has its turn when the client has its running ones and k more begun; among
        equals the client goes first that waited longest.
        """
        own = client_of(job)
        waiting = self._waiting.get(own, deque())
        if job.key not in waiting:
            return 0
        place = waiting.index(job.key)
        turn = running[own] + place
        # Of equals who has more running now will have waited longer: the others had turns meanwhile.
        order = sorted(self._waiting, key=lambda client: (-running[client], self._served[client]))
        goes_first = True
        for client in order:
            if client == own:
                goes_first = False
                continue
            before = turn - running[client] + goes_first
            place += min(max(before, 0), len(self._waiting[client]))
        return place

    def waiting_of(self, client: Client) -> int:
        """Return how many jobs a client has waiting."""
        return len(self._waiting.get(client, ()))

    def _tidy(self, client: Client) -> None:
        if not self._waiting[client]:
            del self._waiting[client]
        if not self._waiting:  # nobody waits: there is no turn to remember
            self._served.clear()
