"""Preparing as a whole: each damage is mended by its step and by no other, good clips stay as they are."""

import json
import time

import numpy as np
import pytest
from helpers.paths import ROOT
from helpers.prepare_clips import (
    feet_rolled,
    floating,
    jumping_off,
    raised,
    reaching_clip,
    seated_clip,
    skating,
    standing_clip,
    walking_clip,
)

from controller_server.clip.io.npz import read_npz
from controller_server.clip.skeleton import joint
from controller_server.core.errors import AssistMimicError
from controller_server.prepare import GripMode, PrepareReport, PrepareSettings, prepare

EXAMPLES = ROOT / "assets" / "clips"
OFF = PrepareSettings(
    smooth=False, ground=False, feet=False, swing=False, place=False, contacts=False, depenetrate=False
)


def both(clip, **switched_off) -> tuple[PrepareReport, PrepareReport]:
    """Reports with every step on, and with one off."""
    return prepare(clip).report, prepare(clip, PrepareSettings(**switched_off)).report


def test_raised_person_comes_down_alone():
    """Put a person who floats 5 cm onto the floor and leave the other one alone."""
    on, off = both(raised(standing_clip(scale=0.9), 1, 0.05), ground=False, feet=False)
    assert on.before.foot_height_mm[1] == pytest.approx(50, abs=0.5)
    assert on.after.foot_height_mm[1] < 1
    assert on.recipient.mean_mm == pytest.approx(50, abs=1)
    assert on.supporter.mean_mm < 0.5
    assert off.after.foot_height_mm[1] > 45


def test_slow_float_is_mended():
    """Bring people who float up and down by 6 cm within 4 s, each in their own phase, back to within 1 cm."""
    clean = standing_clip(seconds=4.0)
    dirty = floating(clean, 0.06)
    prepared = prepare(dirty)
    report = prepared.report
    off = np.linalg.norm(prepared.clip.joints - clean.joints, axis=-1)[:, :, :22]
    assert np.linalg.norm(dirty.joints - clean.joints, axis=-1).mean() > 0.03
    assert off.mean() < 0.003 and off.max() < 0.01
    assert max(report.before.unsupported_p90_n) > 100 > max(report.after.unsupported_p90_n)


def test_rolled_feet_stand_flat():
    """Level feet that roll by 15 degrees."""
    on, off = both(feet_rolled(standing_clip(), 0, 15.0), feet=False)
    assert on.before.foot_roll_deg[0] == pytest.approx(15, abs=0.1)
    assert on.after.foot_roll_deg[0] < 0.2
    assert on.after.foot_height_mm[0] < 1
    assert off.after.foot_roll_deg[0] > 14


def test_sliding_feet_stand_still():
    """Pin feet that slide at 5 cm/s."""
    on, off = both(skating(standing_clip(), 1, 0.05), feet=False)
    assert on.before.foot_skate_cm_s[1] == pytest.approx(5, abs=0.2)
    assert on.after.foot_skate_cm_s[1] < 0.2
    assert on.recipient.mean_mm < 15
    assert off.after.foot_skate_cm_s[1] > 4.5


def test_first_frame_does_not_jump():
    """Mend a spine that starts with 10 rad/s."""
    on, off = both(jumping_off(standing_clip(), 0, joint("spine2"), 10 / 30), smooth=False)
    assert on.before.first_joint_speed_rad_s[0] == pytest.approx(10, rel=0.01)
    assert on.after.first_joint_speed_rad_s[0] < 0.5
    assert off.after.first_joint_speed_rad_s[0] > 9


def test_pelvis_rests_on_its_seat():
    """Lift a pelvis out of its chair in every frame, the first included."""
    on, off = both(seated_clip(depth=0.02), depenetrate=False)
    assert on.before.first_frame_prop_mm > 19
    assert on.after.first_frame_prop_mm <= 1.05
    assert on.after.prop_mm <= 1.05
    assert on.after.foot_height_mm[1] < 1
    assert 15 < on.recipient.mean_mm < 30
    assert off.after.first_frame_prop_mm > 19


def test_hands_that_nearly_meet_touch():
    """Close 12 cm between two hands that move together, sharing the way."""
    clip = reaching_clip(gap=0.12)
    on, off = both(clip, contacts=False)
    assert len(on.holds) == 2
    for hold in on.holds:
        assert hold.gap_before_mm > 110
        assert -5 < hold.gap_after_mm < 2
    for hold in off.holds:
        assert hold.gap_after_mm > 110
    assert on.supporter.mean_mm < 15 and on.recipient.mean_mm < 15
    assert 0.5 < on.supporter.mean_mm / on.recipient.mean_mm < 2
    assert max(on.after.joint_speed_rad_s) < 12


