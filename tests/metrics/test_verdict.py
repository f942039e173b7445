"""The verdict on hand-made recordings: what fails, in which words, and what is not asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from helpers.measure_cases import FPS, apart, moved, recording_of

from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.skeleton import joint
from controller_server.core.errors import AssistMimicError
from controller_server.metrics.balance import capture_point
from controller_server.metrics.criteria import Criteria, Criterion, at_least, at_most, nothing_to_judge
from controller_server.metrics.motion_criteria import off_with_slack
from controller_server.metrics.verdict import Judge, Verdict
from controller_server.physics.recording import TOUCH_FLOOR, Recording

FRAMES = 31
CLIP = apart(FRAMES)
PAIR = PairBody.from_clip(CLIP)
JUDGE = Judge(CLIP, PAIR)


def found(verdict: Verdict, name: str) -> Criterion:
    """One criterion of a verdict."""
    return next(criterion for criterion in verdict.criteria if criterion.name == name)


def judged(clip: InteractionClip, **recorded) -> Verdict:
    """The verdict on people who do what another clip has."""
    return JUDGE(recording_of(clip, PAIR, **recorded))


def bent(joint_name: str, angle: float, frames: slice) -> InteractionClip:
    """The still clip with a joint of the recipient turned about the model's z for some frames [rad]."""
    pose = np.zeros((FRAMES, 21, 3))
    pose[frames, joint(joint_name) - 1, 2] = angle
    return replace(CLIP, recipient=replace(CLIP.recipient, pose_body=pose.reshape(FRAMES, 63)))


def test_a_perfect_copy_is_a_success():
    """Every criterion kept, the score near 2, nothing to be said."""
    verdict = judged(CLIP, until=2.0)
    assert verdict.success and verdict.success_tracking and verdict.success_paper and not verdict.assisted
    assert verdict.failed == () and not verdict.ends_in_motion
    assert 1 < verdict.score <= 2
    assert found(verdict, "stays_up").value == pytest.approx(0)


def test_a_raised_arm_is_named():
    """The recipient's right arm 0.9 rad up for half a second: wrist off, the older measure sees nothing."""
    verdict = judged(bent("right_shoulder", 0.9, slice(10, 25)))
    assert verdict.success_tracking and not verdict.success
    limbs = found(verdict, "limbs")
    assert not limbs.passed and limbs.person == 1 and limbs.time_s is not None and 10 <= FPS * limbs.time_s < 25
    assert limbs.sentence.startswith("recipient's right wrist 0.4")
    assert verdict.failed[0].name == "limbs" and 0 < verdict.score < 1


def test_a_turned_head_is_named():
    """A head turned by 0.8 rad is 46 degrees off, and nowhere else."""
    verdict = judged(bent("neck", 0.8, slice(5, 20)))
    turned = found(verdict, "head_turn")
    assert not turned.passed and turned.value == pytest.approx(np.degrees(0.8), abs=1)
    assert "recipient's head turned 46° off" in turned.sentence
    assert found(verdict, "limbs").passed


def test_being_late_by_two_frames_is_forgiven():
    """A point that is two frames late is not off; three frames late is."""
    track = np.zeros((20, 1, 3))
    track[10:, 0, 0] = 1.0
    late = [np.concatenate([np.repeat(track[:1], k, axis=0), track[:-k]]) for k in (2, 3)]
    assert off_with_slack(late[0], track, 2).max() == 0
    assert off_with_slack(late[1], track, 2).max() == 1


def test_a_fall_that_begins_at_the_end():
    """People who drift away at 0.6 m/s in the last 0.2 s are near the clip still, and about to fall."""
    drift = np.zeros((FRAMES, 3))
    drift[-6:, 0] = 0.6 * np.arange(1, 7) / FPS
    verdict = judged(moved(CLIP, drift))
    assert found(verdict, "joints").passed and not found(verdict, "not_falling").passed
    assert "balance" in found(verdict, "not_falling").sentence


def test_the_capture_point_of_a_steady_motion():
    """com + velocity * sqrt(height / g)."""
    time = np.arange(13) / 120
    com = np.array([0.0, 0.0, 0.981]) + time[:, None] * [0.5, 0, 0]
    assert capture_point(com, time)[0] == pytest.approx(0.5 * 0.05 + 0.5 * np.sqrt(0.1), abs=1e-6)


def test_beyond_the_end():
    """A fall after the end of a clip that ends at rest is seen; of one that ends in motion nothing is asked."""
    recording = recording_of(CLIP, PAIR, until=1.7)
    after = np.maximum(recording.time - 1.0, 0)
    fallen = replace(recording, positions=recording.positions + after[:, None, None, None] * [0.5, 0, 0])
    verdict = JUDGE(fallen)
    assert [criterion.name for criterion in verdict.failed] == ["stays_up"]
    assert "0.35 m off 0.7 s after the end" in verdict.failed[0].sentence
    assert JUDGE(recording_of(CLIP, PAIR)).success  # not simulated beyond it: nothing to judge
    walking = moved(CLIP, np.linspace(0, 1, FRAMES)[:, None] * [1.0, 0, 0])
    going = Judge(walking, PAIR)(recording_of(walking, PAIR, until=1.7))
    assert going.ends_in_motion and found(going, "stays_up").value is None and going.success


