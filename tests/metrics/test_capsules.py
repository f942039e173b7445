"""Capsules in plain arrays: distances of segments, gaps of hands, bodies in themselves, centres of mass."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.measure_cases import apart, moved

from controller_server.body.pair import PairBody
from controller_server.clip.skeleton import L_WRIST, joint
from controller_server.metrics.capsules import (
    SELF_PAIRS,
    CollisionCapsules,
    centre_of_mass,
    hand_gap,
    neighbours,
    segment_distance,
    self_depth,
)
from controller_server.metrics.geometry import clip_geometry


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [
        ([[0, 0, 0], [1, 0, 0]], [[0.5, -1, 2], [0.5, 1, 2]], 2.0),  # crossing, one above the other
        ([[0, 0, 0], [1, 0, 0]], [[3, 0, 0], [4, 0, 0]], 2.0),  # in one line
        ([[0, 0, 0], [1, 0, 0]], [[0, 3, 0], [1, 3, 0]], 3.0),  # side by side
        ([[0, 0, 0], [1, 0, 0]], [[4, 4, 0], [5, 9, 0]], 5.0),  # end to end
        ([[0, 0, 0], [0, 0, 0]], [[0, 0, 2], [0, 0, 3]], 2.0),  # a ball
        ([[0, 0, 0], [2, 0, 0]], [[1, 0, -1], [1, 0, 1]], 0.0),  # through each other
    ],
)
def test_segments(first: list, second: list, distance: float):
    """Find the distance of two segments, whichever of their points are nearest."""
    ends = np.array(first, float), np.array(second, float)
    assert segment_distance(*ends) == pytest.approx(distance, abs=1e-9)
    assert segment_distance(*ends[::-1]) == pytest.approx(distance, abs=1e-9)


def test_segments_against_many_points():
    """Agree with the nearest of many points of both segments."""
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 40, 2, 3))
    share = np.linspace(0, 1, 201)[:, None]
    points = [s[:, None, 0] + share * (s[:, 1] - s[:, 0])[:, None] for s in (first, second)]
    brute = np.linalg.norm(points[0][:, :, None] - points[1][:, None], axis=-1).min(axis=(1, 2))
    np.testing.assert_allclose(segment_distance(first, second), brute, atol=0.02)
    assert (segment_distance(first, second) <= brute + 1e-12).all()


def test_hands_of_people_side_by_side():
    """Two people with their arms out along X: the hands' gap shrinks as they come nearer."""
    gaps = []
    for distance in (2.0, 1.9):
        clip = apart(3, distance=distance)
        people = [CollisionCapsules.of(clip, p) for p in range(2)]
        gaps.append([hand_gap(people[0], side, people[1], neighbours(L_WRIST))[0] for side in range(2)])
    shrunk = np.array(gaps[0]) - np.array(gaps[1])
    assert shrunk.max() == pytest.approx(0.1, abs=0.02)
    assert hand_gap(people[0], 0, people[1], [joint("left_foot")])[0] == np.inf


def test_a_hand_in_the_own_belly():
    """Nobody is in themselves in the rest pose; a hand in the middle of the pelvis is as deep as both are thick."""
    capsules = CollisionCapsules.of(apart(2), 0)
    assert self_depth(capsules).max() < 0.005
    palm, pelvis = capsules.palms[0], capsules.rows({0})[0]
    ends = capsules.ends.copy()
    ends[1, palm] = ends[1, pelvis].mean(axis=0)
    depth = self_depth(replace(capsules, ends=ends))
    assert depth.shape == (2, len(SELF_PAIRS))
    assert depth[1, SELF_PAIRS.index((L_WRIST, 0))] == pytest.approx(capsules.radius[[palm, pelvis]].sum())


def test_centres_of_mass_are_the_simulations():
    """Agree with MuJoCo's centre of mass to a tenth of a millimetre."""
    clip = moved(apart(2), np.array([0.3, 0.2, 0.1]))
    pair = PairBody.from_clip(clip)
    found = np.stack([centre_of_mass(clip, p, body) for p, body in enumerate(pair.people)], axis=1)
    np.testing.assert_allclose(found, clip_geometry(clip, pair).com, atol=1e-4)


def test_neighbours_are_parent_and_children():
    """A forearm's are the upper arm and the hand."""
    assert neighbours(joint("left_elbow")) == {joint(f"left_{part}") for part in ("shoulder", "elbow", "wrist")}
    assert 0 in neighbours(joint("left_hip"))
