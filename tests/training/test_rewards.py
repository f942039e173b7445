"""Reward terms: what they are worth on the reference, off it, and at a touch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from training_cases import standing_scene

from controller_server.clip.rotation import quat_from_rotvec, quat_mul
from training import rewards
from training.rewards import Moment, deviation


def moment(*, shift: float = 0.0, gate: float = 0.4, contact: bool = False) -> Moment:
    """The standing pair, the supporter moved sideways, the recipient within reach of the right hand."""
    track = standing_scene().track
    goal = track.bodies(np.zeros(1, int))
    positions = goal.positions.copy()
    positions[:, 1] += positions[:, 0, 21:22] - positions[:, 1, 16:17] + 0.1  # a shoulder comes to the right hand
    goal = replace(goal, positions=positions)
    moved = positions.copy()
    moved[:, 0, :, 1] += shift
    joints, bodies = standing_scene().reference.targets.shape[2], positions.shape[2]
    nothing = np.zeros((1, 2, joints, 3), np.float32)
    return Moment(
        now=replace(goal, positions=moved),
        goal=goal,
        balance=np.zeros((1, 2, 2, 3), np.float32),
        forces=np.zeros((1, 2, bodies, 3, 3), np.float32),
        torques=nothing,
        joint_velocity=nothing,
        action=nothing.reshape(1, 2, -1),
        last_action=nothing.reshape(1, 2, -1),
        hands=(20, 21),
        gate=gate,
        contact=contact,
        style=np.zeros((1, 2), np.float32),
    )


def test_on_the_reference_every_tracking_term_is_one():
    """Positions, rotations, velocities and spins are 1 for both; costs are 0."""
    m = moment()
    for name in ("positions", "rotations", "velocities", "spins", "stability", "balance"):
        assert np.allclose(rewards.TERMS[name](m), 1)
    for name in ("power", "jerk", "contact"):
        assert np.allclose(rewards.TERMS[name](m), 0)


def test_positions_follow_the_papers_formula():
    """A person moved 0.1 m as a whole gets exp(-100 * 0.01 / 3), the other keeps 1, and deviation is 0.1 m."""
    m = moment(shift=0.1)
    assert np.allclose(rewards.positions(m), [[np.exp(-1 / 3), 1]], atol=1e-5)
    assert np.allclose(deviation(m.now, m.goal), [[0.1, 0]], atol=1e-6)


def test_the_other_tracking_terms_and_costs_follow_their_formulas():
    """Rotations exp(-10 angle^2), velocities exp(-e / 3), spins exp(-0.1 e / 3), power in kW, jerk a mean square."""
    m = moment()
    turned = quat_mul(m.goal.quats, quat_from_rotvec(np.array([0.0, 0.2, 0.0]))).astype(np.float32)
    fast = m.goal.velocities + np.array([1, 1, 0], np.float32)
    spun = m.goal.spins + np.array([3, 0, 0], np.float32)
    off = replace(m, now=replace(m.goal, quats=turned, velocities=fast, spins=spun))
    for name, expected in (
        ("rotations", np.exp(-10 * 0.2**2)),
        ("velocities", np.exp(-2 / 3)),
        ("spins", np.exp(-0.1 * 9 / 3)),
    ):
        assert np.allclose(rewards.TERMS[name](off), expected, atol=1e-4), name
    torques, speed = np.zeros_like(m.torques), np.zeros_like(m.joint_velocity)
    torques[0, 1, :2, 0], speed[0, 1, :2, 0] = np.array([100, -50]), np.array([2, 4])
    assert np.allclose(rewards.power(replace(m, torques=torques, joint_velocity=speed)), [[0, 0.4]])
    action = m.action.copy()
    action[0, 0] = 0.5
    assert np.allclose(rewards.jerk(replace(m, action=action)), [[0.25, 0]])


def test_contact_pays_only_for_touch_inside_the_gate():
    """Nothing without a force however near, up to a half for one hand that presses, nothing beyond the gate."""
    m = moment()
    assert (rewards.contact(m) == 0).all()
    pressed = m.forces.copy()
    pressed[:, 0, 21, 0, 2] = 200.0
    paid = rewards.contact(replace(m, forces=pressed))
    assert 0.3 < paid[0, 0] <= 0.5 and paid[0, 1] == 0
    floor = np.roll(pressed, 1, axis=3)
    assert (rewards.contact(replace(m, forces=floor)) == 0).all()
    assert (rewards.contact(replace(m, forces=pressed, gate=0.01)) == 0).all()


def test_the_contact_reward_takes_the_place_of_hand_tracking():
    """A gated hand that is far off costs nothing in the tracking terms of who is rewarded for contact, else it does."""
    strict, lenient = moment(), moment(contact=True)
    goal = strict.goal.positions.copy()
    goal[:, 0, 21] += 0.15  # the reference wants the hand elsewhere, still near the recipient
    strict, lenient = (replace(m, goal=replace(m.goal, positions=goal)) for m in (strict, lenient))
    assert rewards.positions(strict)[0, 0] < 0.95
    assert np.allclose(rewards.positions(lenient)[0, 0], 1)


def test_sagging_costs_stability():
    """A head half a metre low is worth nothing, one too high is not punished."""
    m = moment()
    low, high = m.now.positions.copy(), m.now.positions.copy()
    low[..., 2] -= 0.5
    high[..., 2] += 0.5
    assert np.allclose(rewards.stability(replace(m, now=replace(m.now, positions=low))), 0, atol=1e-6)
    assert np.allclose(rewards.stability(replace(m, now=replace(m.now, positions=high))), 1)


def test_reach_leads_a_hand_back_to_its_place():
    """One for both hands in place, less with distance, nothing beyond the gate; the same for both people."""
    m = moment()
    assert np.allclose(rewards.reach(m), 1)
    goal = m.goal.positions.copy()
    goal[:, 0, 21, 0] += 0.1
    astray = replace(m, goal=replace(m.goal, positions=goal))
    assert np.allclose(rewards.reach(astray), (1 + np.exp(-1)) / 2, atol=1e-5)
    assert (rewards.reach(replace(m, gate=0.0)) == 0).all()


def test_balance_counts_where_the_centre_of_mass_is_heading():
    """An error of position that velocity is about to undo costs nothing; height does not matter."""
    m = moment()
    off = np.zeros((1, 2, 2, 3), np.float32)
    off[0, 0, 0], off[0, 1, 0] = [0.1, 0, 0.3], [0.1, 0, 0]
    off[0, 1, 1] = [-0.33, 0, 0]
    assert np.allclose(rewards.balance(replace(m, balance=off)), [[np.exp(-1), 1]], atol=1e-5)
