"""Foot corners and skating."""

import numpy as np
import pytest
from helpers.measure_cases import FPS, apart, moved

from controller_server.body.pair import PairBody
from controller_server.metrics.feet import foot_corners, foot_skating, skating_per_frame


def skating(clip):
    """Skating of both people [cm/s]."""
    return foot_skating(foot_corners(clip, PairBody.from_clip(clip)), clip.fps)


def test_soles_of_a_standing_person_are_on_the_floor():
    """Half of a foot's 16 box corners are at height zero, the others a box's thickness above."""
    clip = apart(2)
    corners = foot_corners(clip, PairBody.from_clip(clip))
    assert corners.shape == (2, 2, 2, 16, 3)
    heights = np.sort(corners[0, 0, 0, :, 2])
    np.testing.assert_allclose(heights[:8], 0, atol=1e-9)
    assert heights[8] > 0.03


def test_a_standing_pair_does_not_skate():
    """Still feet skate 0 cm/s."""
    np.testing.assert_allclose(skating(apart()), 0, atol=1e-9)


def test_a_sliding_pair_skates_at_its_speed():
    """Sliding horizontally with 0.05 m/s is 5 cm/s; the vertical part of a motion does not count."""
    slide = np.outer(np.arange(10) / FPS, [0.03, 0.04, 0.0])
    slide[:, 2] = [0, 0.01] * 5
    np.testing.assert_allclose(skating(moved(apart(), slide)), 5.0)


def test_feet_in_the_air_do_not_count():
    """3 cm above the floor nothing skates, and the frames in the air do not dilute the ones on the floor."""
    slide = np.outer(np.arange(10) / FPS, [0.1, 0, 0])
    np.testing.assert_allclose(skating(moved(apart(), slide + [0, 0, 0.03])), 0)
    slide[5:, 2] = 0.03
    np.testing.assert_allclose(skating(moved(apart(), slide)), 10.0)


def test_only_the_bearing_corners_of_a_foot_count():
    """A foot that turns about a corner at rest skates by its bearing corners alone."""
    corners = np.zeros((2, 1, 2, 3, 3))
    corners[..., 2] = 0.1
    corners[:, 0, 0, :2, 2] = 0.0
    corners[1, 0, 0, 1, 0] = 0.02
    corners[1, 0, 0, 2, 0] = 5.0
    assert foot_skating(corners, 10.0)[0] == pytest.approx(10.0)  # corners at 0 and 20 cm/s bear


def test_skating_per_frame_is_the_speed_at_that_frame():
    """A foot that slides in the second half only has no speed in the first, and its true one in the second."""
    clip = apart(10)
    slide = np.zeros((10, 3))
    slide[5:, 0] = np.arange(1, 6) * 0.06 / FPS
    speed = skating_per_frame(foot_corners(moved(clip, slide), PairBody.from_clip(clip)), clip.fps)
    assert speed.shape == (10, 2)
    np.testing.assert_allclose(speed[:4], 0, atol=1e-9)
    np.testing.assert_allclose(speed[4:], 6.0)
