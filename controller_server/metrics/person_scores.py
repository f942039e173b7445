"""Measures of one person that need the physics steps: feet, hands, calm; before, prepared and after by one rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller_server.clip.interaction import InteractionClip
from controller_server.prepare.legs import SIDES

from . import shaking, stance
from .capsules import CollisionCapsules, self_depth
from .evidence import Evidence
from .feet import CONTACT_HEIGHT
from .holding import kept_frames, on_part, share_felt, share_kept
from .judged_clip import count_drawn
from .stance_criteria import airborne, count_touchdowns


@dataclass(frozen=True)
class Stages:
    """One measure of the raw input, the prepared clip and the simulated one; None where there is nothing to measure."""

    input: float | None
    prepared: float | None
    output: float | None


@dataclass(frozen=True)
class FeetScores:
    """How one person's feet stand and step.

    Attributes:
        slip_mean_cm: How far a bearing sole moves in a stance, mean over stances [cm].
        slip_worst_cm: The same in the worst one [cm].
        slip_worst_s: When that was in the simulation [s]; None without a stance.
        slip_worst_foot: "left" or "right"; None without a stance.
        stances: How many the simulation has.
        touchdowns: How often feet came down, those down at the beginning among them.
        touchdowns_drawn: The same in the prepared clip.
        floor_force_p99: 99th percentile of what the person presses on floor and furniture with [own body weights].
        airborne_s: Time in the air that the prepared clip does not ask for [s].
    """

    slip_mean_cm: Stages
    slip_worst_cm: Stages
    slip_worst_s: float | None
    slip_worst_foot: str | None
    stances: int
    touchdowns: int
    touchdowns_drawn: int
    floor_force_p99: float
    airborne_s: float


@dataclass(frozen=True)
class HandScores:
    """What became of one person's holds.

    Attributes:
        holds: How many the input has.
        kept: Share of their frames in which the hand is on what it held in the input, or on the part next to it.
        kept_least: Of the hold that kept least.
        felt: Share of the frames of holds with a grip in which the hand feels the partner.
        error_max_mm: Largest distance of a holding palm on the partner from where the prepared clip has it [mm].
        speed_m_s: Of the faster hand at its fastest [m/s].
    """

    holds: int
    kept: float | None
    kept_least: float | None
    felt: float | None
    error_max_mm: float | None
    speed_m_s: Stages


@dataclass(frozen=True)
class CalmScores:
    """How calmly a part of the body moves.

    Attributes:
        jerk_m_s3: Root mean square jerk [m/s^3].
        tremor_mm: Root mean square of what is faster than 5 Hz [mm].
        tremor_worst_mm: The same in the worst half second [mm].
    """

    jerk_m_s3: Stages
    tremor_mm: Stages
    tremor_worst_mm: Stages


def feet_scores(person: int, evidence: Evidence, corners: dict[str, np.ndarray]) -> FeetScores:
    """Of one person.

    Args:
        person: 0 or 1.
        evidence: The simulation.
        corners: Of the foot boxes of "input" and "prepared" [m], each shape (T, 2, 2, C, 3).
    """
    drawn = [_drawn_slip(corners[key][:, person : person + 1], evidence.judge.prepared.fps) for key in _DRAWN]
    made = stance.summarise_slip([found for found in evidence.stances if found.person == person])
    free = airborne(evidence)[:, person]
    time = evidence.forces.time
    return FeetScores(
        slip_mean_cm=Stages(*(slip.mean_cm for slip in (*drawn, made))),
        slip_worst_cm=Stages(*(slip.worst_cm for slip in (*drawn, made))),
        slip_worst_s=made.time_s,
        slip_worst_foot=None if made.side is None else SIDES[made.side],
        stances=made.stances,
        touchdowns=count_touchdowns(evidence.sole_load[:, person], time),
        touchdowns_drawn=count_drawn(corners["prepared"], (person,)),
        floor_force_p99=float(np.percentile(evidence.floor_force[:, person], 99)),
        airborne_s=float(free.sum() * (time[1] - time[0])) if len(time) > 1 else 0.0,
    )


_DRAWN = ("input", "prepared")


def _drawn_slip(corners: np.ndarray, fps: float) -> stance.Slip:
    """Of a clip, from heights over the floor its own feet stand on; corners of one person, shape (T, 1, 2, C, 3)."""
    floor = np.percentile(corners[..., 2].min(axis=(1, 2, 3)), 10)
    moved, bears = stance.corner_motion(corners - [0, 0, floor], CONTACT_HEIGHT)
    return stance.summarise_slip(stance.find_stances(moved, bears, np.arange(len(corners)) / fps))


def hand_scores(person: int, evidence: Evidence, speed: Stages) -> HandScores:
    """Of one person, whose hands' speed is known."""
    holds = [hold for hold in evidence.holds if hold.person == person]
    return HandScores(
        holds=len(holds),
        kept=share_kept(holds),
        kept_least=min((hold.kept for hold in holds), default=None),
        felt=share_felt(holds),
        error_max_mm=1000 * max(hold.error_m for hold in holds) if holds else None,
        speed_m_s=speed,
    )


def shakes_of(person: int, clips: dict[str, InteractionClip], evidence: Evidence) -> dict[str, list[shaking.Shake]]:
    """Of each part at input, prepared and output; the output from the physics steps, which hide nothing.

    Args:
        person: 0 or 1.
        clips: "input" and "prepared".
        evidence: The simulation.
    """
    recording = evidence.within
    hz = 1 / float(recording.time[1] - recording.time[0])
    found = {}
    for part, joints in shaking.PARTS.items():
        rows = [recording.joints.index(j) for j in joints]
        drawn = [shaking.shake(clips[key].joints[:, person, list(joints)], clips[key].fps) for key in _DRAWN]
        found[part] = [*drawn, shaking.shake(recording.positions[:, person, rows], hz)]
    return found


def calm_scores(shakes: list[shaking.Shake]) -> CalmScores:
    """Of one part at input, prepared and output."""
    return CalmScores(
        jerk_m_s3=Stages(*(s.jerk_m_s3 for s in shakes)),
        tremor_mm=Stages(*(s.tremor_mm for s in shakes)),
        tremor_worst_mm=Stages(*(s.tremor_worst_mm for s in shakes)),
    )


def held_on_part(clips: dict[str, InteractionClip], evidence: Evidence) -> Stages:
    """Share of the frames of all holds in which the hand touches what it holds, or the part next to it.

    Of the input, the prepared clip and the simulated one; None without a hold.
    """
    holds, limits = evidence.judge.wanted_holds, evidence.judge.limits
    frames = sum(hold.frames for hold in evidence.holds)
    if not frames:
        return Stages(None, None, None)
    shares = []
    for key in _DRAWN:
        gaps = zip(holds, on_part(clips[key], holds), strict=True)
        on = [
            kept_frames(gap, clips[key].fps, within=limits.touch_m, around=limits.touch_s)[slice(*hold.run)]
            for hold, gap in gaps
        ]
        shares.append(float(np.concatenate(on).mean()))
    return Stages(shares[0], shares[1], share_kept(evidence.holds))


def self_penetration(person: int, clips: dict[str, InteractionClip]) -> Stages:
    """Deepest point of a person in themselves [mm]; clips "input", "prepared" and "output"."""
    deepest = [
        1000 * float(self_depth(CollisionCapsules.of(clips[k], person)).max()) for k in ("input", "prepared", "output")
    ]
    return Stages(*deepest)
