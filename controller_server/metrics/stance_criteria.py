"""Criteria of the ground: do feet stand where they stand, do they come down softly and as often as drawn?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from controller_server.clip.interaction import ROLES
from controller_server.core.time_series import intervals

from . import stance
from .criteria import Criterion, at_most
from .evidence import Evidence

_SIDES = ("left", "right")
_AROUND = 0.1  # s a jump of the prepared clip may be earlier or later
_CLEAR = 0.05  # m: whoever is drawn higher than this over everything is in the air


def all_of(evidence: Evidence) -> Iterator[Criterion]:
    """Yield every criterion of the ground."""
    judge = evidence.judge
    slip = stance.summarise_slip([found for found in evidence.stances if found.person in judge.judged])
    text = "no foot bears"
    if slip.person is not None and slip.side is not None:
        foot = f"{ROLES[slip.person]}'s {_SIDES[slip.side]} foot"
        text = f"{foot} slid {slip.worst_cm:.1f} cm while it bore, at {slip.time_s:.1f} s"
    limit = 100 * judge.limits.max_slip_m
    yield at_most("slip", slip.worst_cm, limit, "cm", text, time_s=slip.time_s, person=slip.person)
    yield _pressed(evidence)
    yield _airborne(evidence)
    yield _touchdowns(evidence)


def _pressed(evidence: Evidence) -> Criterion:
    judge, load = evidence.judge, evidence.floor_force
    peaks = np.percentile(load, 99, axis=0)
    person = max(judge.judged, key=lambda p: peaks[p])
    value, time = float(peaks[person]), float(evidence.forces.time[load[:, person].argmax()])
    text = f"{ROLES[person]} presses the floor with up to {value:.1f} body weights, most at {time:.1f} s"
    return at_most("floor_force", value, judge.limits.max_floor_force, "body weights", text, time_s=time, person=person)


def airborne(evidence: Evidence) -> np.ndarray:
    """Return steps in which somebody is in the air who is not in the prepared clip, shape (S, 2)."""
    judge, time = evidence.judge, evidence.forces.time
    carried = evidence.floor_force + np.maximum(stance.carried_force(evidence.forces), 0)
    frames = np.clip(np.rint(time * judge.prepared.fps).astype(int), 0, judge.prepared.n_frames - 1)
    reach = int(np.ceil(_AROUND * judge.prepared.fps))
    drawn = np.stack([np.convolve(air, np.ones(2 * reach + 1))[reach:-reach] > 0 for air in judge.in_air.T], axis=1)
    # At the very ends there is less to average over than anybody sees.
    half = stance.steps_in(stance.WINDOW, time) // 2
    whole = (np.arange(len(time)) >= half) & (np.arange(len(time)) < len(time) - half)
    return (carried < stance.BEARING) & ~drawn[frames] & np.isin(np.arange(2), judge.judged) & whole[:, None]


def _airborne(evidence: Evidence) -> Criterion:
    free, time, limit = airborne(evidence), evidence.forces.time, evidence.judge.limits.max_airborne_s
    step = float(time[1] - time[0]) if len(time) > 1 else 0.0
    runs = [(b - a, a, p) for p in range(2) for a, b in intervals(free[:, p])]
    if not runs:
        return at_most("airborne", 0.0, limit, "s", "nobody is in the air who should not be")
    steps, first, person = max(runs)
    when = float(time[first])
    text = f"{ROLES[person]} in the air for {steps * step:.2f} s at {when:.1f} s, {len(runs)} time(s) in all"
    return at_most("airborne", steps * step, limit, "s", text, time_s=when, person=person)


def count_touchdowns(load: np.ndarray, time: np.ndarray) -> int:
    """Count touchdowns; load of soles [body weights], shape (S, ...), times of the steps [s], shape (S,)."""
    return sum(len(stance.touchdowns(sole, time)) for sole in load.reshape(len(load), -1).T)


def _touchdowns(evidence: Evidence) -> Criterion:
    judge = evidence.judge
    made = count_touchdowns(evidence.sole_load[:, list(judge.judged)], evidence.forces.time)
    drawn = max(judge.drawn_stances, 1)
    text = f"feet come down {made} times, drawn {judge.drawn_stances}"
    return at_most("touchdowns", made / drawn, judge.limits.max_touchdowns, "times those drawn", text)
