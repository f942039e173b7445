"""Where people stand when a simulation begins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from helpers.standing import standing_pair

from controller_server.body.pair import PairBody
from controller_server.control.recorded_simulation import RecordedSimulation
from controller_server.control.reference.reference import Reference
from controller_server.control.reference.start import settled_start


def test_the_floor_carries_people_from_the_first_step():
    """Press feet into the floor by as much as it takes: within a fifth of the weight from the first step on."""
    clip = standing_pair(5)
    pair = PairBody.from_clip(clip)
    reference = Reference.of(clip, pair)
    start = settled_start(pair, reference)
    moved = start.root_position - reference.state.root_position[:1]
    assert np.abs(moved[..., :2]).max() == 0 and np.abs(moved[..., 2]).max() < 0.02
    simulation = RecordedSimulation(pair, start)
    for k in range(3):
        simulation.advance(reference.targets[k + 1], reference.grips[k])
    recording = simulation.recording()
    load = recording.forces[1:, :, :, 1, 2].sum(axis=2) / (9.81 * recording.mass)
    np.testing.assert_allclose(load, 1, atol=0.2)


def test_who_is_in_the_air_stays_there():
    """Move nobody whom nothing near carries."""
    clip = standing_pair(5)
    up = np.array([0.0, 0.0, 1.0])
    clip = replace(clip, recipient=replace(clip.recipient, trans=clip.recipient.trans + up))
    pair = PairBody.from_clip(clip)
    reference = Reference.of(clip, pair)
    start = settled_start(pair, reference)
    np.testing.assert_array_equal(start.root_position[0, 1], reference.state.root_position[0, 1])


def test_a_start_needs_no_more_than_the_first_targets():
    """Give the first targets bit for bit as the whole motion's, without solving all of it."""
    reference = Reference.of(standing_pair(100), PairBody.from_clip(standing_pair(2)))
    opening = reference.opening
    assert not reference.motion._solved
    np.testing.assert_array_equal(opening, reference.targets[:2])
    again = reference.sharing(reference.sparing)
    assert again.load is reference.load and reference.sharing(1.0).load is not reference.load