@pytest.mark.parametrize("clip", [standing_clip(), seated_clip(), walking_clip()], ids=["stand", "sit", "walk"])
def test_good_clip_stays(clip):
    """Change a clip that has no fault by less than 5 mm on average."""
    report = prepare(clip).report
    assert report.supporter.mean_mm < 5
    assert report.recipient.mean_mm < 5
    assert not report.warnings


@pytest.mark.parametrize("name", ["pull_up", "walk_arm_in_arm"])
def test_example_clip_stays(name):
    """Change an example clip, posed with care, by less than 2 mm on average, and find its holds."""
    report = prepare(read_npz(EXAMPLES / f"{name}.npz")).report
    assert report.supporter.mean_mm < 2 and report.recipient.mean_mm < 2
    assert len(report.holds) >= 2
    assert all(-5 < hold.gap_after_mm < 2 for hold in report.holds)
    assert max(report.after.floor_mm, report.after.prop_mm) < 2


@pytest.mark.parametrize(
    "clip",
    [
        raised(feet_rolled(standing_clip(), 1, 15.0), 1, 0.05),
        skating(standing_clip(), 0, 0.05),
        reaching_clip(gap=0.12, hold=(1.0, 2.0)),
        seated_clip(depth=0.02),
        walking_clip(),
    ],
    ids=["rolled", "sliding", "reaching", "seated", "walking"],
)
def test_preparing_twice_changes_nothing_more(clip):
    """Move a prepared clip by less than 2 mm on average."""
    again = prepare(prepare(clip).clip).report
    assert again.supporter.mean_mm < 2
    assert again.recipient.mean_mm < 2


def test_everything_off_changes_only_grips():
    """Leave the motion bit for bit when every step is off."""
    clip = reaching_clip(gap=0.12, seconds=1.0)
    prepared = prepare(clip, OFF)
    for before, after in zip(clip.people, prepared.clip.people, strict=True):
        assert np.array_equal(before[1].trans, after[1].trans)
        assert np.array_equal(before[1].pose_body, after[1].pose_body)
    assert prepared.report.steps == ()


def test_proportions_and_frames_are_kept():
    """Keep each person's own skeleton, frame count, rate and fingers."""
    clip = raised(standing_clip(scale=0.85), 0, 0.05)
    prepared = prepare(clip).clip
    assert prepared.fps == clip.fps and prepared.n_frames == clip.n_frames
    for before, after in zip(clip.people, prepared.people, strict=True):
        assert np.array_equal(before[1].skeleton.rest_joints, after[1].skeleton.rest_joints)
        assert np.array_equal(before[1].pose[:, 21:], after[1].pose[:, 21:])
    assert clip.supporter.skeleton.leg_length > 1.1 * clip.recipient.skeleton.leg_length


def test_preparing_is_deterministic():
    """Give the same numbers twice."""
    clip = reaching_clip(gap=0.12, seconds=1.5)
    first, second = prepare(clip).clip, prepare(clip).clip
    assert np.array_equal(first.joints, second.joints)


def test_report_is_plain_and_says_where():
    """Write a report as JSON and as lines, with the joint and frame of the largest change and a warning."""
    clip = raised(standing_clip(seconds=1.0), 0, 0.09)
    report = prepare(clip).report
    values = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert values["supporter"]["max_mm"] == pytest.approx(90, abs=2)
    assert [step["name"] for step in values["steps"]] == [
        "smooth",
        "ground",
        "feet",
        "swing",
        "place",
        "contacts",
        "depenetrate",
    ]
    text = "\n".join(report.lines())
    assert "supporter: moved 90 mm" in text and "frame" in text
    assert len(report.warnings) == 1 and "supporter" in report.warnings[0]
    assert report.warnings[0] in text


def test_clip_grips_without_grips_is_an_error():
    """Refuse `grips: clip` for a clip that has none, in one sentence."""
    with pytest.raises(AssistMimicError, match="grips: this clip has none"):
        prepare(standing_clip(seconds=1.0), PrepareSettings(grips=GripMode.CLIP))


def test_five_seconds_take_less_than_four():
    """Prepare five seconds of two people holding hands in well under four seconds of one core."""
    clip = skating(feet_rolled(reaching_clip(gap=0.12, seconds=5.0, hold=(0.0, 5.0)), 0, 10.0), 1, 0.02)
    start = time.process_time()
    prepare(clip)
    assert time.process_time() - start < 4
