"""Criteria of the ground: do feet stand where they stand, do they come down softly and as often as drawn?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..clip.interaction import ROLES, InteractionClip
from ..prepare.holds import Hold
from ..prepare.intervals import intervals
from . import stance
from .balance import support
from .criteria import Criterion, at_most
from .flesh import Flesh

if TYPE_CHECKING:
    from ..physics.recording import Recording
    from .verdict import Evidence, Judge

_SIDES = ("left", "right")
_AROUND = 0.1  # s a jump of the prepared clip may be earlier or later
_CLEAR = 0.05  # m: whoever is drawn higher than this over everything is in the air


def drawn_in_air(clip: InteractionClip, corners: np.ndarray, holds: Sequence[Hold]) -> np.ndarray:
    """Who is in the air in a clip: no part near floor or furniture, nobody holding, shape (T, 2)."""
    alone = np.ones((clip.n_frames, 2), bool)
    for hold in holds:
        alone[slice(*hold.run)] = False
    found = [support(Flesh.of(clip, p), corners[:, p], clip.props, height=_CLEAR)[1].any(axis=1) for p in range(2)]
    return ~np.stack(found, axis=1) & alone


def count_drawn(corners: np.ndarray, judged: Sequence[int]) -> int:
    """How often feet come down in a clip, those that are down at its beginning among them."""
    heights = corners[..., 2].min(axis=-1)
    return sum(len(stance.drawn_touchdowns(heights[:, p, side])) for p in judged for side in range(2))


def all_of(judge: Judge, evidence: Evidence) -> Iterator[Criterion]:
    """Every criterion of the ground."""
    recording, pair, limits = evidence.forces, judge.pair, judge.limits
    load = stance.sole_load(recording, pair)
    bears = (load > stance.BEARING) & np.isin(np.arange(2), judge.judged)[:, None]
    stances = stance.find_stances(stance.sole_motion(recording, pair), bears, recording.time)
    slip = stance.summarise_slip(stances)
    text = "no foot bears"
    if slip.person is not None and slip.side is not None:
        foot = f"{ROLES[slip.person]}'s {_SIDES[slip.side]} foot"
        text = f"{foot} slid {slip.worst_cm:.1f} cm while it bore, at {slip.time_s:.1f} s"
    yield at_most("slip", slip.worst_cm / 100, limits.slip_m, "m", text, time_s=slip.time_s, person=slip.person)
    yield _pressed(judge, recording)
    yield _airborne(judge, recording)
    yield _touchdowns(judge, load)


def _pressed(judge: Judge, recording: Recording) -> Criterion:
    load = stance.floor_force(recording)
    peaks = np.percentile(load, 99, axis=0)
    person = max(judge.judged, key=lambda p: peaks[p])
    value, time = float(peaks[person]), float(recording.time[load[:, person].argmax()])
    text = f"{ROLES[person]} presses the floor with up to {value:.1f} body weights, most at {time:.1f} s"
    return at_most("floor_force", value, judge.limits.floor_force, "body weights", text, time_s=time, person=person)


def _airborne(judge: Judge, recording: Recording) -> Criterion:
    carried = stance.floor_force(recording) + np.maximum(stance.carried_force(recording), 0)
    frames = np.clip(np.rint(recording.time * judge.prepared.fps).astype(int), 0, judge.prepared.n_frames - 1)
    reach = int(np.ceil(_AROUND * judge.prepared.fps))
    allowed = np.stack([np.convolve(air, np.ones(2 * reach + 1), "same") > 0 for air in judge.in_air.T], axis=1)
    free = (carried < stance.BEARING) & ~allowed[frames] & np.isin(np.arange(2), judge.judged)
    step = float(recording.time[1] - recording.time[0]) if len(recording.time) > 1 else 0.0
    runs = [(b - a, a, p) for p in range(2) for a, b in intervals(free[:, p])]
    if not runs:
        return at_most("airborne", 0.0, judge.limits.airborne_s, "s", "nobody is in the air who should not be")
    steps, first, person = max(runs)
    time = float(recording.time[first])
    text = f"{ROLES[person]} in the air for {steps * step:.2f} s at {time:.1f} s, {len(runs)} time(s) in all"
    return at_most("airborne", steps * step, judge.limits.airborne_s, "s", text, time_s=time, person=person)


def _touchdowns(judge: Judge, load: np.ndarray) -> Criterion:
    made = sum(len(stance.touchdowns(load[:, p, side])) for p in judge.judged for side in range(2))
    drawn = max(judge.drawn_stances, 1)
    text = f"feet come down {made} times, drawn {judge.drawn_stances}"
    return at_most("touchdowns", made / drawn, judge.limits.touchdowns, "of those drawn", text)
