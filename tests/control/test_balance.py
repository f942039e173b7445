"""Balance feedback: signs, limits, and that the floor really answers the way the signs assume."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.control_cases import displaced, standing
from helpers.standing import standing_motion

from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip
from controller_server.control.balance import BalanceGains, ankle_offsets, ankle_rows
from controller_server.control.reference.reference import Reference
from controller_server.physics.mujoco_backend import BackendMujoco

GAINS = BalanceGains(position=2.0, velocity=0.5, pitch_limit=0.3, roll_limit=0.2)


@pytest.fixture(scope="module")
def scene():
    """Two people standing; the supporter looks along +X, the recipient along -X."""
    return standing()


def test_silent_at_the_reference(scene):
    """Leave the ankles alone where the centre of mass is where it should be."""
    _, pair, reference = scene
    np.testing.assert_allclose(ankle_offsets(displaced(pair, reference), reference, 0, GAINS), 0, atol=1e-9)


def test_ahead_presses_the_toes(scene):
    """Turn the ankles by +x for who is ahead and by -x for who is behind, in proportion."""
    _, pair, reference = scene
    worlds = displaced(pair, reference, supporter=(0.05, 0, 0), recipient=(0.04, 0, 0))
    np.testing.assert_allclose(ankle_offsets(worlds, reference, 0, GAINS), [[[0.1, 0, 0], [-0.08, 0, 0]]], atol=1e-6)


def test_left_presses_the_left_edges(scene):
    """Turn the ankles by -z for who is too far left and by +z for who is too far right."""
    _, pair, reference = scene
    worlds = displaced(pair, reference, supporter=(0, 0.05, 0), recipient=(0, 0.04, 0))
    np.testing.assert_allclose(ankle_offsets(worlds, reference, 0, GAINS), [[[0, 0, -0.1], [0, 0, 0.08]]], atol=1e-6)


def test_velocity_and_height(scene):
    """Answer to velocity by its own gain, and not at all to height."""
    _, pair, reference = scene
    worlds = displaced(pair, reference, supporter=(0, 0, 0.3), velocity=(0.2, -0.1, 0.7))
    np.testing.assert_allclose(ankle_offsets(worlds, reference, 0, GAINS)[0, 0], [0.1, 0, 0.05], atol=1e-6)


@pytest.mark.parametrize("sign", [1, -1])
def test_limits(scene, sign):
    """Never turn the ankles beyond the limits."""
    _, pair, reference = scene
    worlds = displaced(pair, reference, supporter=(sign * 3.0, sign * 3.0, 0), velocity=(sign, sign, 0))
    np.testing.assert_allclose(ankle_offsets(worlds, reference, 0, GAINS)[0, 0], [sign * 0.3, 0, -sign * 0.2])


@pytest.mark.parametrize("heading", np.radians([-170, -60, 45, 90]))
def test_heading(heading):
    """Give the same answer whichever way the person looks."""
    people = standing_motion(3, at=(0, 0), facing=heading), standing_motion(3, at=(3, 3), facing=0)
    clip = InteractionClip(30.0, *people)
    pair = PairBody.from_clip(clip)
    reference = Reference.of(clip, pair)
    ahead, left = np.array([np.cos(heading), np.sin(heading), 0]), np.array([-np.sin(heading), np.cos(heading), 0])
    worlds = displaced(pair, reference, supporter=0.05 * ahead + 0.02 * left)
    np.testing.assert_allclose(ankle_offsets(worlds, reference, 0, GAINS)[0, 0], [0.1, 0, -0.04], atol=1e-6)


def test_the_floor_pushes_back(scene):
    """Find the body pushed backwards by +x at the ankles and to its right by -z: what the signs are chosen for."""
    _, pair, reference = scene
    worlds = BackendMujoco(pair, 3, threads=1, sensors=False)
    worlds.set_state(reference.state[:1])
    targets = np.repeat(reference.targets[None, 0], 3, axis=0)
    for ankle in ankle_rows(pair):
        targets[1, 0, ankle, 0] += 0.1
        targets[2, 0, ankle, 2] -= 0.1
    worlds.set_targets(targets)
    worlds.step(pair.physics_hz // 4)
    moved = worlds.com()[:, 0] - worlds.com()[0, 0]
    assert moved[1, 0] < -0.003  # the supporter looks along +X
    assert moved[2, 1] < -0.003  # and has the right hand at -Y
    assert abs(moved[1, 1]) < 0.001
