"""Criteria of a usable result: the limits, and what each of them found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from controller_server.core.constraints import Range
from controller_server.core.validation import check_fields

Limit = Annotated[float, Range(0, 1_000_000, hint="a limit is 0 or more")]
Share = Annotated[float, Range(0, 1, hint="a share is 0 to 1")]
_WORST_EXCESS = 3.0


@dataclass(frozen=True)
class Criteria:
    """Limits of a success. The word `success` means the defaults; with others they are printed beside it.

    Attributes:
        max_joint_error_m: Mean distance of the 22 joints to the prepared clip, at every frame [m].
        max_limb_error_m: Wrists, ankles and toes to the prepared clip [m].
        limb_frames: Frames earlier or later that they may be there.
        max_hand_error_m: A holding palm on the partner, to where the prepared clip has it [m].
        max_head_error_m: The head to the prepared clip [m].
        max_head_turn_deg: Rotation of the head against the prepared clip [degrees].
        touch_m: Gap at which a hand is on what it holds [m].
        touch_s: Time by which a touch may be earlier or later [s].
        min_contacts_kept: Share of all frames of all holds.
        min_contact_kept: Share of the frames of each hold.
        min_felt_n: Force a gripping hand feels [N].
        min_felt_share: Share of the frames of holds in which gripping hands feel that force.
        max_slip_m: How far a bearing sole may move in one stance [m].
        max_floor_force: 99th percentile of what a person presses on floor and furniture with [own body weights].
        max_touchdowns: Times feet come down, against the stances of the prepared clip.
        max_airborne_s: How long somebody may be in the air who is not in the prepared clip [s].
        max_capture_m: Capture point to the prepared clip's at the end [m].
        rest_speed_m_s: A clip is at rest at its end when both centres of mass are slower than this [m/s].
        rest_s: Time for which they have to be slower, at its end [s].
        beyond_s: How long people have to stand on after a clip that ends at rest, with the reference held still [s].
        told_prepared_mm: Mean correction by preparing from which the report's banner tells it [mm]; no criterion.
    """

    max_joint_error_m: Limit = 0.15
    max_limb_error_m: Limit = 0.30
    limb_frames: Annotated[int, Range(0, 100, hint="more frames are no tolerance")] = 2
    max_hand_error_m: Limit = 0.15
    max_head_error_m: Limit = 0.25
    max_head_turn_deg: Limit = 30.0
    touch_m: Limit = 0.03
    touch_s: Limit = 0.1
    min_contacts_kept: Share = 0.8
    min_contact_kept: Share = 0.6
    min_felt_n: Limit = 2.0
    min_felt_share: Share = 0.8
    max_slip_m: Limit = 0.05
    max_floor_force: Limit = 1.6
    max_touchdowns: Limit = 1.3
    max_airborne_s: Limit = 0.0
    max_capture_m: Limit = 0.15
    rest_speed_m_s: Limit = 0.15
    rest_s: Limit = 0.2
    beyond_s: Limit = 0.7
    told_prepared_mm: Limit = 60.0

    def __post_init__(self) -> None:
        check_fields(self)

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
    def allowed(self) -> str:
        """The limit in words: "0.15 m allowed", "80 % asked"."""
        if self.at_least:
            return f"{percent(self.limit)} asked"
        if self.limit == 0:
            return "none allowed"
        return f"{self.limit:g}{'' if self.unit == '°' else ' '}{self.unit} allowed"

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


def percent(share: float) -> str:
    """Return a share of 1 in words: "80 %"."""
    return f"{100 * share:.0f} %"


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
    """Return a criterion whose value may be as large as its limit."""
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
    """Return a criterion whose value may be as small as its limit."""
    return Criterion(name, value >= limit - 1e-9, value, limit, unit, sentence, True, time_s, person)


def nothing_to_judge(name: str, limit: float, unit: str, sentence: str, *, least: bool = False) -> Criterion:
    """Return a criterion that does not apply to a clip."""
    return Criterion(name, True, None, limit, unit, sentence, least)
