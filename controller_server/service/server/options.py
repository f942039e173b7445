"""Options of a server, decided by the command line and `server.yaml`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

from controller_server.core.constraints import Length, Matches, Range
from controller_server.physics.engines import BUILT_IN
from controller_server.service.protocol.port_file import state_folder

from .processes import usable_cores


@dataclass(frozen=True)
class Limits:
    """Limits on what the server takes from clients; all of them are told to clients.

    Attributes:
        frames: Largest number of frames of one clip.
        message_bytes: Of one message; the longest clip has 51 MB.
        jobs_per_client: Waiting at the same time.
        jobs: Waiting at the same time, of everybody.
        waiting_bytes: On disk for jobs that have not ended, of everybody.
        free_bytes: That have to be left free on the disk of the store.
    """

    frames: int = 20_000
    message_bytes: int = 64 << 20
    jobs_per_client: int = 1000
    jobs: int = 10_000
    waiting_bytes: int = 8 << 30
    free_bytes: int = 256 << 20

    def to_dict(self) -> dict[str, int]:
        """Return plain values."""
        return asdict(self)


@dataclass(frozen=True)
class WorkerSpec:
    """A kind of worker.

    Attributes:
        engine: What it simulates with; jobs whose settings name it come here.
        python: The interpreter it runs under; the server's own by default.
        module: What that interpreter runs.
        count: How many.
    """

    engine: str = BUILT_IN
    python: str = ""
    module: Annotated[str, Matches(r"[A-Za-z0-9_.]+", "a module's name")] = "controller_server.service.server.worker"
    count: Annotated[int, Range(1, 256)] = 1


@dataclass(frozen=True)
class Supervision:
    """Conditions under which a worker is ended and its job tried once more.

    Attributes:
        stall_s: Without progress for so long [s].
        start_s: Not ready for so long [s].
        cancel_s: A cancelled job goes on for so long [s]; that job is not tried again.
        memory_bytes: Resident memory grown past this.
        attempts: Workers that may die over a job before it is given up.
    """

    stall_s: float = 300.0
    start_s: float = 60.0
    cancel_s: float = 3.0
    memory_bytes: int = 8 << 30
    attempts: int = 2


@dataclass(frozen=True)
class Retention:
    """Retention of results.

    Attributes:
        seconds: After a job ended [s].
        bytes: Largest size of all ended jobs; the oldest go first.
        forget_seconds: After that nothing is known of the job [s].
    """

    seconds: float = 7 * 86400
    bytes: int = 20 << 30
    forget_seconds: float = 30 * 86400


@dataclass(frozen=True)
class ServerOptions:
    """Everything a server is told when it is started.

    Attributes:
        bind: ZeroMQ endpoint; port 0 or `*` takes a free one.
        store: Folder of the jobs, logs and the default port file.
        auth: Folder of keys, or None without authentication.
        private: Make keys for this run; only who can read the port file can connect.
        port_file: Written once the server is ready: where it is, as JSON.
        parent_pid: The server ends when this process does.
        workers: Kinds of workers.
        limits: What is taken from clients.
        supervision: When a worker is ended.
        retention: How long results are kept.
        bundles: Folders of policy bundles.
        terms: Files with terms of policies' input; workers run them.
        metrics_port: Where Prometheus reads on loopback; 0 for nowhere.
    """

    bind: Annotated[str, Matches(r"\w+://\S+", "an endpoint such as tcp://127.0.0.1:5555")] = "tcp://127.0.0.1:0"
    store: Path = field(default_factory=lambda: state_folder())
    auth: Path | None = None
    private: bool = False
    port_file: Path | None = None
    parent_pid: int = 0
    workers: Annotated[tuple[WorkerSpec, ...], Length(1)] = field(
        default_factory=lambda: (WorkerSpec(count=default_workers()),)
    )
    limits: Limits = field(default_factory=Limits)
    supervision: Supervision = field(default_factory=Supervision)
    retention: Retention = field(default_factory=Retention)
    bundles: tuple[Path, ...] = ()
    terms: tuple[Path, ...] = ()
    metrics_port: int = 0


def default_workers() -> int:
    """Return one worker for four cores: a search uses several, but not all of the time."""
    return max(1, usable_cores() // 4)


def threads_per_worker(workers: tuple[WorkerSpec, ...]) -> int:
    """Return an even share of the cores."""
    return max(1, usable_cores() // max(1, sum(spec.count for spec in workers)))
