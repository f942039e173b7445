"""The road of a clip: prepare, control, measure. The command line and the server call the same job."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip, SmplxMotion
from controller_server.clip.rotation import quat_from_rotvec, quat_mul, rotvec_from_quat
from controller_server.control.fallback.run import ControlInterrupted, FallbackResult, run_strategies
from controller_server.control.fallback.settings import ControlSettings
from controller_server.core.progress import OnProgress, Progress, ignore_progress
from controller_server.metrics.geometry import ClipSurfaces
from controller_server.metrics.holding import input_holds
from controller_server.metrics.scores import measure_judged
from controller_server.metrics.verdict import Judge
from controller_server.physics.engines import check_engine
from controller_server.physics.recorded_frames import recording_to_clip, slice_clip, until_end
from controller_server.physics.recording import OnMotion
from controller_server.prepare import Prepared, prepare

from .result import Result, clip_sha256
from .settings import ConvertSettings

BASELINE_DISTANCE = 5.0
"""Distance at which the supporter of a baseline stands [m]: beyond reach, within the picture."""


class ConvertInterrupted(KeyboardInterrupt):
    """Somebody pressed Ctrl-C; `result` holds what was simulated until then."""

    def __init__(self, result: Result) -> None:
        super().__init__("interrupted")
        self.result = result


def convert(
    clip: InteractionClip,
    settings: ConvertSettings | None = None,
    *,
    on_progress: OnProgress = ignore_progress,
    on_motion: OnMotion | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Turn a clip into its physically simulated twin.

    Args:
        clip: The clip as read.
        settings: All choices.
        on_progress: Told how far it is; what it raises ends the work.
        on_motion: Offered the motion as far as it is simulated.
        notes: What reading found out; passed on into the result.

    Returns:
        The result, a success or not: `scores` says which.

    Raises:
        AssistMimicError: the clip and the settings do not fit each other.
        SimulationDiverged: the clip's first frame cannot be simulated.
        ConvertInterrupted: on Ctrl-C, once there is something to keep, also while it is measured; before that, plain
            KeyboardInterrupt.
    """
    settings, started = settings or ConvertSettings(), time.perf_counter()
    check_engine(settings.engine)
    on_progress(Progress("prepare"))
    prepared = prepare(clip, settings.prepare)
    if settings.remove_supporter:
        prepared = replace(prepared, clip=without_supporter(prepared.clip))
    pair = pair_of(prepared.clip, settings)
    holds = input_holds(clip, settings.prepare.grips)
    judge = Judge(prepared.clip, pair, holds, settings.criteria, settings.judged)
    whole = True
    try:
        outcome = run_strategies(
            prepared.clip,
            pair,
            _control_settings(settings, settings.origin_sha256 or clip_sha256(clip)),
            lambda name, done, of: on_progress(Progress(name, done, of)),
            on_motion,
            judge,
        )
    except ControlInterrupted as stop:
        outcome, whole = stop.outcome, False
        if outcome.recording.time[-1] < 1.5 / clip.fps:  # a clip has at least two frames
            raise
    seconds, interrupted = time.perf_counter() - started, not whole
    try:
        on_progress(Progress("measure"))
        result = _result(clip, prepared, judge, outcome, settings, notes, seconds, whole=whole)
    except KeyboardInterrupt:  # what is simulated is not lost any more
        result = _result(clip, prepared, judge, outcome, settings, notes, seconds, whole=whole)
        interrupted = True
    if interrupted:
        raise ConvertInterrupted(result)
    return result


def pair_of(clip: InteractionClip, settings: ConvertSettings) -> PairBody:
    """Return the bodies a clip's people get."""
    supporter, recipient = settings.strengths
    return PairBody.from_clip(
        clip, hands=settings.hands, supporter=supporter, recipient=recipient, grip_force=settings.grip_force
    )


def _control_settings(settings: ConvertSettings, sha256: str) -> ControlSettings:
    return ControlSettings(
        controller=settings.controller.value,
        quality=settings.quality.value,
        seed=settings.seed,
        threads=settings.threads,
        judged=settings.judged,
        policy=settings.policy,
        sha256=sha256,
        prepare=settings.prepare,
        engine=settings.engine,
    )


def _result(
    clip: InteractionClip,
    prepared: Prepared,
    judge: Judge,
    outcome: FallbackResult,
    settings: ConvertSettings,
    notes: Sequence[str],
    seconds: float,
    *,
    whole: bool,
) -> Result:
    """Return what the outcome amounts to; cut to what was simulated where it was not `whole`."""
    simulated, recording = recording_to_clip(outcome.recording, prepared.clip), outcome.recording
    asked = prepared.clip
    if not whole:
        frames = slice(0, int(np.floor(recording.time[-1] * clip.fps + 1e-6)) + 1)
        clip, asked, simulated = (slice_clip(c, frames) for c in (clip, asked, simulated))
        judge = replace(judge, prepared=asked)
    surfaces = ClipSurfaces.of(simulated, judge.pair)
    remarks = [*notes, *clip.warnings(), *prepared.report.warnings, *outcome.notes]
    if whole and recording.time[-1] < clip.duration - 0.5 / clip.fps:
        remarks.append(
            f"the simulation ended at {recording.time[-1]:.2f} s of {clip.duration:.2f} s; "
            "from there on the last pose is held"
        )
    return Result(
        input_clip=clip,
        prepared_clip=asked,
        simulated_clip=simulated,
        recording=until_end(recording, asked),
        pair=judge.pair,
        controller=outcome.controller,
        policy=outcome.policy,
        policy_sha256=outcome.policy_sha256,
        attempts=outcome.attempts,
        surfaces=surfaces,
        scores=measure_judged(judge, clip, simulated, recording, complete=whole, output=surfaces),
        report=prepared.report,
        settings=settings,
        seconds=seconds,
        complete=whole,
        notes=tuple(remarks),
    )


def without_supporter(clip: InteractionClip) -> InteractionClip:
    """Return the clip with its supporter standing still out of reach, nobody gripping.

    What the help is worth is the rest.
    """
    away = clip.joints[0, 0, 0, :2] - clip.joints[0, 1, 0, :2]
    length = float(np.linalg.norm(away))
    away = away / length if length > 1e-6 else np.array([1.0, 0.0])
    place = clip.joints[0, 1, 0, :2] + BASELINE_DISTANCE * away
    grips = np.zeros((clip.n_frames, 2, 2))
    return replace(clip, supporter=_standing(clip.supporter, place, away), grips=grips)


def _standing(motion: SmplxMotion, place: np.ndarray, facing: np.ndarray) -> SmplxMotion:
    """Return a person standing still with the arms down.

    Place and direction of looking are on the floor [m], each shape (2,).
    """
    frames, rest = motion.n_frames, motion.skeleton.rest_joints[0]
    upright = quat_from_rotvec(np.array([np.pi / 2, 0, 0]))  # looks along -Y
    turn = quat_from_rotvec(np.array([0, 0, np.arctan2(facing[1], facing[0]) + np.pi / 2]))
    pose = np.zeros((frames, 21, 3))
    pose[:, 15, 2], pose[:, 16, 2] = -1.2, 1.2
    trans = np.array([*(place - rest[:2]), rest[1] - motion.skeleton.sole_height - rest[2]])
    return replace(
        motion,
        trans=np.tile(trans, (frames, 1)),
        root_orient=np.tile(rotvec_from_quat(quat_mul(turn, upright)), (frames, 1)),
        pose_body=pose.reshape(frames, 63),
    )
