"""What policies see: the same in any place, heading and array library, and what each term says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.standing import standing_pair

from controller_server.body.pair import PairBody
from controller_server.clip.rotation import quat_from_rotvec, quat_mul, quat_rotate
from controller_server.control.policy.observation import (
    NO_FORCES,
    ObservedState,
    bound,
    observe,
    observe_state,
    reads_forces,
    term_sizes,
)
from controller_server.control.reference.reference import Reference
from controller_server.control.reference.reference_trajectory import Bodies, ReferenceTrajectory
from controller_server.core.errors import AssistMimicError
from controller_server.physics.mujoco_backend import BackendMujoco
from controller_server.terms import TermConfig, observation

NAMES = tuple(observation.all())
CLIP = standing_pair(31)
PAIR = PairBody.from_clip(CLIP)
REFERENCE = Reference.of(CLIP, PAIR)
TRACK = ReferenceTrajectory.of(REFERENCE)


def random_view(n: int = 3) -> ObservedState:
    """People in random states, float64 so that nothing is lost by turning them."""
    rng, b = np.random.default_rng(0), 22

    def bodies() -> Bodies:
        quats = quat_from_rotvec(0.5 * rng.standard_normal((n, 2, b, 3)))
        return Bodies(rng.standard_normal((n, 2, b, 3)), quats, *rng.standard_normal((2, n, 2, b, 3)))

    now, goal, later = bodies(), bodies(), bodies()
    return ObservedState(
        now=now,
        goal=goal,
        ahead=lambda seconds: later,
        forces=100 * rng.standard_normal((n, 2, b, 3, 3)),
        balance=rng.standard_normal((n, 2, 2, 3)),
        action=rng.standard_normal((n, 2, 63)),
        grips=rng.random((n, 2, 2)),
    )


def part(observation: np.ndarray, name: str) -> np.ndarray:
    """One block of an observation of all terms."""
    at = 0
    for term, size in term_sizes(PAIR, NAMES):
        if term == name:
            return observation[..., at : at + size]
        at += size
    raise AssertionError(name)


def test_sizes_are_what_comes_out():
    """Every term gives as many numbers as it says, alone and among others."""
    view = random_view()
    for name, size in term_sizes(PAIR, NAMES):
        assert observe(view, [name]).shape == (3, 2, size)
        assert np.array_equal(observe(view, [name]), part(observe(view, NAMES), name))


def test_neither_place_nor_heading_of_the_pair_can_be_seen():
    """Turning the world about its vertical and moving it sideways changes nothing."""
    view, shift = random_view(), np.array([3.0, -5.0, 0.0])
    turn = quat_from_rotvec(np.array([0.0, 0.0, 2.1]))

    def turned(bodies: Bodies) -> Bodies:
        return Bodies(
            quat_rotate(turn, bodies.positions) + shift,
            quat_mul(turn + np.zeros_like(bodies.quats), bodies.quats),
            quat_rotate(turn, bodies.velocities),
            quat_rotate(turn, bodies.spins),
        )

    moved = replace(
        view,
        now=turned(view.now),
        goal=turned(view.goal),
        ahead=lambda seconds: turned(view.ahead(seconds)),
        forces=quat_rotate(turn, view.forces),
        balance=quat_rotate(turn, view.balance),
    )
    assert np.abs(observe(view, NAMES) - observe(moved, NAMES)).max() < 1e-9


def test_torch_sees_what_numpy_sees():
    """Both libraries give the same numbers and keep the dtype."""
    view = random_view()
    arrays = {name: getattr(view, name) for name in ("forces", "balance", "action", "grips")}
    tensors = {name: torch.from_numpy(array).float() for name, array in arrays.items()}
    now, goal, ahead = (
        Bodies(*(torch.from_numpy(a).float() for a in vars(b).values())) for b in (view.now, view.goal, view.ahead(0.3))
    )
    seen = observe(ObservedState(now=now, goal=goal, ahead=lambda seconds: ahead, **tensors), NAMES)
    assert seen.dtype == torch.float32
    assert np.abs(seen.numpy() - observe(view, NAMES)).max() < 1e-4


def test_on_the_reference_there_is_nothing_left_to_reach():
    """People who stand as the reference does see goals of zero, the floor under their feet, no partner's force."""
    backend = BackendMujoco(PAIR, 2, threads=1)
    backend.set_state(REFERENCE.state[[0, 0]])
    backend.set_targets(REFERENCE.targets[[0, 0]])
    backend.step(3)
    seen = observe(observe_state(backend, TRACK, np.zeros(2, int), np.zeros((2, 2, 63))), NAMES)
    assert seen.dtype == np.float32
    for name in ("goal_positions", "goal_rotations", "goal_ahead", "partner_goal", "balance"):
        assert np.abs(part(seen, name)).max() < 0.3  # three physics steps of settling
    assert (part(seen, "partner_forces") == 0).all() and (part(seen, "hand_contacts") == 0).all()
    assert part(seen, "support").reshape(2, 2, 5, 3)[..., :4, 2].sum(axis=-1).min() > 1
    pelvis_to_partner = part(seen, "partner_positions")[..., :3]
    assert np.allclose(pelvis_to_partner, [1.0, 0.0, 0.0], atol=0.05)  # they look at each other, a metre apart


