"""Progress reports of a long job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Progress:
    """One report of progress.

    Attributes:
        stage: What is being done: "prepare", the name of an attempt, "measure".
        done: Units done of this stage.
        total: Units of this stage; 0 if it cannot be told.
        unit: What is counted, in the plural.
        note: What else there is to say, in a few words.
    """

    stage: str
    done: int = 0
    total: int = 0
    unit: str = "frames"
    note: str = ""


OnProgress = Callable[[Progress], None]
"""Called with each report; what it raises ends the work."""


def ignore_progress(_: Progress) -> None:
    """For whoever does not want to know."""


def labelled(label: str, on_progress: OnProgress) -> OnProgress:
    """Return a callback that hands progress on with a label before its stage."""
    return lambda progress: on_progress(replace(progress, stage=f"{label}: {progress.stage}"))
