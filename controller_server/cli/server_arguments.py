"""The commands around the controller server, as data classes that `core.options` parses."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from controller_server.clip.io.read_options import ReadOptions
from controller_server.core.options import Arg
from controller_server.pipeline.settings import ConvertSettings
from controller_server.service.server.configuration import ServeArguments

from .telling import Telling


@dataclass(frozen=True)
class ServerAt:
    """Choice of the server.

    Attributes:
        server: Its address, such as tcp://127.0.0.1:5555; by default ASSISTMIMIC_SERVER, or the one started last here.
        key: File made by `assistmimic keys add`, for a server that asks for one.
        port_file: File a server wrote its address into.
    """

    server: str = ""
    key: Path | None = None
    port_file: Path | None = None


@dataclass(frozen=True)
class Serve(ServeArguments):
    """Run the controller server until it is stopped."""


@dataclass(frozen=True)
class Submit:
    """Have a server simulate a clip, and wait for it; Ctrl-C cancels.

    Attributes:
        files: What to read and, last, what to write, as for convert; with --detach only what to read.
        detach: Do not wait: print the job's id, for status, cancel and fetch.
        report: Also write a self-contained web page with a 3D animation and curves.
        telling: Settings of the messages.
        settings: Settings of the simulation.
        read: Settings of reading.
        at: Choice of the server.
    """

    files: Annotated[tuple[Path, ...], Arg("IN [IN2] OUT", positional=True)]
    detach: bool = False
    report: Annotated[Path | None, Arg("OUT.html")] = None
    telling: Telling = field(default_factory=Telling)
    settings: ConvertSettings = field(default_factory=ConvertSettings)
    read: ReadOptions = field(default_factory=ReadOptions)
    at: ServerAt = field(default_factory=ServerAt)


@dataclass(frozen=True)
class Jobs:
    """List a server's latest jobs, newest first.

    Attributes:
        limit: How many.
        json: Print a JSON list instead of a table.
        at: Choice of the server.
    """

    limit: int = 20
    json: bool = False
    at: ServerAt = field(default_factory=ServerAt)


@dataclass(frozen=True)
class Status:
    """Say what a server is doing, or where a job stands.

    Attributes:
        job: The job's id; without one the server's queue, workers and rates.
        json: Print one JSON object.
        at: Choice of the server.
    """

    job: Annotated[str, Arg("[JOB]", positional=True)] = ""
    json: bool = False
    at: ServerAt = field(default_factory=ServerAt)


@dataclass(frozen=True)
class Cancel:
    """Cancel a job, and wait until that is certain.

    Attributes:
        job: The job's id.
        at: Choice of the server.
    """

    job: Annotated[str, Arg("JOB", positional=True)]
    at: ServerAt = field(default_factory=ServerAt)


@dataclass(frozen=True)
class Fetch:
    """Write the result of a job; waits for it if it is still being worked on.

    Attributes:
        job: The job's id.
        out: What to write, .npz or .bvh.
        report: Also write its page, which carries what `submit` sent.
        telling: Settings of the messages.
        at: Choice of the server.
    """

    job: Annotated[str, Arg("JOB", positional=True)]
    out: Annotated[Path, Arg("OUT", positional=True)]
    report: Annotated[Path | None, Arg("OUT.html")] = None
    telling: Telling = field(default_factory=Telling)
    at: ServerAt = field(default_factory=ServerAt)


@dataclass(frozen=True)
class Keys:
    """Make and remove the keys of a server that others can reach.

    Attributes:
        what: init makes the server's, add lets a client in, remove locks it out, list says who is let in.
        folder: Folder of keys, for `assistmimic serve --auth`.
        name: The client's.
        out: The client's key file; NAME.key by default. Give it to the client, and nobody else.
    """

    what: Annotated[Literal["init", "add", "remove", "list"], Arg(positional=True)]
    folder: Annotated[Path, Arg("FOLDER", positional=True)]
    name: Annotated[str, Arg("[NAME]", positional=True)] = ""
    out: Annotated[Path | None, Arg("FILE")] = None
