"""The reference: velocities of motions known as formulas, agreement with the engine, the held end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.motion_cases import squatting_pair
from helpers.standing import standing_pair

from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.rotation import quat_from_rotvec, quat_mul, quat_rotate, rotvec_from_quat
from controller_server.clip.skeleton import joint
from controller_server.control.reference.reference import Reference
from controller_server.physics.mujoco_backend import BackendMujoco

N, FPS = 31, 30.0
TIME = np.arange(N) / FPS
TILT = quat_from_rotvec(np.array([0.3, -0.8, 0.5]))


def swinging_elbow() -> tuple[InteractionClip, np.ndarray]:
    """The supporter's left elbow at TILT, then turning about its own x axis by a sine; its rate [rad/s], shape (N,)."""
    clip = standing_pair(N, FPS)
    angle, rate = 0.6 * np.sin(3 * TIME), 1.8 * np.cos(3 * TIME)
    about_x = np.stack([angle, 0 * angle, 0 * angle], axis=-1)
    pose = clip.supporter.pose_body.reshape(N, 21, 3).copy()
    pose[:, joint("left_elbow") - 1] = rotvec_from_quat(quat_mul(TILT, quat_from_rotvec(about_x)))
    return replace(clip, supporter=replace(clip.supporter, pose_body=pose.reshape(N, 63))), rate


def test_rotating_joint():
    """Give the rate of a joint about the child's axis."""
    clip, rate = swinging_elbow()
    pair = PairBody.from_clip(clip)
    reference = Reference.of(clip, pair)
    elbow = pair.joints.index(joint("left_elbow"))
    expected = np.stack([rate, 0 * rate, 0 * rate], axis=-1)
    # Central differences of a sine of 3 rad/s at 30 Hz are 0.2 % low.
    np.testing.assert_allclose(reference.state.joint_velocity[1:-1, 0, elbow - 1], expected[1:-1], atol=0.005)


def test_turning_and_moving_person():
    """Give the pelvis' velocity and spin in the world's axes."""
    clip = standing_pair(N, FPS)
    path = np.stack([0.4 * np.sin(2 * TIME), 0.5 * TIME, 0 * TIME], axis=-1)
    yaw = quat_from_rotvec(np.stack([0 * TIME, 0 * TIME, 0.7 * TIME], axis=-1))
    motion = clip.recipient
    turned = rotvec_from_quat(quat_mul(yaw, quat_from_rotvec(motion.root_orient)))
    clip = replace(clip, recipient=replace(motion, trans=motion.trans + path, root_orient=turned))
    state = Reference.of(clip, PairBody.from_clip(clip)).state
    velocity = np.stack([0.8 * np.cos(2 * TIME), 0.5 + 0 * TIME, 0 * TIME], axis=-1)
    np.testing.assert_allclose(state.root_velocity[1:-1, 1], velocity[1:-1], atol=0.002)
    np.testing.assert_allclose(state.root_spin[:, 1], np.tile([0, 0, 0.7], (N, 1)), atol=1e-6)
    np.testing.assert_allclose(state.root_velocity[:, 0], 0, atol=1e-9)


@pytest.fixture(scope="module")
def squat():
    """Two people who go down and up, and every reference frame in a world of its own."""
    clip = squatting_pair(N, FPS)
    pair = PairBody.from_clip(clip)
    reference = Reference.of(clip, pair)
    worlds = BackendMujoco(pair, reference.n_frames, threads=1, sensors=False)
    worlds.set_state(reference.state)
    return reference, worlds


def test_velocities_agree_with_the_engine(squat):
    """Find the joint velocities the engine computes from the state near those of the moving positions."""
    reference, worlds = squat
    assert np.linalg.norm(reference.velocities, axis=-1).max() > 0.5
    np.testing.assert_allclose(worlds.linear_velocity()[1:-1], reference.velocities[1:-1], atol=0.05)
    np.testing.assert_allclose(worlds.com_velocity()[1:-1], reference.com_velocity[1:-1], atol=0.03)


def test_positions_agree_with_the_engine(squat):
    """Put joints, rotations and centre of mass where the engine puts them."""
    reference, worlds = squat
    np.testing.assert_allclose(worlds.positions(), reference.positions, atol=1e-9)
    np.testing.assert_allclose(worlds.com(), reference.com, atol=1e-9)
    x = np.array([1.0, 0, 0])
    np.testing.assert_allclose(quat_rotate(worlds.quats(), x), quat_rotate(reference.quats, x), atol=1e-9)


def test_held_end():
    """Hold the last pose, at rest, for as many frames as asked; any row beyond is the last."""
    clip, _ = swinging_elbow()
    pair = PairBody.from_clip(clip)
    plain, held = Reference.of(clip, pair), Reference.of(clip, pair, extra_frames=4)
    assert (plain.n_frames, held.n_frames) == (N, N + 4)
    end = np.broadcast_to(plain.positions[-1], held.positions[N:].shape)
    np.testing.assert_allclose(held.positions[N:], end, atol=1e-9)
    np.testing.assert_allclose(held.state.joint_velocity[N:], 0, atol=1e-9)
    assert [plain.row(frame) for frame in (-1, 0, N - 1, N, 10 * N)] == [0, 0, N - 1, N - 1, N - 1]


def test_control_rate():
    """Cover a clip of another rate, to its last frame, at the control rate."""
    clip = standing_pair(21, 20.0)
    grips = np.zeros((21, 2, 2))
    grips[:, 1, 0] = 1
    reference = Reference.of(replace(clip, grips=grips), PairBody.from_clip(clip))
    assert (reference.hz, reference.n_frames) == (30.0, 31)
    np.testing.assert_allclose(reference.grips, np.broadcast_to([[0, 0], [1, 0]], (31, 2, 2)))
    assert not Reference.of(clip, PairBody.from_clip(clip)).grips.any()
