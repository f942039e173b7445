"""Holds: who holds whom when, and surfaces that meet."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.prepare_clips import FPS, reach, reaching_clip, standing_clip

from controller_server.clip.interaction import InteractionClip
from controller_server.clip.skeleton import joint
from controller_server.prepare import GripMode, PrepareSettings, prepare
from controller_server.prepare.contacts import close_contacts, one_of_two
from controller_server.prepare.holds import Hold, find_holds, grips_of, palm_centres, palm_on_partner, resolve_mode
from controller_server.prepare.legs import ANKLE
from controller_server.prepare.poses import PairPoses
from controller_server.prepare.surfaces import Surfaces

WRIST, ELBOW, CHEST = joint("right_wrist"), joint("right_elbow"), joint("spine3")


def holds_of(clip: InteractionClip, mode: GripMode = GripMode.PROXIMITY) -> list[Hold]:
    """Holds of a clip as it stands."""
    return find_holds(clip, PairPoses.of(clip), Surfaces(clip), mode)


def gap(clip: InteractionClip, hold: Hold) -> np.ndarray:
    """Surface distance of a hold in every frame [m]."""
    near = Surfaces(clip).nearness(PairPoses.of(clip), hold.person, hold.side, (hold.joint,))
    return near.distance[:, hold.joint]


def grips_in(clip: InteractionClip) -> np.ndarray:
    """The grips a clip must have by now."""
    assert clip.grips is not None
    return clip.grips


def with_fingers(clip: InteractionClip, closed: np.ndarray) -> InteractionClip:
    """The supporter's right fingers bend by 1 rad where `closed` is 1, shape (T,)."""
    pose = np.zeros((clip.n_frames, 15, 3))
    pose[:, :12, 2] = closed[:, None]
    return replace(clip, supporter=replace(clip.supporter, right_hand_pose=pose.reshape(-1, 45)))


def test_hands_that_stay_together_hold():
    """Find both right hands holding each other while they are near and move together, and nothing else."""
    clip = reaching_clip(gap=0.10, hold=(1.0, 2.0))
    found = holds_of(clip)
    assert {(h.person, h.side, h.joint) for h in found} == {(0, 1, WRIST), (1, 1, WRIST)}
    for hold in found:
        assert abs(hold.run[0] - 1.0 * FPS) <= 6 and abs(hold.run[1] - 2.0 * FPS) <= 6


def test_hand_that_passes_by_does_not_hold():
    """Hold nothing where a hand sweeps past the partner's at 1 m/s."""
    clip = reaching_clip(gap=0.06, seconds=2.0, hold=(0, 2))
    time = np.arange(clip.n_frames) / FPS
    goal = np.stack([0.5 * np.sin(np.pi * (time - 1.0)), np.full_like(time, 0.2), np.full_like(time, 1.1)], axis=-1)
    assert holds_of(reach(clip, 0, 1, goal)) == []


def test_hanging_arms_do_not_hold():
    """Hold nothing where two people stand so close that their hanging arms almost touch."""
    clip = standing_clip(seconds=1.5, apart=0.22)
    near = Surfaces(clip).nearness(PairPoses.of(clip), 0, 0)
    assert near.distance.min() < 0.15
    assert holds_of(clip) == []


def test_grips_of_the_clip_come_first():
    """Take the clip's own grips over fingers and closeness, and give them back unchanged."""
    clip = reaching_clip(gap=0.10, hold=(0, 3))
    grips = np.zeros((clip.n_frames, 2, 2))
    grips[30:60, 0, 1] = 0.8
    clip = with_fingers(replace(clip, grips=grips), np.ones(clip.n_frames))
    assert resolve_mode(clip, GripMode.AUTO) is GripMode.CLIP
    found = holds_of(clip, GripMode.CLIP)
    assert [(h.person, h.side, h.joint, h.run) for h in found] == [(0, 1, WRIST, (30, 60))]
    assert np.array_equal(grips_in(prepare(clip).clip), grips)


def test_grip_far_from_anybody_holds_nobody():
    """Close no contact for a grip half a metre from the partner."""
    clip = standing_clip(seconds=1.0, apart=1.6)
    clip = replace(clip, grips=np.ones((clip.n_frames, 2, 2)))
    assert holds_of(clip, GripMode.CLIP) == []


