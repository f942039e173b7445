"""Partner force, outside wrench, torque."""

import numpy as np
import pytest

from controller_server.metrics.effort import (
    GRAVITY,
    averaged,
    beyond_limits,
    force_window,
    partner_force,
    summarise_partner_force,
    summarise_torque,
    summarise_wrench,
    torque_share,
    work,
)


def test_partner_force_sums_the_bodies_and_leaves_the_floor_out():
    """Two bodies at 100 and 50 N from the partner, one at 700 N from the floor: 150 N."""
    forces = np.zeros((1, 2, 22, 3, 3))
    forces[0, 1, 20, 0, 2], forces[0, 1, 21, 0, 2], forces[0, 1, 7, 1, 2] = 100, 50, 700
    np.testing.assert_allclose(partner_force(forces), [[[0, 0, 0], [0, 0, 150]]])


def test_partner_force_summary():
    """Peak over all steps; means over the steps with contact only."""
    force = np.array([[0, 0, 0], [30, 0, 40], [0, 0, -100], [0, 0, 0.5]])
    summary = summarise_partner_force(force)
    assert summary.peak_n == pytest.approx(100)
    assert summary.mean_n == pytest.approx(75)
    assert summary.peak_upward_n == pytest.approx(40)
    assert summary.mean_upward_n == pytest.approx(-30)
    assert summary.contact_share == pytest.approx(0.5)
    assert summarise_partner_force(np.zeros((4, 3))).mean_n == 0


def test_partner_force_peak_is_of_the_averaged_force():
    """One step of 120 N among zeros is 40 N over three steps; the single step is reported beside it."""
    force = np.zeros((7, 3))
    force[3, 2] = 120
    summary = summarise_partner_force(force, window=3)
    assert summary.peak_n == pytest.approx(40)
    assert summary.peak_step_n == pytest.approx(120)
    assert summary.contact_share == pytest.approx(3 / 7)


def test_averaging_keeps_a_constant_and_the_length():
    """At the ends it averages over fewer steps instead of pulling towards zero."""
    values = np.full((10, 2), 3.0)
    for window in (1, 2, 5, 40):
        np.testing.assert_allclose(averaged(values, window), values)
    np.testing.assert_allclose(averaged(np.array([0.0, 3.0, 6.0]), 3), [1.5, 3.0, 4.5])
    assert force_window(np.arange(5) / 120) == 12


def test_wrench_in_newtons_and_body_weights():
    """98.1 N on 10 kg for half of the time: one body weight at most, half on average."""
    wrench = np.zeros((4, 6))
    wrench[:2, 1] = 10 * GRAVITY
    wrench[3, 3:] = 3, 4, 0
    summary = summarise_wrench(wrench, 10.0)
    assert summary.max_n == pytest.approx(98.1)
    assert summary.max_nm == pytest.approx(5)
    assert summary.max_body_weights == pytest.approx(1)
    assert summary.mean_body_weights == pytest.approx(0.5)


def test_torque_share_by_direction():
    """-150 N m of 300 is half and +30 of 60 too; an axis without a muscle, or held by ligaments, counts as nothing."""
    torques = np.array([[[30.0, -150, 0], [5, 5, 5]]])
    limits = np.array([[[300.0, 60], [300, 60], [1, 1]], [[0, 0], [0, 0], [np.inf, np.inf]]])
    np.testing.assert_allclose(torque_share(torques, limits), [[[0.5, 0.5, 0], [0, 0, 0]]])


def test_braking_may_bear_more():
    """Allow 1.2 times the limit where a muscle lengthens, not where it shortens, and not 1.3 times."""
    net = np.array([120.0, 120, 130])[:, None, None]
    velocity = np.array([-1.0, 1, -1])[:, None, None]
    np.testing.assert_array_equal(beyond_limits(net, velocity, np.full((1, 1, 2), 100.0)), [False, True, True])


def test_work_of_springs_and_dampers():
    """Tell apart what springs drive, what they brake, and what dampers take: 20 W, -10 W and -2 W for a second."""
    torques, velocity = np.zeros((4, 1, 3)), np.zeros((4, 1, 3))
    torques[:, 0, 0], velocity[:, 0, 0] = 10, (2, 2, -1, -1)
    found = work(torques, -velocity, velocity, 0.5)
    assert (found.muscle_j, found.braking_j) == pytest.approx((20, -10))
    assert found.damper_j == pytest.approx(-5) and found.net_j == pytest.approx(16)


def test_torque_summary_finds_the_joint_at_its_limit():
    """The second joint is saturated in one of four steps; its row counts the pelvis too."""
    share = np.array([[0.9, 0.2], [0.9, 1.0], [0.9, 0.2], [0.9, 0.2]])
    summary = summarise_torque(share)
    assert summary.max_share == 1.0
    assert summary.saturated_share == pytest.approx(0.25)
    assert summary.hardest_joint == 2
    assert summary.hardest_saturated_share == pytest.approx(0.25)
    assert summarise_torque(share * 0.5).hardest_joint == 2
    assert summarise_torque(share * [1, 0.5]).hardest_joint == 1
