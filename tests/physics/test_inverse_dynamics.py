"""Inverse dynamics of a pair: loads known by hand, and an engine that carries them without help."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.control_cases import standing
from helpers.standing import standing_pair

from controller_server.body.pair import PairBody
from controller_server.body.strength import Strength
from controller_server.clip.io.formats import read_clip
from controller_server.clip.rotation import quat_conj, quat_mul, rotvec_from_quat
from controller_server.clip.skeleton import joint
from controller_server.control.reference.reference import Reference
from controller_server.physics.inverse_dynamics import _into_cones
from controller_server.physics.mujoco_backend import BackendMujoco
from controller_server.physics.recorded_frames import slice_clip
from controller_server.prepare import prepare

GRAVITY = 9.81


def test_standing_needs_the_floor_alone():
    """Ask nothing of heaven or of the partner from two people who stand."""
    _, _, reference = standing()
    np.testing.assert_allclose(reference.load.residual, 0, atol=2.0)
    np.testing.assert_allclose(reference.load.partner, 0, atol=1e-9)


def test_nothing_in_reach():
    """Ask heaven for the weight of somebody who floats."""
    clip = standing_pair(5)
    motion = clip.recipient
    clip = replace(clip, recipient=replace(motion, trans=motion.trans + [0, 0, 1.0]))
    pair = PairBody.from_clip(clip)
    residual = Reference.of(clip, pair).load.residual
    np.testing.assert_allclose(
        residual[:, 1, :3], np.tile([0, 0, pair.recipient.mass * GRAVITY], (5, 1)), rtol=1e-6, atol=1e-6
    )
    np.testing.assert_allclose(residual[:, 0], 0, atol=2.0)


def test_targets_carry_the_load():
    """Hold straight arms out to within 0.2 degrees where targets without the load let the shoulders sag by 0.9."""
    clip = standing_pair(16)
    pose = np.zeros((16, 21, 3))
    shoulders = [joint(f"{side}_shoulder") for side in ("left", "right")]
    pose[:, shoulders[0] - 1, 1], pose[:, shoulders[1] - 1, 1] = -1.4, 1.4
    clip = replace(clip, supporter=replace(clip.supporter, pose_body=pose.reshape(16, 63)))
    pair = PairBody.from_clip(clip)
    reference = Reference.of(clip, pair)
    wanted, sag = reference.state.local_quats[0, 0, shoulders], []
    for targets in (reference.targets, rotvec_from_quat(reference.state.local_quats[:, :, 1:])):
        world = BackendMujoco(pair, 1, threads=1, sensors=False)
        world.set_state(reference.state[:1])
        for frame in range(15):
            world.set_targets(targets[frame + 1][None])
            world.step(pair.substeps)
        turned = quat_mul(quat_conj(wanted), world.state().local_quats[0, 0, shoulders])
        sag.append(np.degrees(np.linalg.norm(rotvec_from_quat(turned), axis=-1)).max())
    assert sag[0] < 0.2
    assert sag[1] > 0.9


@pytest.fixture(scope="module")
def rising():
    """The moment of the bundled pull-up at which the recipient leaves the seat."""
    clip = prepare(read_clip(["assets/clips/pull_up.npz"]).clip).clip
    return slice_clip(clip, slice(50, 58))


def test_the_strong_hold_the_weak(rising):
    """Spare weak legs, and ask no muscle for more than it has."""
    legs = []
    for limit in (300.0, 60.0):
        weak = Strength(limits={"hip": limit, "knee": limit})
        pair = PairBody.from_clip(rising, recipient=weak)
        load = Reference.of(rising, pair).load
        assert np.all((-pair.torque_limits[..., 0] <= load.torques) & (load.torques <= pair.torque_limits[..., 1]))
        np.testing.assert_allclose(load.partner[:, 0], -load.partner[:, 1], atol=1e-9)
        effort = np.abs(load.torques).sum(axis=(0, 3))
        legs.append(effort[1, :6].sum())
    assert legs[1] < 0.9 * legs[0]


def test_people_apart_get_nothing_from_each_other(rising):
    """Let the load of a rising recipient lie on their own legs, while the motion stays the same."""
    pair = PairBody.from_clip(rising)
    together = Reference.of(rising, pair)
    apart = together.sharing(1.0, apart=True)
    assert np.abs(together.load.partner).max() > 20
    assert (apart.load.partner == 0).all()
    np.testing.assert_array_equal(apart.positions, together.positions)


def test_nearest_force_in_the_cone():
    """Keep what is inside, drop what points away, take the edge for what is beside; adhesion lowers the tip."""
    forces = np.array([[10.0, 3, 0], [-10.0, 1, 0], [0.0, 4, 0], [-10.0, 1, 0]])
    found = _into_cones(forces, np.full(4, 0.5), np.array([0, 0, 0, 20.0]))
    np.testing.assert_allclose(found, [[10, 3, 0], [0, 0, 0], [1.6, 0.8, 0], [-10, 1, 0]], atol=1e-12)
