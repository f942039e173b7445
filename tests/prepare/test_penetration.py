"""Penetration: out of floor, furniture and partner by little, smoothly, holds and feet kept."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest
from helpers.prepare_clips import FPS, raised, reach, reaching_clip, seated_clip, standing_clip

from controller_server.body.layout import PairLayout, clip_qpos
from controller_server.body.mjcf import compile_pair
from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip, Prop
from controller_server.clip.skeleton import joint
from controller_server.prepare.holds import Hold
from controller_server.prepare.legs import ANKLE
from controller_server.prepare.penetration import depenetrate
from controller_server.prepare.poses import PairPoses
from controller_server.prepare.self_penetration import own_overlaps
from controller_server.prepare.soles import foot_shapes
from controller_server.prepare.stance import find_bearing
from controller_server.prepare.surfaces import ON_FLOOR, ON_PROP, Surfaces

CHEST, WRIST = joint("spine3"), joint("right_wrist")


def pushed_out(clip: InteractionClip, holds: tuple[Hold, ...] = ()) -> InteractionClip:
    """The clip with nobody inside anything."""
    bearing = find_bearing(PairPoses.of(clip), foot_shapes(clip))
    return depenetrate(clip, holds, bearing, Surfaces(clip))


def deepest(clip: InteractionClip, other: tuple[int, ...]) -> float:
    """Deepest point in any frame [m]."""
    return Surfaces(clip).overlaps(PairPoses.of(clip)).deepest(other)


def hand_in_chest(*, from_second: float = 0.0) -> InteractionClip:
    """The supporter's right palm sinks 4 cm into the recipient's chest, from some moment on."""
    clip = standing_clip(seconds=2.0, apart=0.75, sway=0.0)
    time = np.arange(clip.n_frames) / FPS
    into = np.clip((time - from_second) / 0.4, 0, 1) if from_second else np.ones_like(time)
    chest = clip.joints[:, 1, CHEST]
    return reach(clip, 0, 1, chest + np.stack([0 * time, 0.3 - 0.17 * into, 0 * time + 0.1], axis=-1))


def test_overlap_of_a_known_depth():
    """Report person, other, joint, depth and a normal that leads out, for a pelvis 2 cm in its seat."""
    clip = seated_clip(depth=0.02, seconds=0.1)
    deep = Surfaces(clip).overlaps(PairPoses.of(clip), over=0.001)
    pelvis = (deep.person[:, 0] == 1) & (deep.person[:, 1] == ON_PROP) & (deep.joint[:, 0] == 0)
    assert pelvis.any()
    assert np.allclose(deep.depth[pelvis], 0.02, atol=1e-6)
    assert np.allclose(deep.normal[pelvis], (0, 0, 1), atol=1e-6)


def test_distance_of_a_known_gap():
    """Measure 2 cm less between two palms that are brought 2 cm nearer."""
    distances = []
    for gap in (0.10, 0.08):
        clip = reaching_clip(gap=gap, seconds=0.5)
        near = Surfaces(clip).nearness(PairPoses.of(clip), 0, 1)
        distances.append(near.distance[:, WRIST].mean())
        apart = np.linalg.norm(near.on_body - near.on_palm, axis=-1)[:, WRIST]
        assert np.allclose(apart, near.distance[:, WRIST], atol=1e-9)
    assert distances[0] - distances[1] == pytest.approx(0.02, abs=0.004)


def test_hand_leaves_the_chest():
    """Push a hand 4 cm deep out to the surface, mostly by its arm."""
    clip = hand_in_chest()
    assert deepest(clip, (0, 1)) > 0.03
    out = pushed_out(clip)
    assert deepest(out, (0, 1)) < 0.005
    moved = np.linalg.norm(out.joints - clip.joints, axis=-1)[:, :, :22]
    assert moved[:, 0, WRIST].min() > 0.02
    assert moved[:, 0, list(ANKLE)].max() < 2e-3
    assert moved.mean() < 0.01


def test_push_is_smooth_and_ends_with_the_overlap():
    """Start to give way shortly before the overlap, without a jump, and leave earlier frames alone."""
    clip = hand_in_chest(from_second=1.0)
    out = pushed_out(clip)
    assert deepest(out, (0, 1)) < 0.01
    moved = np.linalg.norm(out.joints - clip.joints, axis=-1)[:, :, :22].max(axis=(1, 2))
    assert moved[:14].max() < 1e-3
    change = np.diff(out.joints - clip.joints, axis=0)
    assert np.linalg.norm(change, axis=-1).max() * FPS < 1.0


def test_foot_comes_out_of_the_floor():
    """Bring somebody who stands 3 cm in the floor up to it."""
    clip = raised(standing_clip(seconds=1.0), 0, -0.03)
    assert deepest(clip, (ON_FLOOR,)) == pytest.approx(0.03, abs=1e-3)
    bearing = [[replace(b, runs=[]) for b in person] for person in find_bearing(PairPoses.of(clip), foot_shapes(clip))]
    out = depenetrate(clip, (), bearing, Surfaces(clip))
    assert deepest(out, (ON_FLOOR,)) < 1.5e-3
    moved = np.linalg.norm(out.joints - clip.joints, axis=-1)[:, :, :22]
    assert moved[:, 0].max() < 0.06
    assert moved[:, 1].max() < 1e-9


def test_hand_in_furniture_comes_out():
    """Push an arm out of a table beside the person."""
    clip = standing_clip(seconds=0.5, apart=2.0, sway=0.0)
    hand = clip.joints[0, 0, WRIST]
    table = Prop("table", np.array([hand[0] - 0.48, hand[1], hand[2] - 0.1]), np.array([1.0, 1.0, 0.1]))
    clip = replace(clip, props=(table,))
    assert deepest(clip, (ON_PROP,)) > 0.02
    assert deepest(pushed_out(clip), (ON_PROP,)) < 2e-3


def test_hold_survives_the_push():
    """Keep two hands together while a wall pushes one of the people forward, feet and all."""
    clip = reaching_clip(gap=0.0, seconds=1.0)
    hips = clip.joints[0, 1, 0]
    # It reaches 4 cm into the standing recipient's back and heels.
    box = Prop("wall", np.array([hips[0], hips[1] - 0.11 - 0.5 + 0.02, 1.0]), np.array([1.0, 1.0, 2.0]))
    clip = replace(clip, props=(box,))
    hold = Hold(0, 1, WRIST, (0, clip.n_frames))
    out = pushed_out(clip, (hold,))
    assert deepest(clip, (ON_PROP,)) > 0.03 and deepest(out, (ON_PROP,)) < 2e-3
    gap = Surfaces(out).nearness(PairPoses.of(out), 0, 1, (WRIST,)).distance[:, WRIST]
    assert np.abs(gap + 0.002).max() < 0.003


def test_clip_without_overlaps_is_returned_as_it_is():
    """Hand the same clip back."""
    clip = standing_clip(seconds=0.5)
    assert pushed_out(clip) is clip


def test_arm_leaves_its_own_trunk():
    """Push a hand out of the same person's chest that closing a contact would have driven into it."""
    clip = standing_clip(seconds=1.0, apart=1.6, sway=0.0)
    chest = clip.joints[:, 0, CHEST]
    inside = reach(clip, 0, 1, chest + np.array([0.0, -0.08, -0.05]))
    before, into = (own_overlaps(PairPoses.of(c), c).depth[:, 0].max() for c in (clip, inside))
    assert into > 0.05 > before + 0.02
    bearing = find_bearing(PairPoses.of(clip), foot_shapes(clip))
    out = depenetrate(inside, (), bearing, Surfaces(clip), clip)
    assert own_overlaps(PairPoses.of(out), out).depth[:, 0].max() < max(before, 0) + 0.01
    assert np.linalg.norm(out.joints - inside.joints, axis=-1)[:, 0, list(ANKLE)].max() < 2e-3


