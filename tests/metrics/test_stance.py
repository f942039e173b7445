"""Feet on recordings whose slips, loads and steps are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.measure_cases import apart, recording_of

from controller_server.body.pair import PairBody
from controller_server.clip.rotation import quat_from_rotvec, quat_mul, quat_rotate
from controller_server.clip.skeleton import R_ANKLE
from controller_server.metrics import stance
from controller_server.metrics.feet import foot_corners
from controller_server.physics.recording import TOUCH_FLOOR, TOUCH_PARTNER, Recording


def standing(seconds: float = 1.0) -> tuple[Recording, PairBody]:
    """Two people standing still, without a list of contacts."""
    clip = apart(round(30 * seconds) + 1)
    pair = PairBody.from_clip(clip)
    return recording_of(clip, pair), pair


def touching(recording: Recording, pair: PairBody, person: int, joint: int, points: np.ndarray) -> Recording:
    """The recording with one contact of a body with the floor at every step, at points [m], shape (S, 3)."""
    steps, row = len(recording.time), pair.joints.index(joint) + person * len(pair.joints)
    return replace(
        recording,
        contact_step=np.arange(steps),
        contact_bodies=np.tile([row, -1], (steps, 1)),
        contact_positions=points,
        contact_forces=np.tile([0.0, 0, 300], (steps, 1)),
    )


def moved_body(recording: Recording, person: int, row: int, **tracks: np.ndarray) -> Recording:
    """The recording with one body somewhere else."""
    changed = {}
    for name, track in tracks.items():
        values = getattr(recording, name).copy()
        values[:, person, row] = track
        changed[name] = values
    return replace(recording, **changed)


def slip_of(recording: Recording, pair: PairBody) -> stance.Slip:
    """Over all stances."""
    bears = stance.sole_load(recording, pair) > stance.BEARING
    return stance.summarise_slip(stance.find_stances(stance.sole_motion(recording, pair), bears, recording.time))


def test_a_foot_that_slides_and_one_that_stands():
    """One right foot of the recipient slides 6 cm forwards and 2 cm back: 6 cm at its farthest; others stand."""
    recording, pair = standing()
    row = pair.joints.index(R_ANKLE)
    way = np.interp(recording.time, [0.2, 0.5, 0.8], [0, 0.06, 0.04])
    place = recording.positions[:, 1, row] + way[:, None] * [0, 1, 0]
    sliding = moved_body(recording, 1, row, positions=place)
    slip = slip_of(touching(sliding, pair, 1, R_ANKLE, place * [1, 1, 0]), pair)
    assert slip.stances == 4
    assert slip.worst_cm == pytest.approx(6, abs=0.05) and slip.mean_cm == pytest.approx(1.5, abs=0.02)
    assert (slip.person, slip.side) == (1, 1) and slip.time_s == pytest.approx(0.5, abs=0.02)


def test_a_foot_that_rolls_does_not_slide():
    """A foot that turns about its point of contact: the ankle moves 6 cm, the point does not."""
    recording, pair = standing()
    row = pair.joints.index(R_ANKLE)
    pivot = recording.positions[0, 1, row] * [1, 1, 0] + [0, -0.1, 0]
    turn = quat_from_rotvec(np.linspace(0, 0.6, len(recording.time))[:, None] * [1.0, 0, 0])
    arm = recording.positions[0, 1, row] - pivot
    rolled = moved_body(
        recording,
        1,
        row,
        positions=pivot + quat_rotate(turn, arm),
        quats=quat_mul(turn, recording.quats[:, 1, row]),
    )
    assert np.linalg.norm(rolled.positions[-1, 1, row] - rolled.positions[0, 1, row]) > 0.05
    slip = slip_of(touching(rolled, pair, 1, R_ANKLE, np.tile(pivot, (len(turn), 1))), pair)
    assert slip.worst_cm == pytest.approx(0, abs=0.05)


def test_a_foot_in_the_air_may_move():
    """Moves of a foot that bears less than a tenth of the body weight are steps."""
    recording, pair = standing()
    row = pair.joints.index(R_ANKLE)
    forces = recording.forces.copy()
    forces[(recording.time > 0.33) & (recording.time < 0.67), 1, row] = 0
    way = np.interp(recording.time, [0.4, 0.6], [0, 0.3])
    place = recording.positions[:, 1, row] + way[:, None] * [0, 1, 0]
    stepping = replace(moved_body(recording, 1, row, positions=place), forces=forces)
    slip = slip_of(touching(stepping, pair, 1, R_ANKLE, place * [1, 1, 0]), pair)
    assert slip.stances == 5 and slip.worst_cm == pytest.approx(0, abs=0.05)


def test_the_same_of_a_clip():
    """Corners that lie on the floor and go 3 cm aside in a clip are a slip of 3 cm of both feet."""
    clip = apart(16)
    corners = foot_corners(clip, PairBody.from_clip(clip)).copy()
    corners[:, 0, :, :, 0] += np.linspace(0, 0.03, 16)[:, None, None]
    moved, bears = stance.corner_motion(corners, 0.02)
    found = stance.find_stances(moved, bears, np.arange(16) / 30)
    assert [round(100 * s.slip_m, 3) for s in found if s.person == 0] == pytest.approx([3, 3])
    assert max(s.slip_m for s in found if s.person == 1) == pytest.approx(0, abs=1e-9)


def test_loads_and_touchdowns():
    """Half the weight on either sole; one that is off for a while comes down twice, one that eases or rattles once."""
    recording, pair = standing()
    load = stance.sole_load(recording, pair)
    np.testing.assert_allclose(load, 0.5)
    np.testing.assert_allclose(stance.floor_force(recording), 1.0)
    time = recording.time
    assert stance.touchdowns(load[:, 0, 0], time) == [(0, len(load))]
    off, eased, rattled = (load[:, 0, 0].copy() for _ in range(3))
    off[30:60], eased[30:60], rattled[30:34] = 0.0, 0.05, 0.0
    assert [len(stance.touchdowns(track, time)) for track in (off, eased, rattled)] == [2, 1, 1]
    heights = np.full(90, 0.0)
    heights[30:60] = 0.05
    assert stance.drawn_touchdowns(heights) == [(0, 30), (60, 90)]
    assert stance.drawn_touchdowns(np.full(90, 0.015)) == []


def test_a_rattling_contact_is_no_jump():
    """A contact that is on and off from step to step bears as much as its mean."""
    recording, pair = standing()
    forces = recording.forces.copy()
    forces[::2, ..., TOUCH_FLOOR, 2] *= 2
    forces[1::2] = 0
    load = stance.floor_force(replace(recording, forces=forces))
    np.testing.assert_allclose(load[10:-10], 1.0, atol=0.01)


def test_what_the_partner_carries():
    """An upward force from the partner on any body."""
    recording, pair = standing()
    forces = recording.forces.copy()
    forces[:, 1, 3, TOUCH_PARTNER, 2] = 0.4 * stance.weights_of(recording)[1]
    np.testing.assert_allclose(stance.carried_force(replace(recording, forces=forces)), [[0, 0.4]] * len(forces))


def test_nobody_stands():
    """No stance, no slip."""
    assert stance.summarise_slip([]) == stance.Slip(0, 0.0, 0.0, None, None, None)
