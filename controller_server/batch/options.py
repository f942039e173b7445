"""Options of a batch."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from controller_server.clip.io.read_options import ReadOptions
from controller_server.clip.io.write_list import writer_of
from controller_server.clip.io.write_options import WriteOptions
from controller_server.core.errors import AssistMimicError
from controller_server.pipeline.settings import ConvertSettings


@dataclass(frozen=True)
class Shard:
    """A part of all clips: always the same ones, whatever others are there.

    Attributes:
        number: Which part, from 1 on.
        of: How many there are.
    """

    number: int = 1
    of: int = 1

    @staticmethod
    def parse(text: str) -> Shard:
        """Parse `i/n`. Raises AssistMimicError."""
        match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
        shard = Shard(int(match[1]), int(match[2])) if match else Shard(0)
        if not 1 <= shard.number <= shard.of:
            raise AssistMimicError(f"--shard {text}: expected I/N with I from 1 to N, as 3/16")
        return shard

    def has(self, identity: str) -> bool:
        """Return whether a clip, by its identity in hexadecimal, is of this part."""
        return int(identity[:12], 16) % self.of == self.number - 1


@dataclass(frozen=True)
class BatchOptions:
    """A batch.

    Attributes:
        source: Folder of the clips.
        out: Folder of what comes of them; several machines may share it.
        pair: Which files are a clip (`clip.io.pairing.find_clips`).
        write: How result files' names end, which says their format.
        writing: Settings of writing.
        report: Also write a report for each clip.
        shard: Only this part of the clips.
        workers: Worker processes; 0 takes one for each core.
        worker_memory_gb: A worker that grows past it is ended [GB]; 0 takes its share of the machine, at most 8.
        cluster: `auto` or HOST:PORT of a Ray cluster that carries the clips out; empty for this machine.
        settings: Settings of the simulation.
        read: Settings of reading.
    """

    source: Path
    out: Path
    pair: str = "auto"
    write: str = ".npz"
    writing: WriteOptions = field(default_factory=WriteOptions)
    report: bool = False
    shard: Shard = field(default_factory=Shard)
    workers: int = 0
    worker_memory_gb: float = 0.0
    cluster: str = ""
    settings: ConvertSettings = field(default_factory=ConvertSettings)
    read: ReadOptions = field(default_factory=ReadOptions)

    def __post_init__(self) -> None:
        sample = Path(f"clip{self.write}")
        writer_of(sample)
        self.writing.check(sample)
        if not 0 <= self.workers <= 1024:
            raise AssistMimicError(f"--workers {self.workers} is outside 0-1024; 0 takes one for each core")
        if not (self.worker_memory_gb == 0 or 0.25 <= self.worker_memory_gb < 1e6):
            raise AssistMimicError(f"--worker-memory-gb {self.worker_memory_gb:g}: a worker needs at least 0.25 GB")
        if self.cluster and (self.workers or self.worker_memory_gb):
            raise AssistMimicError(
                "--workers and --worker-memory-gb are of this machine, not of a cluster; leave them out"
            )
