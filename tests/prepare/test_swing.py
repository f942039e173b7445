"""Stepping feet: lifted where they glide over the floor, left alone where they stand or are high enough."""

from __future__ import annotations

import numpy as np
from helpers.paths import ROOT
from helpers.prepare_clips import standing_clip

from controller_server.clip.interaction import InteractionClip
from controller_server.clip.io.npz import read_npz
from controller_server.clip.rotation import quat_conj, quat_mul, rotvec_from_quat
from controller_server.core.time_series import smoothstep
from controller_server.prepare import prepare
from controller_server.prepare.feet import plant_feet
from controller_server.prepare.legs import ANKLE, TOE, place_foot
from controller_server.prepare.poses import PairPoses
from controller_server.prepare.soles import foot_shapes, sole_corners
from controller_server.prepare.stance import find_bearing
from controller_server.prepare.swing import lift_swings

FRAMES = 60
MIDDLE = 30


def stepping(clearance: float, way: float = 0.16) -> InteractionClip:
    """Two people with planted feet, the supporter's left one going aside within 0.6 s, so high above the floor [m]."""
    clip = standing_clip(seconds=2.0, sway=0.0)
    poses = PairPoses.of(clip)
    along = (np.arange(poses.n_frames) - MIDDLE + 9) / 18
    ankle = poses.positions[:, 0, ANKLE[0]].copy()
    ankle[:, 0] += way * smoothstep(along)
    ankle[:, 2] += clearance * 4 * np.clip(along, 0, 1) * (1 - np.clip(along, 0, 1))
    poses = place_foot(poses, 0, 0, ankle, poses.world[1][:, 0, ANKLE[0]], poses.quats[:, 0, TOE[0]])
    return plant_feet(poses.to_clip(clip))


def heights(clip: InteractionClip, side: int) -> np.ndarray:
    """Lowest corner of one of the supporter's feet [m], shape (T,)."""
    return sole_corners(PairPoses.of(clip), 0, side, foot_shapes(clip)[0][side])[..., 2].min(axis=1)


def test_gliding_foot_is_lifted():
    """Lift a foot that passes 5 mm over the floor by 4 cm and more, while it stands and the other foot not at all."""
    clip = stepping(0.005)
    lifted = lift_swings(clip)
    assert heights(clip, 0).max() < 0.01
    assert heights(lifted, 0).max() > 0.04
    stands = find_bearing(PairPoses.of(clip), foot_shapes(clip))[0][0].mask(clip.n_frames)
    assert 30 < stands.sum() < clip.n_frames
    np.testing.assert_allclose(heights(lifted, 0)[stands], heights(clip, 0)[stands], atol=1e-4)
    np.testing.assert_allclose(heights(lifted, 1), heights(clip, 1), atol=1e-4)


def test_short_step_is_lifted_less():
    """Lift a foot that moves 6 cm less than one that moves 16 cm."""
    rises = [(heights(lift_swings(c), 0) - heights(c, 0)).max() for c in (stepping(0.005, 0.06), stepping(0.005))]
    assert rises[0] < 0.8 * rises[1]


def test_high_step_stays():
    """Leave a foot alone that clears the floor by 12 cm."""
    clip = stepping(0.12)
    assert np.abs(heights(lift_swings(clip), 0) - heights(clip, 0))[MIDDLE] < 0.002


def test_twice_is_once():
    """Change next to nothing the second time."""
    once = lift_swings(stepping(0.005))
    twice = lift_swings(once)
    assert np.abs(heights(twice, 0) - heights(once, 0)).max() < 0.012


def test_swings_are_smooth():
    """Put less than 4 % of the joints' speed above 5 Hz into an example walk (an abrupt lift put in 10 %)."""
    clip = prepare(read_npz(ROOT / "assets" / "clips" / "walk_arm_in_arm.npz")).clip
    poses = PairPoses.of(clip)
    turns = rotvec_from_quat(quat_mul(quat_conj(poses.quats[:-1]), poses.quats[1:]))
    power = np.abs(np.fft.rfft((turns - turns.mean(axis=0)) * np.hanning(len(turns))[:, None, None, None], axis=0)) ** 2
    fast = np.fft.rfftfreq(len(turns), 1 / clip.fps) > 5
    assert power[fast].sum() < 0.04 * power.sum()
