"""A recording laid out against the prepared clip for the verdict, each part worked out once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from controller_server.clip.interaction import InteractionClip
from controller_server.physics.recorded_frames import (
    frame_times,
    recording_to_clip,
    slice_clip,
    slice_recording,
    until_end,
)
from controller_server.physics.recording import Recording

from . import stance
from .effort import Wrench, summarise_wrench
from .holding import HoldOutcome, follow_holds, hand_force
from .judged_clip import JudgedClip
from .tracking import TrackingOutcome, deviation, judge


@dataclass(frozen=True)
class Evidence:
    """A recording as it is judged.

    Attributes:
        judge: Who judges it, and by what.
        whole: All of the recording, beyond the clip's end too.
        within: Up to the clip's end.
        simulated: The motion at the clip's frames, all of them; what was not simulated holds the last pose.
        reached: How many frames were simulated.
    """

    judge: JudgedClip
    whole: Recording
    within: Recording
    simulated: InteractionClip
    reached: int

    @staticmethod
    def of(judge: JudgedClip, recording: Recording, simulated: InteractionClip | None = None) -> Evidence:
        """Return what is looked at of a recording; `simulated` is the recording as a clip where that is known."""
        prepared = judge.prepared
        within = until_end(recording, prepared)
        reached = int((frame_times(prepared) <= within.time[-1] + 0.5 / prepared.fps).sum())
        return Evidence(judge, recording, within, simulated or recording_to_clip(within, prepared), reached)

    @cached_property
    def seen(self) -> InteractionClip:
        """The frames that were simulated; two at least."""
        return slice_clip(self.simulated, slice(0, max(self.reached, 2)))

    @cached_property
    def forces(self) -> Recording:
        """The recording without its start, where nothing has been stepped yet."""
        return with_forces(self.within)

    @cached_property
    def deviation(self) -> np.ndarray:
        """Mean distance of the 16 joints of the older measure to the prepared clip [m], shape (T, 2)."""
        return deviation(self.simulated.joints, self.judge.prepared.joints)

    def tracked(self, limit: float) -> TrackingOutcome:
        """Return whether that stayed within a limit [m], to the end."""
        times, until = frame_times(self.judge.prepared), float(self.within.time[-1])
        return judge(self.deviation, times, limit, judged=self.judge.judged, simulated_until=until)

    @cached_property
    def wrenches(self) -> tuple[Wrench, Wrench]:
        """Outside help on each person."""
        first, second = (summarise_wrench(self.within.wrench[:, p], float(m)) for p, m in enumerate(self.within.mass))
        return first, second

    @cached_property
    def holds(self) -> list[HoldOutcome]:
        """What became of each hold that was asked for."""
        limits, times = self.judge.limits, frame_times(self.seen)
        return follow_holds(
            self.judge.wanted_holds,
            self.seen,
            self.judge.palms,
            hand_force(self.forces, self.judge.pair, times),
            self.judge.prepared.grips,
            within=limits.touch_m,
            around=limits.touch_s,
            felt_n=limits.min_felt_n,
        )

    @cached_property
    def sole_load(self) -> np.ndarray:
        """Load of each sole at each step of `forces` [body weights], shape (S, 2, 2)."""
        return stance.sole_load(self.forces, self.judge.pair)

    @cached_property
    def floor_force(self) -> np.ndarray:
        """Upward force on each person from floor and furniture [body weights], shape (S, 2)."""
        return stance.floor_force(self.forces)

    @cached_property
    def stances(self) -> list[stance.Stance]:
        """Every stance of both people."""
        moved = stance.sole_motion(self.forces, self.judge.pair)
        return stance.find_stances(moved, self.sole_load > stance.BEARING, self.forces.time)


def with_forces(recording: Recording) -> Recording:
    """Return a recording without a first step at time zero: nothing was stepped there, and its forces mean nothing."""
    if recording.time[0] > 1e-9 or len(recording.time) < 2:
        return recording
    start = float(recording.time[1])
    kept = slice_recording(recording, start, float(recording.time[-1]))
    return replace(kept, time=kept.time + start)