def test_closed_fingers_hold():
    """Take the time of the hold from fingers that close and open near the partner."""
    clip = reaching_clip(gap=0.05, hold=(0, 3))
    closed = np.zeros(clip.n_frames)
    closed[20:70] = 1
    clip = with_fingers(clip, closed)
    assert resolve_mode(clip, GripMode.AUTO) is GripMode.FINGERS
    found = holds_of(clip, GripMode.FINGERS)
    assert [(h.person, h.side, h.run) for h in found] == [(0, 1, (20, 70))]
    assert resolve_mode(standing_clip(seconds=0.5), GripMode.AUTO) is GripMode.PROXIMITY


def test_grips_off_still_closes_contacts():
    """Give zero grips when they are off, and close the hands all the same."""
    prepared = prepare(reaching_clip(gap=0.1, seconds=1.5, hold=(0, 3)), PrepareSettings(grips=GripMode.OFF))
    assert not grips_in(prepared.clip).any()
    assert prepared.report.holds[0].gap_after_mm < 2


def test_prepared_clip_carries_grips():
    """Store what was found as 0 and 1 per frame, person and hand."""
    grips = grips_in(prepare(reaching_clip(gap=0.1, hold=(1.0, 2.0))).clip)
    assert grips[45].tolist() == [[0, 1], [0, 1]]
    assert not grips[0].any() and not grips[-1].any()
    assert np.array_equal(grips_of([Hold(1, 0, 3, (2, 4))], 5)[:, 1, 0], [0, 0, 1, 1, 0])


def test_gap_closes_through_the_hold_and_only_there():
    """Touch in every frame of a hold, come and go calmly, and leave frames more than a second away as they are."""
    clip = reaching_clip(gap=0.12, seconds=5.0, hold=(2.0, 3.0))
    found = holds_of(clip)
    closed = close_contacts(clip, found, Surfaces(clip))
    inside = gap(closed, found[0])[slice(*found[0].run)]
    assert inside.min() > -0.005 and inside.max() < 0.002
    moved = np.linalg.norm(closed.joints - clip.joints, axis=-1).max(axis=(1, 2))
    assert moved[:20].max() < 2e-3 and moved[-20:].max() < 2e-3
    change = np.diff(closed.joints - clip.joints, axis=0)[:, :, [ELBOW, WRIST]]
    assert np.linalg.norm(change, axis=-1).max() * FPS < 0.5


def test_hold_stays_on_one_spot():
    """Take out 4 cm of wandering of the palm on the partner's chest."""
    clip = standing_clip(seconds=2.0, apart=0.75, sway=0.0)
    time = np.arange(clip.n_frames) / FPS
    wander = 0.02 * np.sin(2 * np.pi * time)
    chest = clip.joints[:, 1, CHEST]
    clip = reach(clip, 0, 1, chest + np.stack([wander - 0.05, 0 * time + 0.33, wander + 0.05], axis=-1))
    found = [h for h in holds_of(clip) if h.person == 0 and h.side == 1]
    assert len(found) == 1
    closed = close_contacts(clip, found, Surfaces(clip))
    centre = palm_centres(clip)[0, 1]
    spots = [palm_on_partner(PairPoses.of(c), 0, 1, centre)[:, found[0].joint] for c in (clip, closed)]
    before, after = (np.sqrt(s.var(axis=0).sum()) for s in spots)
    assert before > 0.015
    assert after < 0.25 * before


def test_feet_and_far_joints_stay():
    """Move arms and a little trunk; keep feet exactly."""
    clip = reaching_clip(gap=0.12)
    closed = close_contacts(clip, holds_of(clip), Surfaces(clip))
    moved = np.linalg.norm(closed.joints - clip.joints, axis=-1).max(axis=0)[:, :22]
    assert moved[:, list(ANKLE)].max() < 1e-3
    assert moved[:, 0].max() < 0.03
    assert (moved[:, WRIST] > 0.04).all()


