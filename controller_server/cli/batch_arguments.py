"""`assistmimic batch` as a data class that `core.options` parses."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from controller_server.clip.io.read_options import ReadOptions
from controller_server.clip.io.write_options import WriteOptions
from controller_server.core.options import Arg
from controller_server.pipeline.settings import ConvertSettings


@dataclass(frozen=True)
class Batch:
    """Convert all clips of a folder; called again, go on with what is missing.

    Attributes:
        source: Folder of the clips, with the folders in it.
        out: Folder for results, failures, reports and the summary; several machines may share it.
        pair: Which files are a clip: auto (by names), single, folder, order, or a regular expression whose group
            matches what tells the two people apart.
        write: How result files' names end, which says their format.
        report: Also write a self-contained web page for each clip.
        shard: I/N, only this of N parts, counted from 1.
        workers: Worker processes; 0 takes one for each core.
        worker_memory_gb: A worker that grows past it is ended; 0 takes its share of the machine, at most 8.
        cluster: auto or HOST:PORT of a Ray cluster to work on; needs `pip install 'assistmimic[cluster]'`.
        json: Print a JSON object a line: the start, each clip as it ends, the end.
        writing: Settings of writing.
        settings: Settings of the simulation.
        read: Settings of reading.
    """

    source: Annotated[Path, Arg("IN", positional=True)]
    out: Annotated[Path, Arg("OUT", positional=True)]
    pair: Annotated[str, Arg("RULE")] = "auto"
    write: Annotated[str, Arg(".ENDING")] = ".npz"
    report: bool = False
    shard: Annotated[str, Arg("I/N")] = "1/1"
    workers: int = 0
    worker_memory_gb: float = 0.0
    cluster: Annotated[str, Arg("auto|HOST:PORT")] = ""
    json: bool = False
    writing: WriteOptions = field(default_factory=WriteOptions)
    settings: ConvertSettings = field(default_factory=ConvertSettings)
    read: ReadOptions = field(default_factory=ReadOptions)
