"""The external wrench: silent where it is not needed, never over its bounds, towards the reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.control_cases import displaced, standing

from controller_server.body.pair import PairBody
from controller_server.body.strength import Strength
from controller_server.control.assist import MAX_FORCE, MAX_TORQUE, Assistance
from controller_server.metrics.effort import GRAVITY

LEVELS = [0.05, 0.2, 0.5]


@pytest.fixture(scope="module")
def scene():
    """Two people standing still."""
    return standing()


def test_silent_inside_the_deadband(scene):
    """Do nothing while position and rotation are near enough, however fast the person moves."""
    _, pair, reference = scene
    assistance = Assistance(pair, 0.5, deadband=0.02, angle_deadband=0.1)
    worlds = displaced(
        pair, reference, supporter=(0.01, -0.01, 0.01), recipient=(0, 0.019, 0), turn=(0, 0, 0.09), velocity=(3, 0, 0)
    )
    np.testing.assert_array_equal(assistance.wrench(worlds, reference, 0), np.zeros((1, 2, 6)))


def test_spring(scene):
    """Pull back in proportion to what is beyond the dead band, each person by their own weight."""
    _, pair, reference = scene
    assistance = Assistance(pair, 0.5, deadband=0.02, stiffness=2.0)
    wrench = assistance.wrench(displaced(pair, reference, supporter=(0, 0, -0.12)), reference, 0)[0]
    np.testing.assert_allclose(wrench[0, :3], [0, 0, 0.2 * pair.supporter.mass * GRAVITY], atol=1e-6)
    np.testing.assert_array_equal(wrench[1], np.zeros(6))


def test_damping(scene):
    """Slow down who flies back too fast."""
    _, pair, reference = scene
    assistance = Assistance(pair, 0.5, deadband=0.02, stiffness=2.0, damping=0.5)
    worlds = displaced(pair, reference, supporter=(0.12, 0, 0), velocity=(-0.1, 0, 0))
    force = assistance.wrench(worlds, reference, 0)[0, 0, :3] / (pair.supporter.mass * GRAVITY)
    np.testing.assert_allclose(force, [-0.2 + 0.05, 0, 0], atol=1e-6)


@pytest.mark.parametrize("level", LEVELS)
def test_bounds(scene, level):
    """Stay at level x body weight and the share of MAX_TORQUE that goes with it, however far off the person is."""
    _, pair, reference = scene
    worlds = displaced(
        pair, reference, supporter=(2, -1, 1), recipient=(0, 0, -3), turn=(1.5, 1.0, -1.0), velocity=(9, 9, 9)
    )
    wrench = Assistance(pair, level).wrench(worlds, reference, 0)[0]
    weight = np.array([person.mass for person in pair.people]) * GRAVITY
    np.testing.assert_allclose(np.linalg.norm(wrench[:, :3], axis=-1), level * weight)
    np.testing.assert_allclose(np.linalg.norm(wrench[0, 3:]), MAX_TORQUE * level / MAX_FORCE)
    assert np.linalg.norm(wrench[1, 3:]) == 0


def test_no_level(scene):
    """Do nothing at level 0."""
    _, pair, reference = scene
    worlds = displaced(pair, reference, supporter=(1, 1, 1), turn=(1, 0, 0))
    np.testing.assert_array_equal(Assistance(pair, 0.0).wrench(worlds, reference, 0), np.zeros((1, 2, 6)))


@pytest.mark.parametrize("offset", [(0.3, 0, 0), (-0.2, 0.4, 0), (0.1, 0.2, -0.5)])
def test_direction(scene, offset):
    """Point from where the pelvis is to where it should be."""
    _, pair, reference = scene
    force = Assistance(pair, 0.5).wrench(displaced(pair, reference, supporter=offset), reference, 0)[0, 0, :3]
    np.testing.assert_allclose(force / np.linalg.norm(force), -np.array(offset) / np.linalg.norm(offset), atol=1e-6)


@pytest.mark.parametrize("turn", [(0.5, 0, 0), (0, -0.4, 0.3), (0, 0, 2.5)])
def test_torque_direction(scene, turn):
    """Turn back about the axis the pelvis was turned about."""
    _, pair, reference = scene
    torque = Assistance(pair, 0.5).wrench(displaced(pair, reference, turn=turn), reference, 0)[0, 0, 3:]
    np.testing.assert_allclose(torque / np.linalg.norm(torque), -np.array(turn) / np.linalg.norm(turn), atol=1e-6)


def test_light_person(scene):
    """Bound the help by the weight of the person who gets it."""
    clip, pair, reference = scene
    light = PairBody.from_clip(clip, recipient=replace(Strength(), mass=0.5))
    worlds = displaced(light, reference, supporter=(1, 0, 0), recipient=(1, 0, 0))
    force = np.linalg.norm(Assistance(light, 0.2).wrench(worlds, reference, 0)[0, :, :3], axis=-1)
    np.testing.assert_allclose(force, 0.2 * GRAVITY * pair.supporter.mass * np.array([1.0, 0.5]))
