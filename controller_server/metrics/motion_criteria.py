"""Criteria of the motion: is everybody where the prepared clip has them, to the end, and not about to fall then?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from controller_server.clip.interaction import ROLES
from controller_server.clip.rotation import quat_conj, quat_mul
from controller_server.clip.skeleton import (
    HEAD,
    JOINT_NAMES,
    L_ANKLE,
    L_FOOT,
    L_WRIST,
    N_BODY_JOINTS,
    R_ANKLE,
    R_FOOT,
    R_WRIST,
)
from controller_server.physics.recorded_frames import frame_times

from .balance import WINDOW, capture_point
from .criteria import Criterion, at_most, nothing_to_judge
from .evidence import Evidence
from .judged_clip import JudgedClip

LIMBS = (L_WRIST, R_WRIST, L_ANKLE, R_ANKLE, L_FOOT, R_FOOT)
_PARTS = {"foot": "toes"}


def all_of(evidence: Evidence) -> Iterator[Criterion]:
    """Yield every criterion of the motion."""
    judge = evidence.judge
    yield _to_the_end(judge, evidence)
    now, asked = (clip.joints[: evidence.reached] for clip in (evidence.simulated, judge.prepared))
    yield _joints(judge, now, asked)
    yield _limbs(judge, now, asked)
    yield from _head(judge, evidence, now, asked)
    yield _capture(judge, evidence)
    yield _beyond(judge, evidence)


def place(joint: int) -> str:
    """Return a joint in words: "left toes"."""
    side, _, part = JOINT_NAMES[joint].partition("_")
    return f"{side} {_PARTS.get(part, part)}" if part else side


def worst(values: np.ndarray, judged: tuple[int, ...]) -> tuple[int, ...]:
    """Index of the largest value of those who are judged; shape (T, 2, ...)."""
    counts = np.isin(np.arange(2), judged).reshape(1, 2, *[1] * (values.ndim - 2))
    return tuple(int(k) for k in np.unravel_index(np.where(counts, values, -1).argmax(), values.shape))


def off_with_slack(now: np.ndarray, asked: np.ndarray, frames: int) -> np.ndarray:
    """Distance to where something should be, or to where it should be some frames earlier or later.

    Args:
        now: Positions [m], shape (T, ..., 3).
        asked: Of the reference, same shape.
        frames: How many frames either way.

    Returns:
        The least of these distances [m], shape (T, ...).
    """
    at = np.arange(len(now))
    shifted = [np.clip(at + k, 0, len(now) - 1) for k in range(-frames, frames + 1)]
    return np.min([np.linalg.norm(now - asked[rows], axis=-1) for rows in shifted], axis=0)


def _to_the_end(judge: JudgedClip, evidence: Evidence) -> Criterion:
    times = frame_times(judge.prepared)
    missing = float(times[-1] - times[max(evidence.reached - 1, 0)])
    broke = f"the simulation broke off at {evidence.within.time[-1]:.1f} s of {times[-1]:.1f} s"
    text = broke if missing else "simulated to the last frame"
    return at_most("to_the_end", missing, 0.0, "s", text, time_s=float(times[-1] - missing) if missing else None)


def _joints(judge: JudgedClip, now: np.ndarray, asked: np.ndarray) -> Criterion:
    apart = np.linalg.norm((now - asked)[:, :, :N_BODY_JOINTS], axis=-1).mean(axis=-1)
    frame, person = worst(apart, judge.judged)
    value, time = float(apart[frame, person]), frame / judge.prepared.fps
    text = f"{ROLES[person]} {value:.2f} m off at {time:.1f} s, mean of 22 joints"
    return at_most("joints", value, judge.limits.max_joint_error_m, "m", text, time_s=time, person=person)


def _limbs(judge: JudgedClip, now: np.ndarray, asked: np.ndarray) -> Criterion:
    rows = list(LIMBS)
    apart = off_with_slack(now[:, :, rows], asked[:, :, rows], judge.limits.limb_frames)
    frame, person, limb = worst(apart, judge.judged)
    value, time = float(apart[frame, person, limb]), frame / judge.prepared.fps
    text = f"{ROLES[person]}'s {place(LIMBS[limb])} {value:.2f} m off at {time:.1f} s"
    return at_most("limbs", value, judge.limits.max_limb_error_m, "m", text, time_s=time, person=person)


def _head(judge: JudgedClip, evidence: Evidence, now: np.ndarray, asked: np.ndarray) -> Iterator[Criterion]:
    fps, limits = judge.prepared.fps, judge.limits
    apart = np.linalg.norm((now - asked)[:, :, HEAD], axis=-1)
    frame, person = worst(apart, judge.judged)
    value = float(apart[frame, person])
    text = f"{ROLES[person]}'s head {value:.2f} m off at {frame / fps:.1f} s"
    yield at_most("head", value, limits.max_head_error_m, "m", text, time_s=frame / fps, person=person)
    quats = [clip.joint_quats[: evidence.reached, :, HEAD] for clip in (evidence.simulated, judge.prepared)]
    turn = np.degrees(turned_by(*quats))
    frame, person = worst(turn, judge.judged)
    value = float(turn[frame, person])
    text = f"{ROLES[person]}'s head turned {value:.0f}° off at {frame / fps:.1f} s"
    yield at_most("head_turn", value, limits.max_head_turn_deg, "°", text, time_s=frame / fps, person=person)


def turned_by(quats: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Angle between rotations, shapes (..., 4) [rad]."""
    turn = quat_mul(quat_conj(quats), others)
    return 2 * np.arctan2(np.linalg.norm(turn[..., 1:], axis=-1), np.abs(turn[..., 0]))


