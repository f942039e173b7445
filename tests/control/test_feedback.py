"""The feedback of a search's base: limbs that reach, hands that close, feet that stay where they came down."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.control_cases import displaced, standing
from helpers.policy_cases import untrained

from controller_server.body.pair import PairBody
from controller_server.clip.rotation import quat_from_rotvec, quat_mul, quat_rotate, rotvec_from_quat
from controller_server.clip.skeleton import JOINT_NAMES, joint
from controller_server.control.balance import BalanceGains
from controller_server.control.base_targets import ReferenceBase
from controller_server.control.contact_loss import contact_lost
from controller_server.control.limbs import limited, turned, turns_for
from controller_server.control.policy.action import ActionSpec
from controller_server.control.policy.bundle_card import BundleCard
from controller_server.control.policy.policy import PolicyBase
from controller_server.control.reference.grasp import Grasp
from controller_server.control.reference.reference import FOOT_ROWS, Reference
from controller_server.physics.mujoco_backend import BackendMujoco

NO_BALANCE = BalanceGains(position=0, velocity=0)
SHIFT = np.array([0.02, -0.01, 0.015])


def test_turns_bring_the_end_where_it_is_to_be():
    """Shift the end of a bent limb by nearly as much as asked, by turns of its joints one after the other."""
    joints = np.array([[0, 0, 1.0], [0.3, 0, 1.0], [0.3, 0.3, 0.9]])
    levers = joints[-1] - joints[:-1]
    turns = turns_for(levers, SHIFT)
    first, second = (quat_from_rotvec(turn)[None] for turn in turns)
    elbow = quat_rotate(first, (joints[1] - joints[0])[None])
    end = joints[0] + elbow + quat_rotate(quat_mul(first, second), (joints[2] - joints[1])[None])
    np.testing.assert_allclose(end[0] - joints[-1], SHIFT, atol=0.005)
    np.testing.assert_array_equal(turns_for(levers, np.zeros(3)), 0)


def test_turned_targets():
    """Turn a joint about a world axis, whatever way its body looks."""
    quat, target = quat_from_rotvec(np.array([0.3, -0.2, 0.5])), np.array([0.1, 0.4, 0.0])
    turn = np.array([0.0, 0.0, 0.1])
    after = quat_from_rotvec(turned(target, quat, turn))
    local = quat_mul(quat_mul(quat_from_rotvec(-target), after), np.array([1.0, 0, 0, 0]))
    np.testing.assert_allclose(quat_rotate(quat[None], rotvec_from_quat(local)[None])[0], turn, atol=1e-12)


def test_limited():
    """Shorten what is too long and leave the rest as it is."""
    np.testing.assert_allclose(limited(np.array([[3.0, 4.0, 0], [0.1, 0, 0]]), 1.0), [[0.6, 0.8, 0], [0.1, 0, 0]])


def posed(pair: PairBody, reference: Reference, targets: np.ndarray) -> BackendMujoco:
    """The reference's first frame with the joints turned to some targets."""
    backend = BackendMujoco(pair, 1, threads=1, sensors=False)
    state = reference.state[:1]
    local = np.concatenate([state.local_quats[:, :, :1], quat_from_rotvec(targets)], axis=2)
    backend.set_state(replace(state, local_quats=local))
    return backend


@pytest.fixture(scope="module")
def holding() -> tuple[PairBody, Reference]:
    """Two people standing, of whom the supporter's left hand is to hold the recipient from frame 30 on."""
    _, pair, reference = standing(60)
    grips = np.zeros((60, 2, 2))
    grips[30:, 0, 0] = 1
    grasp = Grasp.of(pair, reference.positions, reference.quats, grips, reference.hz)
    poses = rotvec_from_quat(reference.state.local_quats[:, :, 1:])
    return pair, replace(reference, grips=grips, grasp=grasp).with_targets(poses)


def test_a_hand_closes_where_it_is_to_hold(holding: tuple[PairBody, Reference]):
    """Close the hand that is in its place, and not one that would hold the partner elsewhere."""
    pair, reference = holding
    grips, near, far = reference.grips[40], (0, 0.03, 0), (0, 0.1, 0)
    closed = [
        reference.grasp.closed(displaced(pair, reference, recipient=shift), grips, 40)[0] for shift in (near, far)
    ]
    np.testing.assert_array_equal(closed[0], grips)
    assert not closed[1].any()


def test_an_arm_off_its_place_carries_nobody(holding: tuple[PairBody, Reference]):
    """An arm counts on the partner's load as far as its hand is in its place, whatever the other joints do."""
    pair, reference = holding
    base = ReferenceBase(pair, reference, NO_BALANCE)
    loaded, apart = np.full((1, 2, len(pair.joints) - 1, 3), 0.2), np.zeros((2, len(pair.joints) - 1, 3))
    gap = np.zeros((1, 2, 2))
    for off, left in ((0.03, 0.2), (0.055, 0.1), (0.08, 0.0), (0.5, 0.0)):
        targets, gap[0, 0, 0] = loaded.copy(), off
        base._unload(targets, apart, gap)
        changed = np.flatnonzero((targets != loaded)[0, 0].any(axis=-1)) + 1
        assert set(changed) <= {row for row, j in enumerate(pair.joints) if JOINT_NAMES[j].startswith("left_")}
        np.testing.assert_allclose(targets[0, 0, pair.joints.index(joint("left_elbow")) - 1], left, atol=1e-12)
        np.testing.assert_array_equal(targets[0, 1], loaded[0, 1])


