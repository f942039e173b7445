"""The tracking cost against displacements whose cost is known by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from control_cases import displaced, standing

from controller_server.control.cost import TrackingCost

OFF = 1e6  # a size of error at which a term no longer counts


@pytest.fixture(scope="module")
def scene():
    """Two people standing, and a cost whose every length is 0.1 m, whose angle is 1 rad, whose feet may slide."""
    _, pair, reference = standing()
    cost = TrackingCost(pair, position=0.1, orientation=1.0, com=0.1, capture=0.1, height=0.1, slide=OFF)
    return pair, reference, cost


def test_nothing_at_the_reference(scene):
    """Cost nothing where the reference is."""
    pair, reference, cost = scene
    np.testing.assert_allclose(cost(displaced(pair, reference), reference, 0), 0, atol=1e-9)


@pytest.mark.parametrize("offset", [(0.1, 0, 0), (0, -0.1, 0), (0, 0, 0.1), (0, 0, -0.1)])
def test_displacement(scene, offset):
    """Count joints and centre of mass, and to the sides the capture point, up and down the pelvis' height."""
    pair, reference, cost = scene
    worlds = displaced(pair, reference, supporter=offset)
    np.testing.assert_allclose(cost(worlds, reference, 0), [[3.0, 0.0]], atol=1e-6)
    worlds = displaced(pair, reference, recipient=2 * np.array(offset))
    np.testing.assert_allclose(cost(worlds, reference, 0), [[0.0, 12.0]], atol=1e-6)


def test_capture_point(scene):
    """Count a centre of mass that moves by where it would come to rest, 1 s / sqrt(9.81) ahead."""
    pair, reference, cost = scene
    worlds = displaced(pair, reference, velocity=(0.3, 0.4, 5.0))
    np.testing.assert_allclose(cost(worlds, reference, 0), [[(0.5 / 3.13 / 0.1) ** 2, 0]], atol=1e-6)


def test_sliding_feet(scene):
    """Count a foot that slides where it should stand, more the faster, but never as more than one a body."""
    pair, reference, cost = scene
    cost = replace(cost, capture=OFF, slide=0.3, sliding=1.0)
    slow, fast = (cost(displaced(pair, reference, velocity=(v, 0, 0)), reference, 0) for v in (0.3, 30.0))
    np.testing.assert_allclose(slow, [[4 * 0.5, 0]], atol=1e-6)
    np.testing.assert_allclose(fast, [[4.0, 0]], atol=1e-3)
    stepping = replace(reference, positions=reference.positions + np.arange(5)[:, None, None, None] * [0.1, 0, 0])
    np.testing.assert_allclose(stepping.standing, 0)


def test_rotation(scene):
    """Count the turn of pelvis and chest: 2 sin(a / 2) each, squared."""
    pair, reference, cost = scene
    cost = replace(cost, position=OFF, com=OFF, capture=OFF, height=OFF)
    worlds = displaced(pair, reference, turn=(0, 0, 0.8))
    np.testing.assert_allclose(cost(worlds, reference, 0), [[2 * (2 * np.sin(0.4)) ** 2, 0]], atol=1e-6)


def test_growth(scene):
    """Cost more the farther away, never less."""
    pair, reference, _ = scene
    cost = TrackingCost(pair)
    ways = [cost(displaced(pair, reference, supporter=(0, d, 0)), reference, 0)[0, 0] for d in (0.01, 0.05, 0.2, 1.0)]
    assert np.all(np.diff(ways) > 0)


def test_held_end(scene):
    """Compare with the last frame when the horizon looks beyond the end."""
    pair, reference, cost = scene
    worlds = displaced(pair, reference, supporter=(0.1, 0, 0))
    np.testing.assert_allclose(cost(worlds, reference, 99), [[3.0, 0.0]], atol=1e-6)
