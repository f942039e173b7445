"""How far a long job is, told to whoever wants to know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """One report of progress.

    Attributes:
        stage: What is being done: "prepare", "search", "assisted", "measure".
        done: Units done of this stage.
        total: Units of this stage; 0 if it cannot be told.
        unit: What is counted, in the plural.
    """

    stage: str
    done: int = 0
    total: int = 0
    unit: str = "frames"


OnProgress = Callable[[Progress], None]


def ignore_progress(_: Progress) -> None:
    """For whoever does not want to know."""