def _capture(judge: JudgedClip, evidence: Evidence) -> Criterion:
    limit, within = judge.limits.max_capture_m, evidence.within
    if evidence.reached < judge.prepared.n_frames:
        return nothing_to_judge("not_falling", limit, "m", "the end was not reached")
    asked = capture_point(judge.com, frame_times(judge.prepared))
    apart = np.linalg.norm(capture_point(within.com, within.time) - asked, axis=-1)
    person = max(judge.judged, key=lambda p: apart[p])
    value, time = float(apart[person]), judge.prepared.duration
    text = f"{ROLES[person]}'s balance {value:.2f} m off in the last {WINDOW:g} s"
    return at_most("not_falling", value, limit, "m", text, time_s=time, person=person)


def _beyond(judge: JudgedClip, evidence: Evidence) -> Criterion:
    """Return whether people go on standing when a clip that ends at rest is held still beyond its end."""
    limits, whole, end = judge.limits, evidence.whole, judge.prepared.duration
    name = "stays_up"
    if not judge.at_rest:
        return nothing_to_judge(
            name, limits.max_joint_error_m, "m", "the clip ends in motion: what comes after it is not judged"
        )
    after = whole.time > end + 1e-6
    if evidence.reached < judge.prepared.n_frames or whole.time[-1] < end + 0.8 * limits.beyond_s:
        return nothing_to_judge(name, limits.max_joint_error_m, "m", "not simulated beyond the clip's end")
    rows = [j for j in whole.joints if j < N_BODY_JOINTS]
    columns = [whole.joints.index(j) for j in rows]
    asked = judge.prepared.joints[-1][:, rows]
    apart = np.linalg.norm(whole.positions[after][:, :, columns] - asked, axis=-1).mean(axis=-1)
    step, person = worst(apart, judge.judged)
    value, time = float(apart[step, person]), float(whole.time[after][step])
    text = f"{ROLES[person]} {value:.2f} m off {time - end:.1f} s after the end, the last pose held"
    return at_most(name, value, limits.max_joint_error_m, "m", text, time_s=time, person=person)
