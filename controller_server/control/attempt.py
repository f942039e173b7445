"""What one rung of the ladder did, and the verdict on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..clip.interaction import ROLES, InteractionClip
from ..frames import frame_times, recording_to_clip
from ..measure.effort import MAX_MEAN_HELP, summarise_wrench
from ..measure.tracking import SUCCESS_LIMIT, deviation, judge
from ..physics.recording import Recording


@dataclass(frozen=True)
class Attempt:
    """What one rung did.

    Attributes:
        controller: Name of the rung.
        success: Whether both people stayed on the clip within the bounds of the rung.
        reason: In words: how far off, or why it failed and when.
        seconds: Computing time [s].
        control_steps: Control steps simulated while searching, over all worlds.
        max_deviation: Of supporter and recipient from the prepared clip [m].
        max_force: Largest external force [body weights].
        failed_at: When somebody was first too far off, or the simulation broke off [s]; None if nobody was.
    """

    controller: str
    success: bool
    reason: str
    seconds: float
    control_steps: int
    max_deviation: tuple[float, float]
    max_force: float = 0.0
    failed_at: float | None = None


def held_out(attempt: Attempt) -> tuple[float, float]:
    """How good a failed attempt is: the later it failed the better, then the nearer it stayed."""
    return (np.inf if attempt.failed_at is None else attempt.failed_at, -max(attempt.max_deviation))


def judge_attempt(
    name: str, clip: InteractionClip, recording: Recording, judged: Sequence[int], seconds: float, steps: int
) -> Attempt:
    """The verdict on a recording of a prepared clip.

    Args:
        name: Of the rung.
        clip: Prepared.
        recording: What happened.
        judged: Who has to succeed (0 supporter, 1 recipient).
        seconds: Computing time [s].
        steps: Control steps simulated while searching.
    """
    simulated = recording_to_clip(recording, clip)
    times = frame_times(clip)
    reached = times <= recording.time[-1] + 1e-6
    distance = deviation(simulated.joints, clip.joints)
    furthest = distance[reached].max(axis=0)
    verdict = judge(distance, times, SUCCESS_LIMIT, judged=judged, simulated_until=float(recording.time[-1]))
    wrenches = [summarise_wrench(recording.wrench[:, p], float(mass)) for p, mass in enumerate(recording.mass)]
    mean_force = max(wrench.mean_body_weights for wrench in wrenches)
    max_force = max(wrench.max_body_weights for wrench in wrenches)
    if not verdict.success:
        who = (
            "the simulation broke off" if verdict.failed is None else f"the {ROLES[verdict.failed]} was over 0.25 m off"
        )
        reason = f"{who} at {verdict.failure_time:.1f} s"
    elif mean_force > MAX_MEAN_HELP:
        reason = f"needed {mean_force:.2f} body weights of outside help on average, more than {MAX_MEAN_HELP}"
    else:
        reason = f"never more than {1000 * furthest[list(judged)].max():.0f} mm off"
        if max_force:
            reason += f" with at most {max_force:.2f} body weights of outside help, {mean_force:.3f} on average"
    return Attempt(
        controller=name,
        success=verdict.success and mean_force <= MAX_MEAN_HELP,
        reason=reason,
        seconds=seconds,
        control_steps=steps,
        max_deviation=(float(furthest[0]), float(furthest[1])),
        max_force=max_force,
        failed_at=verdict.failure_time,
    )