def test_who_lies_on_the_back_keeps_a_heading():
    """A small turn of a person who looks straight up changes what is seen a little, not a lot."""
    view = random_view(1)
    flat = quat_mul(quat_from_rotvec(np.array([0.0, -np.pi / 2, 0.0])), np.array([0.5, 0.5, 0.5, 0.5]))
    seen = []
    for angle in (-1e-3, 1e-3):
        quats = view.now.quats.copy()
        quats[:, 0, 0] = quat_mul(quat_from_rotvec(np.array([angle, 0.0, 0.0])), flat)
        seen.append(observe(replace(view, now=replace(view.now, quats=quats)), ["velocities"]))
    assert np.abs(seen[0] - seen[1]).max() < 0.02


def test_an_unknown_term_is_named():
    """Say which term there is not, which there are, and how one of one's own is named."""
    with pytest.raises(AssistMimicError, match="no term 'smell'; there are height, .*--import"):
        term_sizes(PAIR, ["height", "smell"])


def test_a_term_has_parameters_and_may_stand_there_twice():
    """Look half a second ahead and not at all, each in a block of its own; a wrong parameter is named."""
    near, far = observation.bind(
        {"near": TermConfig("goal_ahead", params={"seconds": 0.0}), "goal_ahead": TermConfig()}
    )
    backend = BackendMujoco(PAIR, 1, threads=1)
    backend.set_state(REFERENCE.state[[0]])
    view = observe_state(backend, TRACK, np.zeros(1, int), np.zeros((1, 2, 63)))
    assert np.array_equal(view.ahead(0.5).positions, TRACK.positions(np.array([round(0.5 * REFERENCE.hz)])))
    assert term_sizes(PAIR, [near, far]) == (("near", 66), ("goal_ahead", 66))
    assert np.abs(observe(view, [near])).max() < 1e-3
    with pytest.raises(AssistMimicError, match="goal_ahead: no parameter 'width'; there are seconds"):
        observation.bind({"goal_ahead": TermConfig(params={"width": 1.0})})
    with pytest.raises(AssistMimicError, match="goal_ahead.seconds: expected a number, got 'far'"):
        observation.bind({"goal_ahead": TermConfig(params={"seconds": "far"})})


def test_a_term_that_gives_no_finite_numbers_is_named():
    """Fail at once, for whom and where; what comes of a world that broke does not count."""
    (height,) = bound(["height"])
    wrong = replace(height.term, function=lambda c: c.pelvis[:, :, 0, 2:] * [[[1], [np.nan]]])
    odd = replace(height, name="odd", term=wrong)
    backend = BackendMujoco(PAIR, 2, threads=1)
    backend.set_state(REFERENCE.state[[0, 0]])
    view = observe_state(backend, TRACK, np.zeros(2, int), np.zeros((2, 2, 63)))
    assert np.isfinite(observe(view, ["positions", height])).all()
    for broken, world in (([False, False], 0), ([True, False], 1)):
        with pytest.raises(AssistMimicError, match=f"observation: odd: .* recipient in world {world}"):
            observe(replace(view, broken=np.array(broken)), ["positions", odd])
    observe(replace(view, broken=np.array([True, True])), ["positions", odd])


def test_terms_say_that_they_read_forces():
    """Every term that reads forces or moved hands says so; one that does not is refused, with what to write."""
    readers = {name for name in NAMES if reads_forces([name])}
    blind = replace(random_view(), forces=NO_FORCES)
    for name in NAMES:
        if name in readers:
            with pytest.raises(AssistMimicError, match="needs=.'forces',."):
                observe(blind, [name])
        else:
            observe(blind, [name])
    (support,) = bound(["support"])
    silent = replace(support, term=replace(support.term, needs=frozenset()))
    with pytest.raises(AssistMimicError, match="support: reads what it does not say it needs"):
        term_sizes(PAIR, [silent])
