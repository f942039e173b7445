"""Feet: when they bear, which way they point, and that a step still rolls."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.paths import ROOT
from helpers.prepare_clips import FPS, feet_rolled, raised, skating, standing_clip, walking_clip

from controller_server.benchmarks.dirt import make_dirty
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.io.npz import read_npz
from controller_server.clip.rotation import quat_conj, quat_from_rotvec, quat_mul, rotvec_from_quat
from controller_server.core.bundled import CLIPS
from controller_server.prepare import prepare
from controller_server.prepare.feet import plant_feet
from controller_server.prepare.legs import ANKLE, TOE, keep_feet, place_foot
from controller_server.prepare.poses import PairPoses
from controller_server.prepare.smoothing import smooth
from controller_server.prepare.soles import foot_angles, foot_quat, foot_shapes, sole_corners
from controller_server.prepare.stance import find_bearing, foot_skate


def soles(clip: InteractionClip, person: int, side: int) -> np.ndarray:
    """Corners in the world, shape (T, 8, 3)."""
    return sole_corners(PairPoses.of(clip), person, side, foot_shapes(clip)[person][side])


def pitch_deg(clip: InteractionClip, person: int, side: int) -> np.ndarray:
    """Toes up positive, shape (T,)."""
    quat = PairPoses.of(clip).world[1][:, person, ANKLE[side]]
    return np.degrees(foot_angles(quat, foot_shapes(clip)[person][side])[1])


def test_angles_and_rotation_agree():
    """Read back yaw and pitch from the rotation made of them, with no roll."""
    foot = foot_shapes(standing_clip(seconds=0.1))[0][0]
    yaw, pitch = np.linspace(-2, 2, 9), np.linspace(-1.2, 0.6, 9)
    found = foot_angles(foot_quat(yaw, pitch, foot), foot)
    assert np.allclose(found[0], yaw) and np.allclose(found[1], pitch) and np.allclose(found[2], 0)


def test_standing_feet_bear_and_swinging_feet_do_not():
    """Find both feet of who stands bearing always, and of who steps not while the foot is in the air."""
    clip = walking_clip()
    bearing = find_bearing(PairPoses.of(clip), foot_shapes(clip))
    assert bearing[1][0].mask(clip.n_frames).all() and bearing[1][1].mask(clip.n_frames).all()
    left = bearing[0][0].mask(clip.n_frames)
    assert not left[33:40].any()  # the left foot swings from 1.0 to 1.4 s
    assert left[:28].all() and left[45:].all()


def test_feet_off_the_floor_do_not_bear():
    """Leave alone somebody whose feet are half a metre up, as on a bed."""
    clip = raised(standing_clip(seconds=1.0), 0, 0.5)
    planted = plant_feet(clip)
    assert np.allclose(planted.joints[:, 0], clip.joints[:, 0], atol=1e-9)


def test_feet_of_who_lies_do_not_bear():
    """Leave feet alone whose soles are upright, heels on the floor."""
    clip = standing_clip(seconds=1.0, apart=3.0)
    poses = PairPoses.of(clip)
    quats, roots = poses.quats.copy(), poses.roots.copy()
    quats[:, 1, 0], roots[:, 1, 2] = (1, 0, 0, 0), 0.12
    lying = poses.with_changes(quats=quats, roots=roots).to_clip(clip)
    bearing = find_bearing(PairPoses.of(lying), foot_shapes(clip))
    assert bearing[1][0].runs == [] and bearing[1][1].runs == []
    assert np.allclose(plant_feet(lying).joints[:, 1], lying.joints[:, 1], atol=1e-9)


def test_each_person_has_their_own_shift():
    """Lower one by 6 cm and raise the other by 3 cm, each as a whole."""
    clip = raised(raised(standing_clip(scale=0.85), 0, 0.06), 1, -0.03)
    moved = (plant_feet(clip).joints - clip.joints)[:, :, :22]
    assert np.allclose(moved[:, 0], (0, 0, -0.06), atol=2e-3)
    assert np.allclose(moved[:, 1], (0, 0, 0.03), atol=2e-3)


def test_sole_lies_on_the_floor():
    """Bring all eight corners of a rolled, pitched, floating foot to the floor."""
    clip = feet_rolled(raised(standing_clip(seconds=1.0), 1, 0.02), 1, 12.0)
    planted = plant_feet(clip)
    for side in range(2):
        assert np.abs(soles(planted, 1, side)[..., 2]).max() < 1e-3


def test_step_still_rolls():
    """Keep heel-off and heel strike of a step, on the floor and without sliding, while the rest stands flat."""
    clip = walking_clip()
    planted = plant_feet(clip)
    before, after = pitch_deg(clip, 0, 0), pitch_deg(planted, 0, 0)
    assert after.min() == pytest.approx(before.min(), abs=2)
    assert after.max() == pytest.approx(before.max(), abs=2)
    assert np.abs(after[:15]).max() < 0.1
    bearing = find_bearing(PairPoses.of(planted), foot_shapes(clip))
    mask = bearing[0][0].mask(clip.n_frames)
    assert np.abs(soles(planted, 0, 0)[mask][..., 2].min(axis=1)).max() < 2e-3
    assert foot_skate(PairPoses.of(planted), foot_shapes(clip), bearing)[0] < 0.01


def test_small_pitch_is_no_step():
    """Stand a foot flat that is captured 6 degrees toes down."""
    clip = standing_clip(seconds=1.0)
    poses, shapes = PairPoses.of(clip), foot_shapes(clip)
    quats = poses.quats.copy()
    tilt = quat_from_rotvec(np.cross((0, 1.0, 0), shapes[0][0].forward) * np.radians(6))
    quats[:, 0, ANKLE[0]] = quat_mul(quats[:, 0, ANKLE[0]], tilt)
    tilted = poses.with_changes(quats=quats).to_clip(clip)
    assert np.abs(pitch_deg(tilted, 0, 0)).mean() == pytest.approx(6, abs=0.1)
    assert np.abs(pitch_deg(plant_feet(tilted), 0, 0)).max() < 0.1


def test_long_way_is_several_stands():
    """Cut a foot that creeps 40 cm in 4 s into stands of its own instead of pulling it all back."""
    clip = skating(standing_clip(seconds=4.0), 0, 0.1)
    poses, shapes = PairPoses.of(clip), foot_shapes(clip)
    runs = find_bearing(poses, shapes)[0][0].runs
    assert len(runs) >= 2
    planted = plant_feet(clip)
    moved = np.linalg.norm((planted.joints - clip.joints)[:, 0, ANKLE[0]], axis=-1)
    assert moved.max() < 0.12
    still = foot_skate(PairPoses.of(planted), shapes, find_bearing(poses, shapes))
    assert still[0] < 0.005


def test_pelvis_comes_down_where_a_leg_is_too_short():
    """Lower the pelvis a little when pinned feet are out of reach, instead of lifting a foot off the floor."""
    clip = standing_clip(seconds=2.0, sway=0.0)
    poses = PairPoses.of(clip)
    rise = 0.05 * np.sin(np.pi * np.clip((np.arange(poses.n_frames) / poses.fps - 0.7) / 0.6, 0, 1)) ** 2
    roots = poses.roots.copy()
    roots[:, 0, 2] += rise
    stretched = keep_feet(poses.with_changes(roots=roots), poses).to_clip(clip)
    assert soles(stretched, 0, 0)[..., 2].min(axis=1).max() > 0.01
    planted = plant_feet(stretched)
    assert np.abs(soles(planted, 0, 0)[..., 2]).max() < 1e-3
    lowered = PairPoses.of(stretched).roots[:, 0, 2] - PairPoses.of(planted).roots[:, 0, 2]
    assert 0.01 < lowered.max() < 0.05
    assert np.abs(lowered[:10]).max() < 1e-3


@pytest.mark.skipif("ASSISTMIMIC_DATA" not in os.environ, reason="ASSISTMIMIC_DATA is not set")
def test_captured_walk_still_rolls():
    """Prepare the feet of a captured walk: toe-off beyond 45 degrees survives, soles on the floor, hardly sliding."""
    from controller_server.clip.io.bvh_clip import read_bvh_pair

    path = Path(os.environ["ASSISTMIMIC_DATA"]) / "cmu_single_person" / "002_01.bvh"
    clip = read_bvh_pair(path, path).clip
    aside = replace(clip.recipient, trans=clip.recipient.trans + np.array([0, 3.0, 0]))
    clip = replace(clip, recipient=aside)
    planted = plant_feet(clip)
    shapes = foot_shapes(clip)
    assert pitch_deg(planted, 0, 0).min() < -45
    bearing = find_bearing(PairPoses.of(clip), shapes)
    assert sum(len(b.runs) for b in bearing[0]) >= 5
    before = foot_skate(PairPoses.of(clip), shapes, bearing)[0]
    after = foot_skate(PairPoses.of(planted), shapes, bearing)[0]
    assert before > 0.05
    assert after < 0.5 * before
    for side in range(2):
        mask = bearing[0][side].mask(clip.n_frames)
        assert np.abs(soles(planted, 0, side)[mask][..., 2].min(axis=1)).mean() < 3e-3


def test_foot_lands_without_sliding():
    """Let no walking foot touch down at more than 5 cm/s along the floor or 15 cm/s down onto it."""
    clip = prepare(read_npz(ROOT / "assets" / "clips" / "walk_arm_in_arm.npz")).clip
    poses, shapes = PairPoses.of(clip), foot_shapes(clip)
    landings = 0
    for person, feet in enumerate(find_bearing(poses, shapes)):
        for side, bearing in enumerate(feet):
            corners = sole_corners(poses, person, side, shapes[person][side])
            place, lowest = corners.mean(axis=1)[:, :2], corners[..., 2].min(axis=1)
            for start, _ in bearing.runs:
                last = slice(start - 2, start + 1)
                if start >= 2:
                    landings += 1
                    assert np.linalg.norm(np.diff(place[last], axis=0), axis=-1).max() * clip.fps < 0.05
                    assert -np.diff(lowest[last]).min() * clip.fps < 0.155
    assert landings > 8


def test_correction_fades_over_half_a_second():
    """Level a foot that rolls by 12 degrees while it stands; once it is in the air let the roll come back calmly."""
    clip = standing_clip(seconds=3.0, sway=0.0)
    poses = PairPoses.of(clip)
    rise = 0.2 * np.clip((np.arange(clip.n_frames) / FPS - 1.0) / 0.2, 0, 1)
    ankle = poses.positions[:, 0, ANKLE[0]] + rise[:, None] * np.array([0.0, 0, 1])
    turn, toe = poses.world[1][:, 0, ANKLE[0]], poses.quats[:, 0, TOE[0]]
    rolled = feet_rolled(place_foot(poses, 0, 0, ankle, turn, toe).to_clip(clip), 0, 12)
    end = find_bearing(PairPoses.of(rolled), foot_shapes(rolled))[0][0].runs[-1][1]
    before, after = (PairPoses.of(c).world[1][:, 0, ANKLE[0]] for c in (rolled, plant_feet(rolled)))
    levelled = np.degrees(np.linalg.norm(rotvec_from_quat(quat_mul(after, quat_conj(before))), axis=-1))
    assert levelled[end - 5] == pytest.approx(12, abs=0.5)
    assert 3 < levelled[end + round(0.25 * FPS)] < 9 and levelled[end + round(0.55 * FPS)] < 0.1
    assert np.abs(np.diff(levelled)).max() * FPS < 50


def test_feet_that_noise_alone_lifts_stand():
    """Keep feet that never step where they are through 4 degrees of noise, which lifts them by centimetres."""
    clip = read_npz(CLIPS / "lift_under_arms.npz")
    rough = make_dirty(clip, "jitter_4deg").clip
    calm = smooth(PairPoses.of(rough), cutoff_hz=2.5).to_clip(rough)
    speed = np.linalg.norm(np.gradient(plant_feet(calm).joints[:, :, ANKLE], axis=0), axis=-1) * clip.fps
    assert (speed > 0.05).mean() < 0.02
    assert (np.linalg.norm(np.gradient(calm.joints[:, :, ANKLE], axis=0), axis=-1) * clip.fps > 0.05).mean() > 0.5


def test_a_steady_foot_that_is_lifted_is_lifted():
    """Keep two stands of a foot that goes up by 7 cm and comes down where it was, in a clip without noise."""
    clip = standing_clip(seconds=2.0)
    poses = PairPoses.of(clip)
    positions, quats = poses.world
    up = 0.07 * np.clip(1 - np.abs(np.arange(clip.n_frames) / FPS - 1.0) / 0.3, 0, 1)
    ankle = positions[:, 0, ANKLE[0]] + up[:, None] * np.array([0.0, 0, 1])
    lifted = place_foot(poses, 0, 0, ankle, quats[:, 0, ANKLE[0]], poses.quats[:, 0, TOE[0]])
    assert [len(foot.runs) for foot in find_bearing(lifted, foot_shapes(clip))[0]] == [2, 1]
