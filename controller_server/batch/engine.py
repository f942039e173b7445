"""Execution engines of a batch: worker processes on this machine. `ray_engine` does the same on many."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import zmq

from controller_server.core.errors import AssistMimicError
from controller_server.pipeline.job import Fault
from controller_server.service.protocol.messages import Message
from controller_server.service.server.authentication import ZapAuthenticator
from controller_server.service.server.options import Supervision, WorkerSpec
from controller_server.service.server.pool import Pool
from controller_server.service.server.processes import usable_cores
from controller_server.service.server.store import Key

from .work import Order
from .worker import MODULE

_MAX_MEMORY = 8 << 30
_START_S = 180.0  # on a machine whose cores are all taken, loading the engine takes its time
_FIRST_STARTS, _LATER_STARTS = 2, 5  # in a row that may fail


@dataclass(frozen=True)
class Ended:
    """News of a clip: how it ended, or that whoever worked on it is gone.

    Attributes:
        key: Of the order.
        status: For the ledger; None where there is a fault instead.
        fault: Why the worker ended.
        killed: Whether somebody else ended the worker: that says nothing about the clip.
    """

    key: str
    status: dict[str, Any] | None = None
    fault: Fault | None = None
    killed: bool = False


class Engine(Protocol):
    """Carries out clips, several at a time."""

    @property
    def free(self) -> int:
        """Number of clips that it can take now."""
        ...

    def submit(self, order: Order, *, alone: bool = False) -> None:
        """Hand a clip in; `alone` when it was the death of a worker before."""
        ...

    def wait(self, seconds: float) -> list[Ended]:
        """Wait for news, not longer than this [s].

        Raises:
            AssistMimicError: nobody can carry out anything any more.
        """
        ...

    def close(self) -> None:
        """End what still runs."""
        ...


def memory_share(workers: int) -> int:
    """Return what of this machine's memory one of so many workers may take [bytes]."""
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return _MAX_MEMORY
    return min(_MAX_MEMORY, whole // workers)


class LocalEngine:
    """Worker processes of this machine, each with an equal share of its cores; a dead one is replaced.

    Args:
        workers: How many; 0 takes one for each core.
        memory_bytes: A worker that grows past it is ended; 0 takes its share of the machine.
        module: What the workers run.
    """

    def __init__(self, workers: int = 0, memory_bytes: int = 0, module: str = MODULE) -> None:
        count = workers or usable_cores()
        memory = memory_bytes or memory_share(count)
        self._folder = tempfile.TemporaryDirectory(prefix="assistmimic-batch-")
        self._context = zmq.Context()
        self._door = ZapAuthenticator(self._context, dict, lambda token: self._pool.expects(token))
        specs = [WorkerSpec(module=module, count=count)]
        rules = replace(Supervision(), memory_bytes=memory, start_s=_START_S)
        self._pool = Pool(self._context, specs, rules, Path(self._folder.name) / "logs", {})
        self._waiting: list[Order] = []
        self._poller = zmq.Poller()
        for socket in (self._pool.socket, self._door.socket):
            self._poller.register(socket, zmq.POLLIN)

    @property
    def free(self) -> int:
        """Number of clips that it can take now."""
        return len(self._pool.workers) - sum(w.job is not None for w in self._pool.workers) - len(self._waiting)

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers."""
        return [worker.process.pid for worker in self._pool.workers if worker.process is not None]

    def submit(self, order: Order, *, alone: bool = False) -> None:
        """Hand a clip in."""
        self._waiting.append(order)

    def wait(self, seconds: float) -> list[Ended]:
        """Wait for news. Raises AssistMimicError when no worker starts."""
        self._poller.poll(int(1000 * seconds))
        self._door.answer()
        ended = [self._end_of(message) for _, message in self._pool.receive() if message.type in ("result", "failed")]
        ended += self._deaths()
        for worker in self._pool.idle():
            if self._waiting and self._pool.run(worker, Key("", self._waiting[0].key), {}, _payload(self._waiting[0])):
                self._waiting.pop(0)
        return ended

    @staticmethod
    def _end_of(message: Message) -> Ended:
        if message.type == "result":
            return Ended(message["job"], json.loads(message["text"]["status"]))
        return Ended(message["job"], fault=Fault(message["code"], message["message"], message.get("detail") or ""))

    def _deaths(self) -> Iterator[Ended]:
        for death in self._pool.check():
            if death.job is not None:
                yield Ended(death.job.job, fault=Fault(death.code, death.message, death.detail), killed=death.killed)
                continue
            patient = death.worker.was_ready or death.killed
            if death.worker.failed_starts >= (_LATER_STARTS if patient else _FIRST_STARTS):
                last = (death.detail.strip().splitlines() or ["it said nothing"])[-1]
                raise AssistMimicError(f"{death.message}: {last}")

    def close(self) -> None:
        """End the workers."""
        self._pool.close()
        self._door.close()
        self._context.term()
        with contextlib.suppress(OSError):
            self._folder.cleanup()


def _payload(order: Order) -> tuple[dict[str, str], dict[str, Any]]:
    return {"order": json.dumps(order.to_dict())}, {}