def loaded(values: np.ndarray) -> Recording:
    """Both people standing still, their load on the floor over time in body weights, shape (S,)."""
    recording = recording_of(CLIP, PAIR)
    forces = recording.forces.copy()
    forces[..., TOUCH_FLOOR, 2] *= values[:, None, None]
    return replace(recording, forces=forces)


def test_bouncing_is_seen():
    """Nothing on the floor for 0.1 s, three times the weight for 0.05 s, two feet down twice."""
    time = recording_of(CLIP, PAIR).time
    load = np.where((time > 0.33) & (time < 0.43), 0.0, np.where((time > 0.43) & (time < 0.48), 3.0, 1.0))
    verdict = JUDGE(loaded(load))
    assert {"airborne", "floor_force", "touchdowns"} == {criterion.name for criterion in verdict.failed}
    assert found(verdict, "touchdowns").value == pytest.approx(2.0)
    assert found(verdict, "airborne").value == pytest.approx(0.07, abs=0.02)


def test_settling_at_the_start_is_no_jump():
    """Nothing on the floor in the first two steps: nobody sees that."""
    load = np.ones(len(recording_of(CLIP, PAIR).time))
    load[:3] = 0.0
    assert found(JUDGE(loaded(load)), "airborne").passed


def test_who_jumps_in_the_clip_may_jump():
    """In the air where the prepared clip is: no criterion fails for that."""
    up = np.zeros((FRAMES, 3))
    up[8:20, 2] = 0.3
    jump = moved(CLIP, up)
    recording = recording_of(jump, PAIR)
    forces = recording.forces.copy()
    forces[(recording.time > 0.29) & (recording.time < 0.64), ..., TOUCH_FLOOR, 2] = 0.0
    verdict = Judge(jump, PAIR)(replace(recording, forces=forces))
    assert found(verdict, "airborne").passed and found(verdict, "touchdowns").passed


def test_any_help_is_no_success():
    """The smallest outside force fails a clip that is perfect otherwise, and more of it scores less."""
    little, more = judged(CLIP, wrench=1.0), judged(CLIP, wrench=60.0)
    for verdict in (little, more):
        assert verdict.assisted and verdict.success_tracking
        assert [criterion.name for criterion in verdict.failed] == ["outside_help"]
    assert 1 > little.score > more.score > 0
    assert "held the recipient" in more.failed[0].sentence


def test_a_lost_clip_scores_by_how_long_it_was_followed():
    """Broken off at 0.3 and at 0.6 s: both below zero, the longer one above."""
    short, longer = judged(CLIP, until=0.3), judged(CLIP, until=0.6)
    assert -1 < short.score < longer.score < 0
    assert not short.success_tracking and "broke off at 0.3 s of 1.0 s" in found(short, "to_the_end").sentence


def test_only_the_judged_count():
    """The supporter may be anywhere when the recipient alone is judged."""
    strayed = replace(CLIP, supporter=replace(CLIP.supporter, trans=CLIP.supporter.trans + [1.0, 0, 0]))
    recording = recording_of(strayed, PAIR)
    assert not JUDGE(recording).success and Judge(CLIP, PAIR, judged=(1,))(recording).success


def test_step_zero_does_not_count():
    """Forces at time zero belong to nobody's step."""
    recording = recording_of(CLIP, PAIR)
    forces = recording.forces.copy()
    forces[0] *= 100
    assert JUDGE(replace(recording, forces=forces)).success


def test_other_limits():
    """Limits are settings that are checked, and those that differ are known."""
    assert Criteria().changed == {}
    assert Criteria(max_slip_m=0.1).changed == {"max_slip_m": 0.1}
    strict = Judge(CLIP, PAIR, limits=Criteria(max_joint_error_m=0.05))
    assert not strict(recording_of(moved(CLIP, np.array([0.08, 0, 0])), PAIR)).success
    wrongs: list[dict[str, Any]] = [{"max_slip_m": -1.0}, {"min_contacts_kept": 1.2}, {"max_slip_m": float("nan")}]
    for wrong in wrongs:
        with pytest.raises(AssistMimicError, match="outside"):
            Criteria(**wrong)


def test_how_much_of_an_allowance_is_used():
    """Between 0 and 3, whichever way the limit goes; where nothing is allowed, anything is too much."""
    assert at_most("a", 0.5, 1.0, "m", "").use == pytest.approx(0.5)
    assert at_most("a", 9.0, 1.0, "m", "").use == 3
    assert at_least("a", 0.9, 0.8, "", "").use == pytest.approx(0.5)
    assert at_most("a", 0.0, 0.0, "m", "").use == 0 and at_most("a", 0.01, 0.0, "m", "").use > 1
    assert nothing_to_judge("a", 1.0, "m", "").use == 0
    assert at_most("a", 2.0, 1.5, "m", "").allowed == "1.5 m allowed"
    assert at_least("a", 0.5, 0.8, "", "").allowed == "80 % asked"
