"""The commands that look at things, `demo`, `doctor` and `view`, as data classes that `core.options` parses."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from controller_server.clip.io.read_options import ReadOptions
from controller_server.core.options import Arg


@dataclass(frozen=True)
class Demo:
    """Convert an example clip and say where its report is.

    Attributes:
        clip: An example by name (pull_up, lift_under_arms, floor_to_stand, lower_to_chair, steady,
            walk_arm_in_arm), or a clip of your own.
        out: Folder to write to.
        open: Open the report in a browser.
    """

    clip: Annotated[str, Arg("[CLIP]", positional=True)] = "pull_up"
    out: Annotated[Path, Arg("FOLDER")] = Path("assistmimic-demo")
    open: bool = False


@dataclass(frozen=True)
class Doctor:
    """Say what this installation is and can do: a page to paste into a bug report.

    Attributes:
        json: Print one JSON object.
    """

    json: bool = False


@dataclass(frozen=True)
class View:
    """Look at a clip or a result in the browser.

    Attributes:
        files: A clip, a result, or the files of a pair.
        out: Write the page there; by default into a temporary folder.
        open: Open the page.
        read: Settings of reading.
    """

    files: Annotated[tuple[Path, ...], Arg("CLIP [CLIP2]", positional=True)]
    out: Annotated[Path | None, Arg("OUT.html")] = None
    open: bool = True
    read: ReadOptions = field(default_factory=ReadOptions)
