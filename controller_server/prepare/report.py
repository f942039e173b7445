"""Report on preparing: what it changed, and what it mended."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from controller_server.clip.interaction import ROLES, InteractionClip
from controller_server.clip.skeleton import JOINT_NAMES

from .holds import Hold, palm_centres, palm_on_partner
from .legs import SIDES
from .poses import PairPoses
from .smoothing import speeds
from .soles import FootShape
from .stance import Bearing, foot_height, foot_roll_deg, foot_skate
from .surfaces import ON_FLOOR, ON_PROP, Surfaces
from .unsupported import unsupported_force

WARN_MEAN_MM = 60.0
"""A person moved further than this on average is worth a warning [mm]."""


@dataclass(frozen=True)
class Displacement:
    """How far one person was moved, over 22 joints and all frames.

    Attributes:
        mean_mm: Mean [mm].
        max_mm: Largest [mm].
        joint: Where the largest is.
        frame: When.
    """

    mean_mm: float
    max_mm: float
    joint: str
    frame: int


@dataclass(frozen=True)
class StepReport:
    """One step that ran.

    Attributes:
        name: smooth, ground, feet, swing, place, contacts or depenetrate.
        supporter: What it moved.
        recipient: What it moved.
    """

    name: str
    supporter: Displacement
    recipient: Displacement


@dataclass(frozen=True)
class HoldReport:
    """One hold.

    Attributes:
        role: Whose hand.
        side: left or right.
        joint: The partner's joint whose body is held.
        start: First frame.
        end: Last frame.
        gap_before_mm: Mean surface distance in the input [mm].
        gap_after_mm: The same, prepared.
        wander_before_mm: Standard deviation of the palm's place on the partner [mm].
        wander_after_mm: The same, prepared.
    """

    role: str
    side: str
    joint: str
    start: int
    end: int
    gap_before_mm: float
    gap_after_mm: float
    wander_before_mm: float
    wander_after_mm: float


@dataclass(frozen=True)
class Condition:
    """How fit for simulation a clip is, by one rule before and after. Pairs are supporter, recipient.

    Attributes:
        first_frame_floor_mm: Deepest point under the floor in the first frame [mm].
        first_frame_prop_mm: Inside furniture.
        first_frame_partner_mm: Inside each other.
        floor_mm: Deepest in any frame.
        prop_mm: Deepest in any frame.
        partner_mm: Deepest in any frame.
        foot_roll_deg: Mean roll of each person's bearing feet.
        foot_height_mm: Mean height of the lowest point of each person's bearing feet.
        foot_skate_cm_s: Mean speed of the lowest corner of each person's bearing feet.
        joint_speed_rad_s: Fastest joint of each person.
        first_joint_speed_rad_s: Fastest joint of each person from the first to the second frame.
        root_speed_m_s: Fastest pelvis of each person.
        unsupported_n: Force on each person that nothing in reach could give, median over time [N].
        unsupported_p90_n: The same, exceeded in a tenth of the time.
    """

    first_frame_floor_mm: float
    first_frame_prop_mm: float
    first_frame_partner_mm: float
    floor_mm: float
    prop_mm: float
    partner_mm: float
    foot_roll_deg: tuple[float, float]
    foot_height_mm: tuple[float, float]
    foot_skate_cm_s: tuple[float, float]
    joint_speed_rad_s: tuple[float, float]
    first_joint_speed_rad_s: tuple[float, float]
    root_speed_m_s: tuple[float, float]
    unsupported_n: tuple[float, float]
    unsupported_p90_n: tuple[float, float]


@dataclass(frozen=True)
class PrepareReport:
    """What preparing did to a clip; everything is a plain value, so that `asdict` can be written as JSON.

    Attributes:
        supporter: Moved altogether.
        recipient: Moved altogether.
        steps: Each step that ran, in order.
        holds: Each hand that holds the partner.
        grip_mode: What the holds were found by.
        before: The input.
        after: The prepared clip.
        warnings: One sentence each.
    """

    supporter: Displacement
    recipient: Displacement
    steps: tuple[StepReport, ...]
    holds: tuple[HoldReport, ...]
    grip_mode: str
    before: Condition
    after: Condition
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    def lines(self) -> list[str]:
        """For the terminal."""
        b, a = self.before, self.after
        out = []
        for role in ROLES:
            d: Displacement = getattr(self, role)
            out.append(
                f"{role}: moved {d.mean_mm:.0f} mm on average, {d.max_mm:.0f} mm at most ({d.joint}, frame {d.frame})"
            )
        out += [
            f"  {step.name}: supporter {step.supporter.mean_mm:.1f} mm (max {step.supporter.max_mm:.0f}), "
            f"recipient {step.recipient.mean_mm:.1f} mm (max {step.recipient.max_mm:.0f})"
            for step in self.steps
        ]
        out.append(
            f"deepest in floor {b.floor_mm:.0f} -> {a.floor_mm:.0f} mm, "
            f"furniture {b.prop_mm:.0f} -> {a.prop_mm:.0f} mm, partner {b.partner_mm:.0f} -> {a.partner_mm:.0f} mm"
        )
        for k, role in enumerate(ROLES):
            out.append(
                f"{role}'s bearing feet: roll {b.foot_roll_deg[k]:.0f} -> {a.foot_roll_deg[k]:.0f} degrees, "
                f"height {b.foot_height_mm[k]:.0f} -> {a.foot_height_mm[k]:.0f} mm, "
                f"sliding {b.foot_skate_cm_s[k]:.1f} -> {a.foot_skate_cm_s[k]:.1f} cm/s"
            )
        for k, role in enumerate(ROLES):
            out.append(
                f"{role} unsupported by {b.unsupported_n[k]:.0f} -> {a.unsupported_n[k]:.0f} N "
                f"(a tenth of the time over {b.unsupported_p90_n[k]:.0f} -> {a.unsupported_p90_n[k]:.0f} N)"
            )
        out += [
            f"{h.role}'s {h.side} hand on {h.joint}, frames {h.start}-{h.end}: gap {h.gap_before_mm:.0f} -> "
            f"{h.gap_after_mm:.0f} mm, wander {h.wander_before_mm:.0f} -> {h.wander_after_mm:.0f} mm"
            for h in self.holds
        ]
        return out + [f"warning: {w}" for w in self.warnings]


def displacement(before: InteractionClip, after: InteractionClip) -> tuple[Displacement, Displacement]:
    """Return how far each person moved between two clips of the same frames."""
    moved = 1000 * np.linalg.norm(PairPoses.of(after).positions - PairPoses.of(before).positions, axis=-1)
    out = []
    for person in range(2):
        frame, j = np.unravel_index(int(moved[:, person].argmax()), moved[:, person].shape)
        out.append(
            Displacement(
                float(moved[:, person].mean()), float(moved[frame, person, j]), JOINT_NAMES[int(j)], int(frame)
            )
        )
    return out[0], out[1]


def condition(
    clip: InteractionClip, surfaces: Surfaces, shapes: list[list[FootShape]], bearing: list[list[Bearing]]
) -> Condition:
    """Return how fit a clip is; `bearing` says which feet count, the same before and after, as do the clip's grips."""
    poses, unsupported = PairPoses.of(clip), unsupported_force(clip)
    deep = surfaces.overlaps(poses)
    partner = (0, 1)
    root, joints = speeds(poses)
    roll, skate = foot_roll_deg(poses, shapes, bearing), foot_skate(poses, shapes, bearing)
    height = foot_height(poses, shapes, bearing)

    def mm(value: float) -> float:
        return 1000 * value

    return Condition(
        first_frame_floor_mm=mm(deep.deepest((ON_FLOOR,), frame=0)),
        first_frame_prop_mm=mm(deep.deepest((ON_PROP,), frame=0)),
        first_frame_partner_mm=mm(deep.deepest(partner, frame=0)),
        floor_mm=mm(deep.deepest((ON_FLOOR,))),
        prop_mm=mm(deep.deepest((ON_PROP,))),
        partner_mm=mm(deep.deepest(partner)),
        foot_roll_deg=(roll[0], roll[1]),
        foot_height_mm=(mm(height[0]), mm(height[1])),
        foot_skate_cm_s=(100 * skate[0], 100 * skate[1]),
        joint_speed_rad_s=_each(joints.max(axis=(0, 2))),
        first_joint_speed_rad_s=_each(joints[0].max(axis=-1)),
        root_speed_m_s=_each(root.max(axis=0)),
        unsupported_n=unsupported.quantile(0.5),
        unsupported_p90_n=unsupported.quantile(0.9),
    )


