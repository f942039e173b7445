"""Lost holds: when hands that should hold the partner touch nobody, and what targets make of it."""

from __future__ import annotations

import numpy as np
from helpers.standing import standing_pair

from controller_server.body.pair import PairBody
from controller_server.clip.skeleton import JOINT_NAMES
from controller_server.control.contact_loss import compensate_contact_loss, contact_lost

PAIR = PairBody.from_clip(standing_pair(2))
HAND = PAIR.hand_rows[1]


def test_a_hold_is_lost_when_no_hand_that_should_hold_touches():
    """Tell pairs that hold, that lost it, that touch with another hand, and that were never to hold."""
    forces, grips = np.zeros((4, 2, len(PAIR.joints), 3, 3)), np.zeros((4, 2, 2))
    grips[:3, 0, 1] = 1
    forces[0, 0, HAND, 0, 2] = 50.0
    forces[2, 0, PAIR.hand_rows[0], 0, 2] = 50.0
    lost = contact_lost(forces, grips, PAIR)
    assert lost.all(axis=(1, 2)).tolist() == [False, True, True, False]
    assert lost.any(axis=(1, 2)).tolist() == [False, True, True, False]


def test_one_hand_of_two_is_a_hold():
    """Let go with the arms of hands that touch nobody alone while another hand holds; the floor does not count."""
    forces, grips = np.zeros((2, 2, len(PAIR.joints), 3, 3)), np.zeros((2, 2, 2))
    grips[:, 1] = 1
    forces[0, 1, HAND, 0, 0] = 11.0
    forces[1, 1, HAND, 1, 0] = 500.0
    lost = contact_lost(forces, grips, PAIR)
    names = [JOINT_NAMES[j] for j in PAIR.joints[1:]]
    found = [names[row] for row in np.flatnonzero(lost[0, 1])]
    assert found == ["left_collar", "left_shoulder", "left_elbow", "left_wrist"]
    assert not lost[0, 0].any() and lost[1].all()


def test_targets_change_where_the_hold_is_lost():
    """Take the targets of people apart for the joints concerned alone."""
    together, apart = np.ones((2, 3, 3)), np.zeros((2, 3, 3))
    lost = np.array([[False, False, True], [True, True, True]])
    mixed = compensate_contact_loss(together, apart, lost)
    assert (mixed == np.where(lost, 0, 1)[..., None]).all()