def test_clasped_hands_are_one_contact():
    """Merge two palms that hold each other, drop a palm on the arm of the hand that holds it, keep the rest."""
    left_elbow = joint("left_elbow")
    palm, back = Hold(0, 1, WRIST, (5, 20)), Hold(1, 1, WRIST, (3, 18))
    assert one_of_two([back, palm]) == [Hold(0, 1, WRIST, (3, 20))]
    assert one_of_two([Hold(1, 1, ELBOW, (0, 9)), palm]) == [palm]
    apart = [palm, Hold(1, 1, WRIST, (30, 40))]
    assert one_of_two(apart) == apart
    forearms = [Hold(0, 0, left_elbow, (0, 9)), Hold(1, 0, left_elbow, (0, 9))]
    assert one_of_two(forearms) == forearms


def test_short_touch_stays_short():
    """Close a touch of 0.4 s for no longer than that, and leave the hands alone 0.7 s before and after."""
    clip = reaching_clip(gap=0.05, seconds=2.6, hold=(1.1, 1.5))
    hold = holds_of(clip)[0]
    out = close_contacts(clip, [hold], Surfaces(clip))
    a, b = hold.run
    near = np.flatnonzero(gap(out, hold) < 0.003)
    assert 0.3 * FPS < b - a < 0.8 * FPS
    assert near[0] >= a - 2 and near[-1] <= b + 1
    moved = np.linalg.norm(out.joints - clip.joints, axis=-1)[:, :, :22].max(axis=(1, 2))
    far = round(0.7 * FPS)
    assert moved[: a - far].max() < 0.006 and moved[b + far :].max() < 0.006


def test_hand_that_changes_its_place_travels():
    """Hold two places of a chest, 15 cm apart, one after the other, and go between them about as fast as the clip."""
    clip = standing_clip(seconds=2.4, apart=0.7, sway=0.0)
    time = np.arange(clip.n_frames) / FPS
    across = 0.15 * np.clip((time - 0.95) / 0.5, 0, 1) - 0.1
    clip = reach(clip, 0, 1, np.stack([across, np.full_like(time, -0.02), np.full_like(time, 1.25)], axis=-1))
    hold = Hold(0, 1, CHEST, (0, clip.n_frames))
    assert gap(clip, hold).mean() > 0.01
    out = close_contacts(clip, [hold], Surfaces(clip))

    def way(c: InteractionClip) -> np.ndarray:
        return palm_on_partner(PairPoses.of(c), 0, 1, palm_centres(c)[0, 1])[:, CHEST]

    before, after = (np.linalg.norm(np.diff(way(c), axis=0), axis=-1).max() * FPS for c in (clip, out))
    assert np.abs(gap(out, hold)).max() < 0.01
    assert after < 1.2 * before + 0.5
    assert np.linalg.norm(way(out)[-8:].mean(axis=0) - way(out)[:8].mean(axis=0)) > 0.1
    assert max(np.ptp(way(out)[part], axis=0).max() for part in (slice(0, 20), slice(-20, None))) < 0.03


@pytest.mark.skipif("ASSISTMIMIC_DATA" not in os.environ, reason="ASSISTMIMIC_DATA is not set")
def test_captured_pull_up_is_held():
    """Prepare the captured pull-up: the recipient's right hand is held through the pull by both of the helper's."""
    from controller_server.clip.io.bvh_clip import read_bvh_pair

    folder = Path(os.environ["ASSISTMIMIC_DATA"]) / "cmu_22_02_pull_up"
    files = [folder / f"{name}_60fps_metres.bvh" for name in ("23_02_B_helper", "22_02_A_helped")]
    clip = read_bvh_pair(files[0], files[1]).clip
    prepared = prepare(clip)
    report = prepared.report
    during = [h for h in report.holds if h.role == "supporter" and h.start <= 60 and h.end >= 110]
    assert {h.side for h in during} == {"left", "right"}
    assert all(h.joint in ("right_wrist", "right_elbow") for h in during)
    assert max(h.gap_before_mm for h in during) > 40
    assert all(-5 < h.gap_after_mm < 2 for h in report.holds)
    assert not any(h.role == "recipient" and h.side == "left" for h in report.holds)
    assert report.supporter.mean_mm < 40 and report.recipient.mean_mm < 40
    assert max(report.after.joint_speed_rad_s) < 12.5
    assert max(report.after.foot_roll_deg) < 0.5 and max(report.after.foot_height_mm) < 1
    assert max(report.after.first_frame_floor_mm, report.after.first_frame_partner_mm) < 5