def _each(values: np.ndarray) -> tuple[float, float]:
    return float(values[0]), float(values[1])


def hold_reports(
    holds: list[Hold], before: InteractionClip, after: InteractionClip, surfaces: Surfaces
) -> tuple[HoldReport, ...]:
    """Gaps and wandering of each hold before and after."""
    centres = palm_centres(before)
    poses_before, poses_after = PairPoses.of(before), PairPoses.of(after)
    out = []
    for hold in holds:
        frames = np.arange(*hold.run)
        near, numbers = surfaces.at(frames), []
        for whole in (poses_before, poses_after):
            poses = whole.frames(frames)
            gap = near.nearness(poses, hold.person, hold.side, (hold.joint,)).distance[:, hold.joint]
            place = palm_on_partner(poses, hold.person, hold.side, centres[hold.person, hold.side])[:, hold.joint]
            gap = gap[np.isfinite(gap)]
            numbers.append(
                (1000 * float(gap.mean()) if gap.size else 300.0, 1000 * float(np.sqrt(place.var(axis=0).sum())))
            )
        (gap0, wander0), (gap1, wander1) = numbers
        out.append(
            HoldReport(
                ROLES[hold.person],
                SIDES[hold.side],
                JOINT_NAMES[hold.joint],
                hold.run[0],
                hold.run[1] - 1,
                gap0,
                gap1,
                wander0,
                wander1,
            )
        )
    return tuple(out)
