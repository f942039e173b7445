"""The tracking cost against displacements whose cost is known by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.control_cases import displaced, standing

from controller_server.body.pair import PairBody
from controller_server.control.footing import Footing
from controller_server.control.reference.grasp import Grasp
from controller_server.control.reference.reference import Reference
from controller_server.control.search.cost import TrackingCost
from controller_server.physics.mujoco_backend import BackendMujoco

OFF = 1e6  # a size of error at which a term no longer counts


@pytest.fixture(scope="module")
def scene():
    """Two people standing, and a cost whose every length is 0.1 m, whose angle is 1 rad, whose feet may slip."""
    _, pair, reference = standing()
    cost = TrackingCost(pair, position=0.1, orientation=1.0, com=0.1, capture=0.1, height=0.1)
    return pair, reference, cost


def priced(
    cost: TrackingCost,
    worlds: BackendMujoco,
    reference: Reference,
    frame: int = 0,
    *,
    footing: Footing | None = None,
    gained: float = 0.0,
) -> np.ndarray:
    """The cost of worlds, nobody's feet anchored, whose vertical speed grew by so much [m/s] in the last frame."""
    rising = worlds.com_velocity()[..., 2] - gained
    return cost(worlds, reference, frame, footing or Footing.none(worlds.n_worlds), rising)


def test_nothing_at_the_reference(scene):
    """Cost nothing where the reference is."""
    pair, reference, cost = scene
    np.testing.assert_allclose(priced(cost, displaced(pair, reference), reference, 0), 0, atol=1e-9)


@pytest.mark.parametrize("offset", [(0.1, 0, 0), (0, -0.1, 0), (0, 0, 0.1), (0, 0, -0.1)])
def test_displacement(scene, offset):
    """Count joints and centre of mass, and to the sides the capture point, up and down the pelvis' height."""
    pair, reference, cost = scene
    worlds = displaced(pair, reference, supporter=offset)
    np.testing.assert_allclose(priced(cost, worlds, reference, 0), [[3.0, 0.0]], atol=1e-6)
    worlds = displaced(pair, reference, recipient=2 * np.array(offset))
    np.testing.assert_allclose(priced(cost, worlds, reference, 0), [[0.0, 12.0]], atol=1e-6)


def test_capture_point(scene):
    """Count a centre of mass that moves by where it would come to rest, 1 s / sqrt(9.81) ahead."""
    pair, reference, cost = scene
    worlds = displaced(pair, reference, velocity=(0.3, 0.4, 5.0))
    np.testing.assert_allclose(priced(cost, worlds, reference, 0), [[(0.5 / 3.13 / 0.1) ** 2, 0]], atol=1e-6)


def test_slipping_feet(scene):
    """Count how far beyond 1 cm a standing foot is from where it came down, less and less, and no other foot."""
    pair, reference, cost = scene
    cost = replace(cost, position=OFF, com=OFF, capture=OFF, height=OFF, slip=0.02, slipping=1.0)
    footing = Footing.none().after(displaced(pair, reference), reference, 0)
    assert footing.held.all()
    near, far = (displaced(pair, reference, supporter=(d, 0, 0)) for d in (0.03, 2.0))
    np.testing.assert_allclose(priced(cost, near, reference, footing=footing), [[4 * 0.5, 0]], atol=1e-6)
    np.testing.assert_allclose(priced(cost, far, reference, footing=footing), [[4.0, 0]], atol=1e-3)
    np.testing.assert_allclose(priced(cost, near, reference), 0, atol=1e-9)


def test_feet_stand_where_they_came_down(scene):
    """Keep the place where a foot really came down, not in the air, and give it up when it is to step."""
    pair, reference, _ = scene
    in_air = Footing.none().after(displaced(pair, reference, supporter=(0.1, 0, 0.3)), reference, 0)
    np.testing.assert_array_equal(in_air.held, [[[False] * 4, [True] * 4]])
    down = in_air.after(displaced(pair, reference, supporter=(0.1, 0, 0)), reference, 1)
    slid = down.after(displaced(pair, reference, supporter=(0.3, 0, 0)), reference, 2)
    np.testing.assert_array_equal(slid.place, down.place)
    np.testing.assert_allclose(slid.slip(displaced(pair, reference, supporter=(0.3, 0, 0)))[0, 0], 0.19**2, atol=1e-9)
    stepping = replace(reference, positions=reference.positions + np.arange(5)[:, None, None, None] * [0.1, 0, 0])
    assert not slid.after(displaced(pair, reference), stepping, 3).held.any()


def test_bouncing(scene):
    """Count vertical acceleration that the reference does not have, less and less."""
    pair, reference, cost = scene
    cost = replace(cost, bounce=3.0, bouncing=1.0)
    worlds = displaced(pair, reference)
    np.testing.assert_allclose(priced(cost, worlds, reference, 1, gained=0.1), [[0.5, 0.5]], atol=1e-6)
    assert priced(cost, worlds, reference, 1, gained=-50.0).max() < 1


def test_hands_that_are_to_hold():
    """Count the gap between a hand and its place on the partner, however both moved together."""
    pair, reference, cost = holding()
    cost = replace(cost, position=OFF, com=OFF, capture=OFF, height=OFF, grasp=0.05, letting_go=1.0)
    together = displaced(pair, reference, supporter=(0.3, 0.1, 0), recipient=(0.3, 0.1, 0))
    np.testing.assert_allclose(priced(cost, together, reference), 0, atol=1e-6)
    apart = displaced(pair, reference, recipient=(0, 0.05, 0))
    np.testing.assert_allclose(priced(cost, apart, reference), [[0.5, 0]], atol=1e-6)


def holding() -> tuple[PairBody, Reference, TrackingCost]:
    """Two people standing, of whom the supporter's left hand is to hold the recipient."""
    _, pair, reference = standing()
    grips = np.zeros((reference.n_frames, 2, 2))
    grips[:, 0, 0] = 1
    grasp = Grasp.of(pair, reference.positions, reference.quats, grips, reference.hz)
    return pair, replace(reference, grips=grips, grasp=grasp), TrackingCost(pair)


def test_rotation(scene):
    """Count the turn of pelvis and chest: 2 sin(a / 2) each, squared."""
    pair, reference, cost = scene
    cost = replace(cost, position=OFF, com=OFF, capture=OFF, height=OFF)
    worlds = displaced(pair, reference, turn=(0, 0, 0.8))
    np.testing.assert_allclose(priced(cost, worlds, reference, 0), [[2 * (2 * np.sin(0.4)) ** 2, 0]], atol=1e-6)


def test_growth(scene):
    """Cost more the farther away, never less."""
    pair, reference, _ = scene
    cost = TrackingCost(pair)
    ways = [
        priced(cost, displaced(pair, reference, supporter=(0, d, 0)), reference, 0)[0, 0]
        for d in (0.01, 0.05, 0.2, 1.0)
    ]
    assert np.all(np.diff(ways) > 0)


def test_held_end(scene):
    """Compare with the last frame when the horizon looks beyond the end."""
    pair, reference, cost = scene
    worlds = displaced(pair, reference, supporter=(0.1, 0, 0))
    np.testing.assert_allclose(priced(cost, worlds, reference, 99), [[3.0, 0.0]], atol=1e-6)
