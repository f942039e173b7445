"""What the batch's tests share: a folder of files, options, an engine in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from controller_server.batch.engine import Ended
from controller_server.batch.options import BatchOptions
from controller_server.batch.plan import Task
from controller_server.batch.work import Order
from controller_server.pipeline.job import Fault
from controller_server.pipeline.settings import Controller, ConvertSettings

DIED = Fault("worker_died", "the worker died (signal 9)")


def folder_of(path: Path, *names: str) -> Path:
    """A folder of files that look like clips until they are read."""
    for name in names:
        file = path / f"{name}.npz"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())
    return path


def batch_of(tmp_path: Path, *names: str, **options: Any) -> BatchOptions:
    """A batch over such a folder; without policies, which take a while to be looked through."""
    settings = ConvertSettings(controller=Controller.SEARCH)
    return BatchOptions(folder_of(tmp_path / "in", *names), tmp_path / "out", **{"settings": settings, **options})


def task(name: str = "a", key: str = "k" * 64) -> Task:
    """A clip that is nowhere."""
    return Task(name, (Path(f"{name}.npz"),), None, f"{name:0<32}", key, "common")


def result_of(order: Order, **more: Any) -> dict[str, Any]:
    """A result, with nothing in it."""
    return {"name": order.name, "key": order.key, "end": "result", "verdict": "success", "cpu_seconds": 1.0, **more}


class FakeEngine:
    """Carries clips out in no time: each name has what happens to it, in order; by default it is a result."""

    def __init__(self, happens: Mapping[str, Sequence[Any]] | None = None, slots: int = 2) -> None:
        self.happens = {name: list(what) for name, what in (happens or {}).items()}
        self.slots, self.orders = slots, list[Order]()
        self.done: list[tuple[str, bool, int]] = []  # name, alone, how many were in work
        self.before: Callable[[Order], None] = lambda order: None
        self._alone: dict[str, bool] = {}

    @property
    def free(self) -> int:
        """Places left."""
        return self.slots - len(self.orders)

    def submit(self, order: Order, *, alone: bool = False) -> None:
        """Take a clip."""
        self.orders.append(order)
        self._alone[order.key] = alone

    def wait(self, seconds: float) -> list[Ended]:
        """Carry one out."""
        if not self.orders:
            time.sleep(0.01)
            return []
        order = self.orders[0]
        self.done.append((order.name, self._alone[order.key], len(self.orders)))
        self.before(order)
        self.orders.pop(0)
        what = self.happens.get(order.name)
        event = what.pop(0) if what else result_of(order)
        return [Ended(order.key, fault=event) if isinstance(event, Fault) else Ended(order.key, event)]

    def close(self) -> None:
        """Forget what is left."""
        self.orders.clear()
