"""Settings of preparing: the steps that make a clip fit for simulation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from controller_server.core.constraints import Range
from controller_server.core.validation import Where, check_fields, convert


class GripMode(str, Enum):
    """What tells when a hand holds the partner; `auto` takes the first of clip, fingers, proximity that is there."""

    AUTO = "auto"
    CLIP = "clip"
    FINGERS = "fingers"
    PROXIMITY = "proximity"
    OFF = "off"


@dataclass(frozen=True)
class PrepareSettings:
    """Every step can be switched off.

    Attributes:
        smooth: Mend jumps and outlier frames, bound the speeds, low-pass root and joints.
        adapt: Smooth further, stretch by stretch, where the motion needs forces that nobody can give.
        ground: People who float or sink, brought back over time to what bears them.
        feet: Bearing feet flat, on the floor and without sliding.
        swing: Stepping feet clear of the floor.
        place: A recipient who stands a few centimetres off, as hands and bodies agree, comes back as a whole.
        contacts: Hands that stay close to the partner and move with them reach their surface.
        depenetrate: Nobody inside the floor, furniture or the partner.
        grips: What tells when a hand holds the partner.
        cutoff_hz: Half-power frequency of the low-pass [Hz].
    """

    smooth: bool = True
    adapt: bool = True
    ground: bool = True
    feet: bool = True
    swing: bool = True
    place: bool = True
    contacts: bool = True
    depenetrate: bool = True
    grips: GripMode = GripMode.AUTO
    cutoff_hz: Annotated[float, Range(1, 120, "Hz", hint="quick human motion needs 6 to 8")] = 7.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "grips", convert(GripMode, self.grips, Where(path="grips")))
        check_fields(self)
