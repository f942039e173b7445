"""One attempt of a fallback strategy, and the verdict on it."""

from __future__ import annotations

from dataclasses import dataclass

from controller_server.clip.interaction import ROLES
from controller_server.metrics.effort import MAX_MEAN_HELP, summarise_wrench
from controller_server.metrics.tracking import SUCCESS_LIMIT, deviation
from controller_server.metrics.tracking import judge as judge_tracking
from controller_server.metrics.verdict import Judge, Verdict
from controller_server.physics.recorded_frames import frame_times, recording_to_clip
from controller_server.physics.recording import Recording


@dataclass(frozen=True)
class Attempt:
    """What one attempt did.

    Attributes:
        controller: Name of the attempt.
        success: Whether the result is usable, as `metrics.verdict` has it.
        success_tracking: Whether both people stayed on the clip within 0.25 m and the bounds of outside help.
        score: What results of one clip are compared by; more is better.
        reason: In words: how far off, or why it failed and when.
        seconds: Computing time [s].
        control_steps: Control steps simulated while searching, over all worlds.
        max_deviation: Of supporter and recipient from the prepared clip [m].
        max_force: Largest external force [body weights].
        failed_at: When something first was not as it must be, or the simulation broke off [s]; None if nothing was, or
            something that has no moment.
    """

    controller: str
    success: bool
    success_tracking: bool
    score: float
    reason: str
    seconds: float
    control_steps: int
    max_deviation: tuple[float, float]
    max_force: float = 0.0
    failed_at: float | None = None


def quality_of(attempt: Attempt) -> tuple[float, float]:
    """Return what attempts are compared by: the score, then how near it stayed."""
    return (attempt.score, -max(attempt.max_deviation))


def judge_attempt(name: str, judge: Judge, recording: Recording, seconds: float, steps: int) -> Attempt:
    """Return the verdict on a recording of a prepared clip.

    Args:
        name: Name of the attempt.
        judge: Of the clip.
        recording: What happened; it may go on beyond the clip's end.
        seconds: Computing time [s].
        steps: Control steps simulated while searching.
    """
    clip, judged, until = judge.prepared, judge.judged, float(recording.time[-1])
    verdict = judge(recording)
    times = frame_times(clip)
    distance = deviation(recording_to_clip(recording, clip).joints, clip.joints)
    furthest = distance[times <= until + 1e-6].max(axis=0)
    tracking = judge_tracking(distance, times, SUCCESS_LIMIT, judged=judged, simulated_until=until)
    wrenches = [summarise_wrench(recording.wrench[:, p], float(mass)) for p, mass in enumerate(recording.mass)]
    mean_force = max(wrench.mean_body_weights for wrench in wrenches)
    max_force = max(wrench.max_body_weights for wrench in wrenches)
    failed_at = tracking.failure_time
    if not tracking.success:
        who = (
            "the simulation broke off"
            if tracking.failed is None
            else f"the {ROLES[tracking.failed]} was over 0.25 m off"
        )
        reason = f"{who} at {tracking.failure_time:.1f} s"
    elif mean_force > MAX_MEAN_HELP:
        reason = f"needed {mean_force:.2f} body weights of outside help on average, more than {MAX_MEAN_HELP}"
    else:
        failed_at = _first_failure(verdict)
        reason = f"never more than {1000 * furthest[list(judged)].max():.0f} mm off"
        if max_force:
            reason += f" with at most {max_force:.2f} body weights of outside help, {mean_force:.3f} on average"
        elif verdict.failed:
            reason += f", but {verdict.failed[0].sentence}"
    return Attempt(
        controller=name,
        success=verdict.success,
        success_tracking=verdict.success_tracking,
        score=verdict.score,
        reason=reason,
        seconds=seconds,
        control_steps=steps,
        max_deviation=(float(furthest[0]), float(furthest[1])),
        max_force=max_force,
        failed_at=failed_at,
    )


def _first_failure(verdict: Verdict) -> float | None:
    """Return when the first failed criterion failed [s]; None where one of them concerns the whole clip."""
    times = [criterion.time_s for criterion in verdict.failed]
    found = [time for time in times if time is not None]
    return min(found) if found and len(found) == len(times) else None
