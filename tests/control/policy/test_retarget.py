"""Hand goals that follow the recipient: exactly, without jumps, and only while both are near."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.standing import standing_pair

from controller_server.body.pair import PairBody
from controller_server.control.policy.retarget import RetargetSettings, RetargetState, retarget, with_hands_moved
from controller_server.control.reference.reference import Reference
from controller_server.control.reference.reference_trajectory import Bodies, ReferenceTrajectory
from controller_server.core.errors import AssistMimicError

CLIP = standing_pair(31)
PAIR = PairBody.from_clip(CLIP)
GOAL = ReferenceTrajectory.of(Reference.of(CLIP, PAIR)).bodies(np.zeros(1, int))
NEAR = RetargetSettings(reach=2.0, fade=0.0)
L_WRIST, R_WRIST = 20, 21


def moved(bodies: Bodies, person: int, shift: list[float]) -> Bodies:
    """Bodies with one person displaced [m]."""
    positions = bodies.positions.copy()
    positions[:, person] += np.asarray(shift, np.float32)
    return replace(bodies, positions=positions)


def test_hands_follow_the_recipient_as_simulated():
    """A recipient 0.2 m off takes the supporter's hand goals along, and nothing else."""
    now = moved(GOAL, 1, [0.0, 0.2, 0.1])
    state = retarget(NEAR, RetargetState.fresh(1), now, GOAL, PAIR)
    assert np.allclose(state.shift, [0.0, 0.2, 0.1], atol=1e-6)
    changed = with_hands_moved(GOAL, state.shift, PAIR).positions - GOAL.positions
    assert np.allclose(changed[:, 0, [L_WRIST, R_WRIST]], [0.0, 0.2, 0.1], atol=1e-6)
    changed[:, 0, [L_WRIST, R_WRIST]] = 0
    assert (changed == 0).all()


def test_the_gate_has_hysteresis():
    """Between the two distances an open gate stays open and a closed one closed."""
    settings = replace(NEAR, enter=1.0, leave=1.2)
    between, far = moved(GOAL, 1, [0.1, 0, 0]), moved(GOAL, 1, [0.4, 0, 0])
    closed = retarget(settings, RetargetState.fresh(1), between, GOAL, PAIR)
    assert not closed.near[0] and (closed.shift == 0).all()
    opened = retarget(settings, RetargetState.fresh(1), moved(GOAL, 1, [-0.2, 0, 0]), GOAL, PAIR)
    assert opened.near[0]
    kept = retarget(settings, opened, between, GOAL, PAIR)
    assert kept.near[0] and np.allclose(kept.shift, [0.1, 0, 0], atol=1e-6)
    assert not retarget(settings, kept, far, GOAL, PAIR).near[0]


def test_goals_move_smoothly_when_the_nearest_body_changes():
    """Another body takes over only when it is clearly nearer, and the goal then fades to its new place."""
    settings = replace(NEAR, margin=0.05, fade=0.2)
    goal = moved(GOAL, 0, [0.0, 0.0, 0.0])
    now = GOAL.positions.copy()
    now[:, 1, 16] += [0.0, 0.0, 0.3]  # only the recipient's left shoulder is off
    now = replace(GOAL, positions=now)

    def hand_at(body: int, along: float) -> Bodies:
        positions = goal.positions.copy()
        a, b = positions[:, 1, body], positions[:, 1, 18]
        positions[:, 0, R_WRIST] = a + along * (b - a) + [0.0, 0.0, 0.01]
        return replace(goal, positions=positions)

    state = RetargetState.fresh(1)
    for _ in range(10):
        state = retarget(settings, state, now, hand_at(16, 0.1), PAIR)
    assert state.body[0, 1] == 16 and np.allclose(state.shift[0, 1], [0, 0, 0.3], atol=1e-5)
    state = retarget(settings, state, now, hand_at(16, 0.55), PAIR)
    assert state.body[0, 1] == 16  # a little nearer to the elbow is not enough
    heights = []
    for _ in range(10):
        state = retarget(settings, state, now, hand_at(16, 0.95), PAIR)
        heights.append(float(state.shift[0, 1, 2]))
    assert state.body[0, 1] == 18 and abs(heights[-1]) < 1e-6
    assert max(abs(np.diff([0.3, *heights]))) < 0.08


def test_some_pairs_can_start_anew():
    """A restarted pair forgets, the other keeps its state."""
    goal = Bodies(*(np.repeat(a, 2, axis=0) for a in vars(GOAL).values()))
    state = retarget(NEAR, RetargetState.fresh(2), moved(goal, 1, [0.0, 0.2, 0.0]), goal, PAIR)
    fresh = state.restarted(np.array([True, False]))
    assert not fresh.near[0] and (fresh.shift[0] == 0).all() and (fresh.body[0] == -1).all()
    assert fresh.near[1] and np.array_equal(fresh.shift[1], state.shift[1])


def test_settings_are_checked():
    """An inverted gate is refused; written settings read back the same."""
    with pytest.raises(AssistMimicError, match="enter 2 m must not be beyond leave 1 m"):
        RetargetSettings(enter=2, leave=1)
    assert RetargetSettings.from_dict(NEAR.to_dict()) == NEAR
    with pytest.raises(AssistMimicError, match="retarget: fade: expected a number, got 'slow'"):
        RetargetSettings.from_dict(NEAR.to_dict() | {"fade": "slow"})
