"""Options of a film."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Views = Literal["side", "front", "back", "left", "right", "top"]


@dataclass(frozen=True)
class FilmOptions:
    """How a film is made.

    Attributes:
        view: Where it is seen from, relative to where the recipient looks.
        width: Of the picture of one clip [pixels].
        height: Of the picture [pixels].
        rate: Pictures a second; the clip's frames are thinned out to come near it.
        cores: Threads that draw; 0 for one on each core.
    """

    view: Views = "left"
    width: int = 640
    height: int = 480
    rate: float = 30.0
    cores: int = 0