def test_a_hand_goes_where_the_partner_is(holding: tuple[PairBody, Reference]):
    """Aim the hand that is to hold at where the partner really stands, and no other, and only near the hold."""
    pair, reference = holding
    base = ReferenceBase(pair, reference, NO_BALANCE)
    worlds = displaced(pair, reference, recipient=(0, 0.05, 0))
    np.testing.assert_allclose(base.fork(1).targets(worlds, 5)[0, 0], reference.targets[6, 0], atol=1e-9)
    for frame in range(40, 46):
        targets = base.targets(worlds, frame)
    now = posed(pair, reference, targets)
    start = posed(pair, reference, reference.targets[:1])
    moved = reference.grasp.centres(now) - reference.grasp.centres(start)
    np.testing.assert_allclose(moved[0, 0, 0], [0, 0.05, 0], atol=0.015)
    np.testing.assert_allclose(moved.reshape(4, 3)[1], 0, atol=1e-9)


def test_a_hold_that_is_lost_is_not_run_after(holding: tuple[PairBody, Reference]):
    """Give the arms back to the reference, and the load to one's own muscles, where the partner is far away."""
    pair, reference = holding
    base = ReferenceBase(pair, reference, NO_BALANCE)
    apart = reference.apart()
    worlds = displaced(pair, reference, recipient=(1.0, 0, 0))
    targets = base.targets(worlds, 40)[0]
    np.testing.assert_allclose(targets[0], apart[41, 0], atol=1e-9)
    assert np.abs(targets[1] - apart[41, 1]).max() < 0.3  # legs reach back for where they stand, and not far


def test_feet_stay_where_they_came_down(holding: tuple[PairBody, Reference]):
    """Lead the legs to where the feet are, seen from the reference's pelvis, soles as level as before."""
    pair, reference = holding
    base = ReferenceBase(pair, reference, NO_BALANCE)
    targets = base.targets(displaced(pair, reference, supporter=(0.04, 0.02, 0)), 0)
    now, start = posed(pair, reference, targets), posed(pair, reference, reference.targets[:1])
    moved = (now.positions() - start.positions())[0, 0, FOOT_ROWS]
    np.testing.assert_allclose(moved, np.tile([0.04, 0.02, 0], (4, 1)), atol=0.015)
    up = np.array([0, 1.0, 0])
    turn = [quat_rotate(w.quats()[0, 0, FOOT_ROWS[:2]], np.tile(up, (2, 1))) for w in (now, start)]
    np.testing.assert_allclose(turn[0], turn[1], atol=0.02)


def test_many_worlds_remember_what_one_did(holding: tuple[PairBody, Reference]):
    """Go on in every world from the memory of the one that was steered, and leave that one's as it is."""
    pair, reference = holding
    base = ReferenceBase(pair, reference, NO_BALANCE)
    world = displaced(pair, reference, recipient=(0, 0.05, 0))
    base.targets(world, 40)
    forked, kept = base.fork(1), base.fork(1)
    forked.targets(world, 41)
    np.testing.assert_array_equal(kept.targets(world, 41), base.targets(world, 41))


def test_a_policy_may_act_beside_hands_that_close(holding: tuple[PairBody, Reference]):
    """Give the base's own targets where every action is zero, and let go of arms that feel nobody."""
    pair, reference = holding
    bundle = untrained(standing(60)[0], pair, action=ActionSpec(closing=True))
    assert BundleCard.from_dict(bundle.card.to_dict()).action.closing
    worlds = displaced(pair, reference, recipient=(0, 0.05, 0), sensors=True)
    policy, base = PolicyBase(pair, reference, bundle), ReferenceBase(pair, reference, feet=False)
    for frame in (5, 40):
        lost = contact_lost(worlds.forces(), np.repeat(reference.grips[frame][None], 1, axis=0), pair)
        np.testing.assert_allclose(policy.targets(worlds, frame), base.targets(worlds, frame, lost), atol=1e-6)
    assert lost.all() and np.abs(policy.targets(worlds, 40) - base.targets(worlds, 40)).max() > 0.01


def test_a_hand_that_feels_nothing_goes_on_reaching(holding: tuple[PairBody, Reference]):
    """Move the target of a hand farther with every frame in which it does not feel the partner, and no other's."""
    pair, reference = holding
    worlds = displaced(pair, reference, recipient=(0, 0.05, 0))
    lost = np.zeros((1, 2, len(pair.joints) - 1), bool)
    lost[0, 0, pair.hand_rows[0] - 1] = True
    feeling, numb = (ReferenceBase(pair, reference, NO_BALANCE) for _ in range(2))
    turns = []
    for frame in range(40, 44):
        felt, unfelt = feeling.targets(worlds, frame), numb.targets(worlds, frame, lost)
        turns.append(np.abs(unfelt - felt)[0])
    assert (np.diff([turn[0].max() for turn in turns]) > 0.005).all()
    assert not np.any([turn[1] for turn in turns])
