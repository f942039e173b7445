"""Clips carried out by a Ray cluster: a task for each, the same work as on one machine. Needs `assistmimic[cluster]`.

Every node has to see the same folders under the same paths, and to have the same version installed. Ray carries a task
out at least once; that a clip ends once is the ledger's doing.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from controller_server.core.blas_threads import one_blas_thread
from controller_server.core.errors import AssistMimicError
from controller_server.pipeline.job import Fault

from .engine import Ended
from .work import Order, carry_out

_AHEAD = 2  # tasks in flight for each core: the scheduler never waits for orders
_NODE_TRIES = 2  # times Ray itself goes on with a task whose node or worker died


class RayEngine:
    """A Ray cluster.

    Args:
        address: `auto`, or HOST:PORT of its head.

    Raises:
        AssistMimicError: Ray is not installed, or there is no such cluster.
    """

    def __init__(self, address: str) -> None:
        try:
            import ray  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise AssistMimicError(f"--cluster needs {error.name}: pip install 'assistmimic[cluster]'") from None
        variables = {"PYTHONPATH": os.pathsep.join(os.path.abspath(entry) for entry in sys.path)}
        one_blas_thread(variables)
        try:
            ray.init(
                address=address,
                log_to_driver=False,
                configure_logging=False,
                include_dashboard=False,
                runtime_env={"env_vars": variables},
            )
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            said = " ".join(str(error).split())[:200]
            raise AssistMimicError(f"--cluster {address}: there is no Ray cluster to join ({said})") from None
        self._ray: Any = ray
        self._task = ray.remote(num_cpus=1, retry_exceptions=False)(_carry_out)
        self._running: dict[Any, str] = {}

    @property
    def free(self) -> int:
        """Number of clips that it can take now: nodes may come and go."""
        cores = int(self._ray.cluster_resources().get("CPU", 0))
        return _AHEAD * max(cores, 1) - len(self._running)

    def submit(self, order: Order, *, alone: bool = False) -> None:
        """Hand a clip in."""
        task = self._task.options(max_retries=0 if alone else _NODE_TRIES)
        self._running[task.remote(order.to_dict())] = order.key

    def wait(self, seconds: float) -> list[Ended]:
        """Wait for news."""
        ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=seconds) if self._running else ([], [])
        return [self._end_of(reference) for reference in ready]

    def _end_of(self, reference: Any) -> Ended:
        key, errors = self._running.pop(reference), self._ray.exceptions
        try:
            return Ended(key, self._ray.get(reference))
        except errors.OutOfMemoryError as error:
            return Ended(key, fault=Fault("out_of_memory", _first_line(error)))
        except (errors.WorkerCrashedError, errors.NodeDiedError) as error:
            return Ended(key, fault=Fault("worker_died", _first_line(error)))
        except errors.RayError as error:
            return Ended(key, fault=Fault("cluster", _first_line(error), str(error)[-8000:]))

    def close(self) -> None:
        """Take back what still runs, and leave the cluster as it is."""
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._ray.shutdown()


def _carry_out(order: dict[str, Any]) -> dict[str, Any]:
    """Carry out one clip on one core of whichever node."""
    return carry_out(Order.from_dict(order), threads=1)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:500]
