"""Lost holds: when hands that should hold the partner touch nobody, and what targets make of it."""

from __future__ import annotations

import numpy as np
from conftest import standing_pair

from controller_server.body.pair import PairBody
from controller_server.control.hold import hold_lost, slackened

PAIR = PairBody.from_clip(standing_pair(2))
HAND = PAIR.hand_rows[1]


def test_a_hold_is_lost_when_no_hand_that_should_hold_touches():
    """Tell pairs that hold, that lost it, that touch with another hand, and that were never to hold."""
    forces, grips = np.zeros((4, 2, len(PAIR.joints), 3, 3)), np.zeros((4, 2, 2))
    grips[:3, 0, 1] = 1
    forces[0, 0, HAND, 0, 2] = 50.0
    forces[2, 0, PAIR.hand_rows[0], 0, 2] = 50.0
    assert hold_lost(forces, grips, PAIR).tolist() == [False, True, True, False]


def test_one_hand_of_two_is_a_hold():
    """Count on the partner as long as any of the hands that should hold does; the floor does not count."""
    forces, grips = np.zeros((2, 2, len(PAIR.joints), 3, 3)), np.ones((2, 2, 2))
    forces[0, 1, HAND, 0, 0] = 11.0
    forces[1, 1, HAND, 1, 0] = 500.0
    assert hold_lost(forces, grips, PAIR).tolist() == [False, True]


def test_targets_change_where_the_hold_is_lost():
    """Take the targets of people apart in the worlds concerned alone."""
    together, apart = np.ones((2, 3, 3)), np.zeros((2, 3, 3))
    mixed = slackened(together, apart, np.array([False, True]))
    assert (mixed[0] == 1).all() and (mixed[1] == 0).all()
