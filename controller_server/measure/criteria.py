"""What a usable result must keep to: the limits, and what each of them found."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from ..errors import AssistMimicError

_WORST_EXCESS = 3.0


@dataclass(frozen=True)
class Criteria:
    """Limits of a success. The word `success` means the defaults; with others they are printed beside it.

    Attributes:
        joints_m: Mean distance of the 22 joints to the prepared clip, at every frame [m].
        limbs_m: Wrists, ankles and toes to the prepared clip [m].
        limbs_frames: Frames earlier or later that they may be there.
        hands_m: A holding palm on the partner, to where the prepared clip has it [m].
        head_m: The head to the prepared clip [m].
        head_deg: How far it may be turned from the prepared clip [degrees].
        touch_m: Gap at which a hand is on what it holds [m].
        touch_s: How much earlier or later it may be [s].
        kept: Share of all frames of all holds.
        kept_each: Share of the frames of each hold.
        felt_n: Force a gripping hand feels [N].
        felt: Share of the frames of holds in which gripping hands do.
        slip_m: How far a bearing sole may move in one stance [m].
        floor_force: 99th percentile of the force on the floor, in body weights and what the partner puts on top.
        touchdowns: Times feet come down, against the stances of the prepared clip.
        airborne_s: How long somebody may be in the air who is not in the prepared clip [s].
        capture_m: Capture point to the prepared clip's at the end [m].
        rest_speed_m_s: A clip is at rest at its end when both centres of mass are slower than this [m/s] ...
        rest_s: ... for so long [s] ...
        beyond_s: ... and then people have to stand on for so long with the reference held still [s].
        moved_mm: Mean that preparing may move a person before the banner says so [mm]; no criterion.
    """

    joints_m: float = 0.15
    limbs_m: float = 0.30
    limbs_frames: int = 2
    hands_m: float = 0.15
    head_m: float = 0.25
    head_deg: float = 30.0
    touch_m: float = 0.03
    touch_s: float = 0.1
    kept: float = 0.8
    kept_each: float = 0.6
    felt_n: float = 2.0
    felt: float = 0.8
    slip_m: float = 0.05
    floor_force: float = 1.6
    touchdowns: float = 1.3
    airborne_s: float = 0.0
    capture_m: float = 0.15
    rest_speed_m_s: float = 0.15
    rest_s: float = 0.2
    beyond_s: float = 0.7
    moved_mm: float = 60.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value < 1e6:
                raise AssistMimicError(f"criteria: {field.name} is {value:g}; a limit is 0 or more")
        for name in ("kept", "kept_each", "felt"):
            if getattr(self, name) > 1:
                raise AssistMimicError(f"criteria: {name} is {getattr(self, name):g}; a share is 0 to 1")

    @property
    def changed(self) -> dict[str, Any]:
        """The limits that are not the defaults."""
        usual = asdict(Criteria())
        return {name: value for name, value in asdict(self).items() if value != usual[name]}


@dataclass(frozen=True)
class Criterion:
    """One thing a usable result must keep to, and what was found.

    Attributes:
        name: Short, for tables and JSON.
        passed: Whether it was kept to. Also true where there was nothing to judge.
        value: What was measured, in `unit`; None where there was nothing to judge.
        limit: The limit it was held against, in `unit`.
        unit: Of both.
        at_least: Whether the limit is a least and not a most.
        sentence: What was found, in words: who, which part of the body, when.
        time_s: When it was worst, or first [s]; None where it concerns the whole clip.
        person: Row of whom it concerns, 0 supporter, 1 recipient; None for both.
    """

    name: str
    passed: bool
    value: float | None
    limit: float
    unit: str
    sentence: str
    at_least: bool = False
    time_s: float | None = None
    person: int | None = None

    @property
    def use(self) -> float:
        """How much of what is allowed was used: 0 none, 1 all of it, 3 at most; 0 where there was nothing to judge.

        Where nothing at all is allowed, as of outside help, anything at all is over 1: 1 + value / 0.1.
        """
        if self.value is None:
            return 0.0
        if self.at_least:
            used = (1 - self.value) / max(1 - self.limit, 0.05)
        elif self.limit > 0:
            used = self.value / self.limit
        else:
            used = 1 + 10 * self.value if self.value > 0 else 0.0
        return min(used, _WORST_EXCESS)


def at_most(
    name: str,
    value: float,
    limit: float,
    unit: str,
    sentence: str,
    *,
    time_s: float | None = None,
    person: int | None = None,
) -> Criterion:
    """A criterion whose value may be as large as its limit."""
    return Criterion(name, value <= limit + 1e-9, value, limit, unit, sentence, time_s=time_s, person=person)


def at_least(
    name: str,
    value: float,
    limit: float,
    unit: str,
    sentence: str,
    *,
    time_s: float | None = None,
    person: int | None = None,
) -> Criterion:
    """A criterion whose value may be as small as its limit."""
    return Criterion(name, value >= limit - 1e-9, value, limit, unit, sentence, True, time_s, person)


def nothing_to_judge(name: str, limit: float, unit: str, sentence: str, *, least: bool = False) -> Criterion:
    """A criterion that does not apply to a clip."""
    return Criterion(name, True, None, limit, unit, sentence, least)