def test_depth_of_a_palm_in_the_own_thigh():
    """Measure one capsule in another where MuJoCo does, for the deepest pair."""
    clip = standing_clip(seconds=0.5, sway=0.0)
    clip = reach(clip, 0, 1, clip.joints[:, 0, joint("right_hip")] + np.array([0.0, -0.03, -0.1]))
    own = own_overlaps(PairPoses.of(clip), clip)
    frame, pair = np.unravel_index(int(own.depth[:, 0].argmax()), own.depth[:, 0].shape)
    pair_body = PairBody.from_clip(clip)
    model = compile_pair(pair_body, sensors=False)
    data, layout = mujoco.MjData(model), PairLayout.of(model, pair_body)
    data.qpos[:] = clip_qpos(clip, pair_body, layout, model.nq)[frame]
    mujoco.mj_kinematics(model, data)
    bodies = [layout.body[0][pair_body.joints.index(int(j[pair]))] for j in (own.arm, own.body)]
    arm, body = (int(np.flatnonzero(model.geom_bodyid == b)[0]) for b in bodies)
    distance = mujoco.mj_geomDistance(model, data, arm, body, 1.0, None)
    assert own.depth[frame, 0, pair] > 0.003
    assert own.depth[frame, 0, pair] == pytest.approx(-distance, abs=1e-3)
