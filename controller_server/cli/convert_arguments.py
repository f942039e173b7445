"""The commands around clips, `convert`, `info`, `strip`, `video`, `formats` and `author`, as data classes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from controller_server.clip.io.read_options import ReadOptions
from controller_server.clip.io.write_options import WriteOptions
from controller_server.core.options import Arg
from controller_server.picture.film_options import FilmOptions
from controller_server.pipeline.settings import ConvertSettings

from .telling import Telling


@dataclass(frozen=True)
class Convert:
    """Turn a two-person clip into its physically simulated twin.

    The last file is written, the ones before it are read: one clip, or a supporter and a recipient.

    Attributes:
        files: What to read and, last, what to write: IN.npz OUT.npz, or SUPPORTER.bvh RECIPIENT.bvh OUT.npz.
        report: Also write a self-contained web page with a 3D animation and curves.
        telling: Settings of the messages.
        writing: Settings of writing.
        settings: Settings of the simulation.
        read: Settings of reading.
        imports: Files with terms of your own (docs/terms.md); they are run, as code of yours.
    """

    files: Annotated[tuple[Path, ...], Arg("IN [IN2] OUT", positional=True)]
    report: Annotated[Path | None, Arg("OUT.html")] = None
    telling: Telling = field(default_factory=Telling)
    writing: WriteOptions = field(default_factory=WriteOptions)
    settings: ConvertSettings = field(default_factory=ConvertSettings)
    read: ReadOptions = field(default_factory=ReadOptions)
    imports: Annotated[tuple[Path, ...], Arg("MY_TERMS.py", name="import")] = ()


@dataclass(frozen=True)
class Info:
    """Say what is in a clip or a result, or what a policy is for.

    Attributes:
        files: A clip, the files of a pair, or the folder of a policy bundle.
        telling: How to tell it.
        read: Settings of reading.
    """

    files: Annotated[tuple[Path, ...], Arg("CLIP [CLIP2]", positional=True)]
    telling: Telling = field(default_factory=Telling)
    read: ReadOptions = field(default_factory=ReadOptions)


@dataclass(frozen=True)
class Strip:
    """Draw a clip as a strip of pictures.

    Attributes:
        files: What to read and, last, the picture to write: CLIP.npz OUT.png.
        read: Settings of reading.
    """

    files: Annotated[tuple[Path, ...], Arg("CLIP [CLIP2] OUT.png", positional=True)]
    read: ReadOptions = field(default_factory=ReadOptions)


@dataclass(frozen=True)
class Video:
    """Film a clip or a result: OUT.mp4, OUT.webp or OUT.gif, drawn without a graphics card.

    Attributes:
        files: What to read and, last, the film to write: CLIP.npz OUT.webp.
        beside: Another clip, shown to the left: what the result was made from.
        film: How to film.
        read: Settings of reading.
    """

    files: Annotated[tuple[Path, ...], Arg("CLIP [CLIP2] OUT.mp4", positional=True)]
    beside: Annotated[Path | None, Arg("CLIP")] = None
    film: FilmOptions = field(default_factory=FilmOptions)
    read: ReadOptions = field(default_factory=ReadOptions)


@dataclass(frozen=True)
class Formats:
    """List the formats clips are read from, by the names --format takes."""


@dataclass(frozen=True)
class Author:
    """Make a clip from key poses written down in YAML.

    Attributes:
        source: The key poses.
        out: The clip to write.
    """

    source: Annotated[Path, Arg("CLIP.yaml", positional=True)]
    out: Annotated[Path, Arg("OUT.npz", positional=True)]


Measured = Literal["convert", "dirty", "push", "people", "policies", "batch", "serve", "train"]
