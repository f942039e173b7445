"""Reward terms: what they are worth on the reference, off it, and at a touch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from helpers.training_cases import moment

from controller_server.clip.rotation import quat_from_rotvec, quat_mul
from controller_server.terms import TermConfig, reward
from training.env.step_context import StepContext, deviation


def worth(name: str, m: StepContext, **params: float) -> np.ndarray:
    """What a reward term gives."""
    return reward.bind({name: TermConfig(params=params)})[0](m)


def test_on_the_reference_every_tracking_term_is_one():
    """Positions, rotations, velocities and spins are 1 for both; costs are 0."""
    m = moment()
    for name in ("positions", "rotations", "velocities", "spins", "stability", "balance"):
        assert np.allclose(worth(name, m), 1)
    for name in ("power", "action_rate", "contact"):
        assert np.allclose(worth(name, m), 0)


def test_positions_follow_the_papers_formula():
    """A person moved 0.1 m as a whole gets exp(-100 * 0.01 / 3), the other keeps 1, and deviation is 0.1 m."""
    m = moment(shift=0.1)
    assert np.allclose(worth("positions", m), [[np.exp(-1 / 3), 1]], atol=1e-5)
    assert np.allclose(deviation(m.now, m.goal), [[0.1, 0]], atol=1e-6)


def test_the_other_tracking_terms_and_costs_follow_their_formulas():
    """Rotations exp(-10 angle^2), velocities exp(-e / 3), spins exp(-0.1 e / 3); power in kW, action rate squared."""
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
        assert np.allclose(worth(name, off), expected, atol=1e-4), name
    torques, speed = np.zeros_like(m.torques), np.zeros_like(m.joint_velocity)
    torques[0, 1, :2, 0], speed[0, 1, :2, 0] = np.array([100, -50]), np.array([2, 4])
    assert np.allclose(worth("power", replace(m, torques=torques, joint_velocity=speed)), [[0, 0.4]])
    action = m.action.copy()
    action[0, 0] = 0.5
    assert np.allclose(worth("action_rate", replace(m, action=action)), [[0.25, 0]])


def test_contact_pays_only_for_touch_inside_the_gate():
    """Nothing without a force however near, up to a half for one hand that presses, nothing beyond the gate."""
    m = moment()
    assert (worth("contact", m) == 0).all()
    pressed = m.forces.copy()
    pressed[:, 0, 21, 0, 2] = 200.0
    paid = worth("contact", replace(m, forces=pressed))
    assert 0.3 < paid[0, 0] <= 0.5 and paid[0, 1] == 0
    floor = np.roll(pressed, 1, axis=3)
    assert (worth("contact", replace(m, forces=floor)) == 0).all()
    assert (worth("contact", replace(m, forces=pressed, gate=0.01)) == 0).all()


def test_the_contact_reward_takes_the_place_of_hand_tracking():
    """A gated hand that is far off costs nothing in the tracking terms of who is rewarded for contact, else it does."""
    strict, lenient = moment(), moment(contact=True)
    goal = strict.goal.positions.copy()
    goal[:, 0, 21] += 0.15  # the reference wants the hand elsewhere, still near the recipient
    strict, lenient = (replace(m, goal=replace(m.goal, positions=goal)) for m in (strict, lenient))
    assert worth("positions", strict)[0, 0] < 0.95
    assert np.allclose(worth("positions", lenient)[0, 0], 1)


def test_sagging_costs_stability():
    """A head half a metre low is worth nothing, one too high is not punished."""
    m = moment()
    low, high = m.now.positions.copy(), m.now.positions.copy()
    low[..., 2] -= 0.5
    high[..., 2] += 0.5
    assert np.allclose(worth("stability", replace(m, now=replace(m.now, positions=low))), 0, atol=1e-6)
    assert np.allclose(worth("stability", replace(m, now=replace(m.now, positions=high))), 1)


def test_reach_leads_a_hand_back_to_its_place():
    """One for both hands in place, less with distance, nothing beyond the gate; the same for both people."""
    m = moment()
    assert np.allclose(worth("reach", m), 1)
    goal = m.goal.positions.copy()
    goal[:, 0, 21, 0] += 0.1
    astray = replace(m, goal=replace(m.goal, positions=goal))
    assert np.allclose(worth("reach", astray), (1 + np.exp(-1)) / 2, atol=1e-5)
    assert (worth("reach", replace(m, gate=0.0)) == 0).all()


def test_balance_counts_where_the_centre_of_mass_is_heading():
    """An error of position that velocity is about to undo costs nothing; height does not matter."""
    m = moment()
    off = np.zeros((1, 2, 2, 3), np.float32)
    off[0, 0, 0], off[0, 1, 0] = [0.1, 0, 0.3], [0.1, 0, 0]
    off[0, 1, 1] = [-0.33, 0, 0]
    assert np.allclose(worth("balance", replace(m, balance=off)), [[np.exp(-1), 1]], atol=1e-5)


def test_labelled_contacts_pay_for_what_touches_in_the_reference():
    """A hand that is to hold costs until it presses; a body that surely does not touch costs when it does."""
    m = moment()
    grips = m.grips.copy()
    grips[:, 0, 1] = 1.0
    far = {"near": 0.01, "far": 9.0}  # nothing is neutral by nearness but all that does not grip
    meant = replace(m, grips=grips)
    assert np.allclose(worth("labelled_contacts", m, **far), 1)
    assert np.allclose(worth("labelled_contacts", meant, **far), [[np.exp(-1), 1]], atol=1e-5)
    pressed = m.forces.copy()
    pressed[:, 0, 21, 0, 2] = 3000.0
    assert np.allclose(worth("labelled_contacts", replace(meant, forces=pressed), **far), 1, atol=1e-5)
    knee = m.forces.copy()
    knee[:, 1, 4, 0, 0] = 3000.0
    for limits, expected in (({"near": 0.0, "far": 1e-3}, np.exp(-1)), ({"near": 0.0, "far": 9.0}, 1.0)):
        value = worth("labelled_contacts", replace(m, forces=knee), **limits)  # penalised, then neutral
        assert np.allclose(value, [[1, expected]], atol=1e-5)


def test_stature_tracking_weighs_positions_near_the_partner_and_rotations_far_from_them():
    """A shift counts the more the farther the weight reaches; a turn counts the less."""
    m = moment()
    shifted = moment(shift=0.1)
    turned = quat_mul(m.goal.quats, quat_from_rotvec(np.array([0.0, 0.3, 0.0]))).astype(np.float32)
    turned = replace(m, now=replace(m.now, quats=turned))
    assert np.allclose(worth("stature_tracking", m), 1)
    for off, worse in ((shifted, 10.0), (turned, 0.01)):
        values = {reach: worth("stature_tracking", off, reach=reach)[0, 0] for reach in (0.01, 10.0)}
        assert min(values, key=values.__getitem__) == worse
        assert values[worse] < 0.75 < 0.95 < max(values.values())


def test_widths_are_parameters():
    """Twice the sharpness squares a tracking term."""
    m = moment(shift=0.1)
    assert np.allclose(worth("positions", m, sharpness=200.0), worth("positions", m) ** 2)
