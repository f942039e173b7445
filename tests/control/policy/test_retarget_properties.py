"""What holds of moved hand goals wherever two people are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from helpers.standing import standing_pair
from hypothesis import given
from hypothesis import strategies as st

from controller_server.body.pair import PairBody
from controller_server.control.policy.retarget import RetargetSettings, RetargetState, retarget, with_hands_moved
from controller_server.control.reference.reference import Reference
from controller_server.control.reference.reference_trajectory import Bodies, ReferenceTrajectory

CLIP = standing_pair(5)
PAIR = PairBody.from_clip(CLIP)
GOAL = ReferenceTrajectory.of(Reference.of(CLIP, PAIR)).bodies(np.zeros(1, int))
SETTINGS = RetargetSettings(reach=2.0)

SHIFTS = st.tuples(*[st.floats(-0.5, 0.5, width=32)] * 3).map(lambda shift: np.array(shift, np.float32))


def moved(bodies: Bodies, shift: np.ndarray, person: int | slice = slice(None)) -> Bodies:
    """Bodies of one person, or both, displaced [m]."""
    positions = bodies.positions.copy()
    positions[:, person] += shift
    return replace(bodies, positions=positions)


def scattered(seed: int, size: float) -> Bodies:
    """Each of the recipient's bodies displaced by itself, by at most `size` [m]."""
    positions = GOAL.positions.copy()
    positions[:, 1] += np.random.default_rng(seed).uniform(-size, size, positions[:, 1].shape)
    return replace(GOAL, positions=positions)


BODIES = st.builds(scattered, st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.05, 0.5]))


@given(BODIES, SHIFTS)
def test_only_differences_matter(now: Bodies, shift: np.ndarray):
    """Give the same displacement where simulation and reference are both somewhere else."""
    fresh = RetargetState.fresh(1)
    here = retarget(SETTINGS, fresh, now, GOAL, PAIR)
    there = retarget(SETTINGS, fresh, moved(now, shift), moved(GOAL, shift), PAIR)
    np.testing.assert_array_equal(there.body, here.body)
    np.testing.assert_allclose(there.shift, here.shift, atol=2e-6)


@given(BODIES)
def test_a_hand_keeps_its_offset_to_the_body_it_is_tied_to(now: Bodies):
    """Put each hand, once faded, where the recorded hand is beside the recorded body: p' - p = p_ref' - p_ref."""
    state = RetargetState.fresh(1)
    for _ in range(1 + round(SETTINGS.fade * PAIR.control_hz)):
        state = retarget(SETTINGS, state, now, GOAL, PAIR)
    goal = with_hands_moved(GOAL, state.shift, PAIR)
    for hand, row in enumerate(PAIR.hand_rows):
        body = state.body[0, hand]
        if body < 0:
            assert (state.shift[0, hand] == 0).all()
            continue
        np.testing.assert_allclose(
            goal.positions[0, 0, row] - now.positions[0, 1, body],
            GOAL.positions[0, 0, row] - GOAL.positions[0, 1, body],
            atol=2e-6,
        )


@given(st.lists(BODIES, min_size=1, max_size=4), st.lists(st.booleans(), min_size=4, max_size=4))
def test_goals_never_jump_farther_than_the_recipient_moves(places: list[Bodies], stay: list[bool]):
    """Move a goal, from one frame to the next, by no more than the fading and the recipient's own step allow."""
    state, before = RetargetState.fresh(1), places[0]  # off from the start: the first goals fade in too
    steps = SETTINGS.fade * PAIR.control_hz
    for place, still in zip(places, stay, strict=False):
        now = before if still else place
        after = retarget(SETTINGS, state, now, GOAL, PAIR)
        walked = np.linalg.norm(now.positions[0, 1] - before.positions[0, 1], axis=-1).max()
        off = max(
            np.linalg.norm(bodies.positions[0, 1] - GOAL.positions[0, 1], axis=-1).max() for bodies in (now, before)
        )
        faded = (np.linalg.norm(state.shift[0], axis=-1) + off + np.linalg.norm(state.rest[0], axis=-1)).max() / steps
        assert np.linalg.norm(after.shift[0] - state.shift[0], axis=-1).max() <= walked + faded + 1e-6
        state, before = after, now


@given(BODIES, st.integers(2, 4))
def test_pairs_do_not_touch_each_other(now: Bodies, copies: int):
    """Treat every pair of a batch as if it were the only one."""
    one = retarget(SETTINGS, RetargetState.fresh(1), now, GOAL, PAIR)
    far = moved(GOAL, np.array([9.0, 0, 0], np.float32), 0)
    batch = replace(now, **{name: np.concatenate([array] * copies) for name, array in vars(now).items()})
    goals = replace(GOAL, **{name: np.concatenate([array] * copies) for name, array in vars(GOAL).items()})
    batch.positions[1] = far.positions[0]  # another pair that is far apart
    many = retarget(SETTINGS, RetargetState.fresh(copies), batch, goals, PAIR)
    for name, array in vars(one).items():
        np.testing.assert_array_equal(getattr(many, name)[0], array[0], err_msg=name)
    assert not many.near[1] and (many.shift[1] == 0).all()
