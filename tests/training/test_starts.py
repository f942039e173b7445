"""Where episodes begin: shares, states that survived, strangers in one world."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.standing import standing_pair
from helpers.training_cases import standing_scene

from controller_server.clip.interaction import Prop
from controller_server.clip.io.npz import write_npz
from controller_server.core.errors import AssistMimicError
from controller_server.evaluation.single_person import strangers
from training.env.physical_state_initialisation import StartStates, Trail
from training.env.single_person_scene import stranger_scene
from training.settings.config import BodyConfig, StartConfig


def starts(**changes: float) -> StartStates:
    """Of the standing pair."""
    return StartStates(standing_scene(), StartConfig(**{"stride": 2, "slots": 2, **changes}))  # pyright: ignore


def lived(*, sunk: float) -> Trail:
    """What six worlds leave that go through the clip a little lower than the reference."""
    reference = standing_scene().reference.state
    trail = Trail(reference, StartConfig(stride=2), 6, standing_scene().last)
    for frame in range(standing_scene().last + 1):
        state = reference[np.full(6, frame)]
        trail.record(np.full(6, frame), replace(state, root_position=state.root_position - [0, 0, sunk]))
    return trail


def test_shares_of_starts():
    """Half begin at the first frame where that is asked for, the others anywhere; nothing is kept at first."""
    frames, *_ = starts(first=0.5, kept=0.5).sample(4000, np.random.default_rng(0))
    assert 0.45 < (frames == 0).mean() < 0.56
    assert set(frames) == set(range(standing_scene().last))


def test_only_survivors_are_kept():
    """Whoever fails early leaves nothing; of a failure near the end the early states are kept, by their score."""
    states, last = starts(), standing_scene().last
    trail = lived(sunk=0.01)
    states.finish(trail, 0, 0, last // 2 - 2, survived=False)
    assert not states.score.any()
    states.finish(trail, 0, 0, last - 2, survived=False)
    kept = np.flatnonzero(states.score.max(axis=1)) * 2
    assert kept.min() >= 5 and kept.max() <= last - 7
    assert np.isclose(states.score[kept[0] // 2].max(), (last - 2 - kept[0]) / (last - kept[0]))


def test_better_states_take_the_place_of_worse_and_are_started_from():
    """Full slots make room for a survivor, and starts at kept frames come from what was recorded."""
    states, last = starts(first=0.0, kept=1.0), standing_scene().last
    trail = lived(sunk=0.01)
    for world in (0, 1):
        states.finish(trail, world, 0, last - 2, survived=False)
    trail = lived(sunk=0.02)
    for world in (2, 3):
        states.finish(trail, world, 0, last, survived=True)
    assert np.allclose(states.score[4], 1.0, atol=1e-3)
    frames, state, _ = states.sample(2000, np.random.default_rng(1))
    assert frames.min() >= 5
    sunk = standing_scene().reference.state.root_position[frames, 0, 2] - state.root_position[:, 0, 2]
    reference, kept = np.isclose(sunk, 0, atol=1e-6), np.isclose(sunk, 0.02, atol=1e-6)
    assert (reference | kept).all() and reference.mean() < 0.4 < kept.mean()


def test_all_slots_follow_the_policy():
    """Of states that are worth the same the oldest goes; what a state is worth fades unless it is renewed."""
    states, last = starts(first=0.0, kept=1.0), standing_scene().last
    heights = (0.01, 0.02, 0.03, 0.04, 0.05)
    for sunk in heights:
        trail = lived(sunk=sunk)
        states.finish(trail, 0, 0, last, survived=True)
    kept = standing_scene().reference.state.root_position[8, 0, 2] - states._kept["root_position"][4, :, 0, 2]
    assert sorted(np.round(kept, 3)) == [0.04, 0.05]
    before = states.score[4].max()
    for _ in range(100):
        states.finish(trail, 0, 0, 2, survived=False)
    assert states.score[4].max() < 0.995 * before
    again = starts(first=0.0, kept=1.0)
    again.load_state_dict(states.state_dict())
    assert np.array_equal(again.kept_at, states.kept_at) and again.episodes == states.episodes


def test_strangers_share_a_world_and_nothing_else(tmp_path):
    """Halves of clips stand metres apart with their furniture, cut to the shorter one, gripping nothing."""
    stool = Prop("stool", position=np.array([-0.5, -0.4, 0.2]), size=np.array([0.3, 0.3, 0.4]))
    write_npz(tmp_path / "a.npz", replace(standing_pair(13), props=(stool,), grips=np.ones((13, 2, 2))))
    write_npz(tmp_path / "b.npz", standing_pair(9))
    scene = stranger_scene(f"{tmp_path / 'b.npz'}@recipient+{tmp_path / 'a.npz'}@supporter", BodyConfig())
    pelvis = scene.clip.joints[:, :, 0]
    assert scene.clip.n_frames == 9 and np.linalg.norm(pelvis[:, 1] - pelvis[:, 0], axis=-1).min() > 2.9
    assert not scene.reference.grips.any()
    (moved,) = scene.clip.props
    assert np.allclose(moved.position - pelvis[0, 1], stool.position - standing_pair(9).joints[0, 0, 0], atol=0.03)
    for wrong, message in (("a.npz", "not a pair"), ("a.npz@nobody+b.npz", "supporter or recipient")):
        with pytest.raises(AssistMimicError, match=message):
            stranger_scene(wrong, BodyConfig())


def test_a_rest_pose_before_the_motion_is_left_out(tmp_path):
    """Begin at the second frame where the first is one that nobody gets away from in time."""
    clip = standing_pair(9)
    trans = clip.supporter.trans.copy()
    trans[0] += [0, 2.0, 0]
    write_npz(tmp_path / "a.npz", replace(clip, supporter=replace(clip.supporter, trans=trans)))
    _, alone = strangers(f"{tmp_path / 'a.npz'}@supporter+{tmp_path / 'a.npz'}@supporter")
    assert alone.n_frames == 8 and np.ptp(alone.joints[:, 0, 0], axis=0).max() < 0.1
