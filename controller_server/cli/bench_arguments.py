"""`assistmimic bench ...`: the benchmarks as data classes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from controller_server.core.options import Arg
from controller_server.pipeline.settings import Controller, Quality

Names = Annotated[tuple[str, ...], Arg("NAME")]
Seeds = Annotated[tuple[int, ...], Arg("SEED")]
Folder = Annotated[Path | None, Arg("FOLDER")]


@dataclass(frozen=True)
class BenchConvert:
    """Measure conversion of the bundled clips: how good, how physical, how fast, and who needs help.

    Attributes:
        clips: Only these, by name or as files.
        quality: How long the search thinks.
        weak: Also who needs help: ever weaker recipients, alone and with the supporter.
        out: Also keep the simulated clips and their reports in this folder.
        json: Print one JSON object instead of tables.
    """

    clips: Names = ()
    quality: Quality = Quality.DEFAULT
    weak: bool = True
    out: Folder = None
    json: bool = False


@dataclass(frozen=True)
class BenchDirty:
    """Measure conversion of dirty clips whose clean truth is known.

    Attributes:
        clips: Only these, by name or as files.
        kinds: Only these kinds of dirt.
        full: Every clip with every kind of dirt (hours), not two kinds for each.
        seeds: Seeds of dirt and search.
        controller: Who steers.
        quality: How long the search thinks.
        policy: The bundle to use; the one that fits best by default.
        threads: 0 takes every core.
        out: Also keep the simulated clips in this folder, and rows as they are made: called again, go on from them.
        json: Print one JSON object instead of tables.
    """

    clips: Names = ()
    kinds: Annotated[tuple[str, ...], Arg("KIND")] = ()
    full: bool = False
    seeds: Seeds = (0,)
    controller: Controller = Controller.AUTO
    quality: Quality = Quality.DEFAULT
    policy: str = ""
    threads: int = 0
    out: Folder = None
    json: bool = False


@dataclass(frozen=True)
class BenchPush:
    """Measure who stands after pushes that nobody foresaw.

    Attributes:
        clips: Only these, by name or as files.
        trials: Pushes for each clip.
        force: What with [N]; 300 by default, in the walk 150.
        seed: Seed of pushes and search.
        controller: Who steers: search, or policy.
        quality: How long the search thinks.
        threads: 0 takes every core.
        out: Keep rows in this folder as they are made: called again, go on from them.
        json: Print one JSON object instead of tables.
    """

    clips: Names = ()
    trials: int = 20
    force: float | None = None
    seed: int = 0
    controller: Controller = Controller.SEARCH
    quality: Quality = Quality.DEFAULT
    threads: int = 0
    out: Folder = None
    json: bool = False


@dataclass(frozen=True)
class BenchPeople:
    """Measure what people of each preset of strength can do without help.

    Attributes:
        people: Only these presets.
        seeds: Seeds of the search; the best counts.
        quality: How long the search thinks.
        json: Print one JSON object instead of a table.
    """

    people: Annotated[tuple[str, ...], Arg("PRESET")] = ()
    seeds: Seeds = (0, 1, 2)
    quality: Quality = Quality.DEFAULT
    json: bool = False


@dataclass(frozen=True)
class BenchPolicies:
    """Measure policies beside the search: the same clips and people, one controller after the other.

    Attributes:
        clips: Only these, by name or as files.
        policy: The bundle to use on every clip; the one that fits best by default.
        recipient_strength: A preset or a factor.
        quality: How long the search thinks.
        json: Print one JSON object instead of a table.
    """

    clips: Names = ()
    policy: str = ""
    recipient_strength: str = "weak"
    quality: Quality = Quality.DEFAULT
    json: bool = False


@dataclass(frozen=True)
class BenchBatch:
    """Measure a batch of many short clips, some broken, killed on the way: does each end once?

    Attributes:
        count: Clips.
        full: 1,000 clips, and how two workers compare with one.
        kills: How often it is killed on the way.
        seed: Seed of what is broken and when it is killed.
        controller: Who steers.
        workers: Worker processes; 0 takes one for each core.
        out: Keep the batch in this folder.
        json: Print one JSON object instead of lines.
    """

    count: int = 60
    full: bool = False
    kills: int = 2
    seed: int = 0
    controller: Controller = Controller.AUTO
    workers: int = 0
    out: Folder = None
    json: bool = False


@dataclass(frozen=True)
class BenchServe:
    """Measure what the server costs on top of a job.

    Attributes:
        clients: How many send small jobs at the same time.
        jobs: Small jobs of each client.
        json: Print one JSON object instead of lines.
    """

    clients: int = 64
    jobs: int = 20
    json: bool = False
