"""Deviation, success, MPJPE, displacement."""

import numpy as np
import pytest

from controller_server.clip.skeleton import L_WRIST, PELVIS
from controller_server.metrics.tracking import deviation, displacement, judge, mpjpe

REFERENCE = np.random.default_rng(0).normal(size=(5, 2, 55, 3))
TIMES = np.arange(5) / 10


def moved(joint: int, person: int, metres: float) -> np.ndarray:
    """The reference with one joint of one person moved in every frame."""
    joints = REFERENCE.copy()
    joints[:, person, joint, 1] += metres
    return joints


def test_deviation_is_the_mean_over_sixteen_bodies():
    """One of 16 bodies 1.6 m away makes a deviation of 0.1 m, for that person alone."""
    np.testing.assert_allclose(deviation(moved(PELVIS, 1, 1.6), REFERENCE), [[0, 0.1]] * 5)


def test_deviation_ignores_the_wrists():
    """Wrists are not among the bodies that decide success."""
    assert deviation(moved(L_WRIST, 0, 9.0), REFERENCE).max() == 0


def test_judge_names_when_and_who():
    """The first frame over the limit and the person farther out are reported."""
    track = np.zeros((5, 2))
    track[3] = 0.3, 0.4
    outcome = judge(track, TIMES, 0.25)
    assert (outcome.success, outcome.failed) == (False, 1)
    assert outcome.failure_time == pytest.approx(0.3)
    assert judge(track, TIMES, 0.5).success


def test_judge_counts_exactly_on_the_limit_as_success():
    """`Never over` includes the limit itself."""
    assert judge(np.full((5, 2), 0.25), TIMES, 0.25).success


def test_judge_fails_what_broke_off():
    """A simulation that stops before the last frame is no success, and frames after the stop do not count."""
    track = np.zeros((5, 2))
    track[4] = 1.0
    outcome = judge(track, TIMES, 0.25, simulated_until=0.21)
    assert (outcome.success, outcome.failed, outcome.failure_time) == (False, None, 0.21)


def test_mpjpe_is_the_mean_over_22_joints_in_millimetres():
    """One of 22 joints 0.22 m away is 10 mm; fingers do not count."""
    np.testing.assert_allclose(mpjpe(moved(L_WRIST, 0, 0.22), REFERENCE), [10, 0])
    assert mpjpe(moved(54, 0, 1.0), REFERENCE).max() == 0


def test_displacement_gives_mean_and_largest():
    """One joint moved 44 mm in one of five frames: 44 / 22 / 5 mm mean, 44 mm largest."""
    after = REFERENCE.copy()
    after[2, 1, 7, 0] += 0.044
    mean, largest = displacement(REFERENCE, after)
    np.testing.assert_allclose(mean, [0, 0.4])
    np.testing.assert_allclose(largest, [0, 44])
