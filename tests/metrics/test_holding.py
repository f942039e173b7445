"""Holds on a hand that reaches the partner: kept, lost, off, unfelt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.measure_cases import moved, recording_of
from helpers.prepare_clips import reaching_clip

from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip
from controller_server.metrics.capsules import neighbours
from controller_server.metrics.holding import (
    follow_holds,
    hand_force,
    input_holds,
    kept_frames,
    on_part,
    palms_on_parts,
    share_kept,
)
from controller_server.physics.recording import TOUCH_PARTNER
from controller_server.prepare.holds import Hold
from controller_server.prepare.poses import PairPoses
from controller_server.prepare.surfaces import Surfaces


@pytest.fixture(scope="module")
def reached() -> tuple[InteractionClip, tuple[Hold, ...]]:
    """A clip with a hand on the partner, and its holds."""
    clip = reaching_clip(gap=-0.02, seconds=1.0)
    return clip, input_holds(clip)


def outcomes(clip: InteractionClip, simulated: InteractionClip, holds, force: float = 10.0):
    """What becomes of the holds in another motion, every hand feeling `force` [N] and gripping."""
    ones = np.ones((clip.n_frames, 2, 2))
    wanted = palms_on_parts(clip, holds)
    return follow_holds(holds, simulated, wanted, force * ones, ones, within=0.03, around=0.1, felt_n=2.0)


def apart_by(clip: InteractionClip, way: np.ndarray) -> InteractionClip:
    """The clip with the supporter moved, shape (3,) or (T, 3) [m]."""
    return replace(clip, supporter=replace(clip.supporter, trans=clip.supporter.trans + way))


def test_kept_within_a_tenth_of_a_second():
    """A touch counts for frames up to 0.1 s earlier and later."""
    gap = np.full(40, 0.1)
    gap[20] = 0.03
    assert np.flatnonzero(kept_frames(gap, 30.0, within=0.03, around=0.1)).tolist() == list(range(17, 24))
    assert np.flatnonzero(kept_frames(gap, 30.0, within=0.03, around=0.0)).tolist() == [20]


def test_gaps_are_those_of_the_collision_detection(reached):
    """Capsules in arrays and MuJoCo's own distances agree."""
    clip, holds = reached
    for hold, gap in zip(holds, on_part(clip, holds), strict=True):
        near = Surfaces(clip).nearness(PairPoses.of(clip), hold.person, hold.side, tuple(neighbours(hold.joint)))
        np.testing.assert_allclose(gap, near.distance.min(axis=1), atol=1e-6)


def test_a_hold_that_is_kept(reached):
    """The clip itself keeps its own holds, felt and without error."""
    clip, holds = reached
    found = outcomes(clip, clip, holds)
    assert len(found) == len(holds) >= 1 and share_kept(found) == 1.0
    assert all(hold.error_m < 1e-9 and hold.felt == 1.0 and hold.lost_s is None for hold in found)
    assert max(gap[slice(*hold.run)].max() for gap, hold in zip(on_part(clip, holds), holds, strict=True)) < 0.03


def test_a_hold_that_is_lost(reached):
    """The supporter goes 20 cm back half-way: half is kept, and it says when it was lost and how far off it is."""
    clip, holds = reached
    half = clip.n_frames // 2
    away = np.zeros((clip.n_frames, 3))
    way = clip.joints[0, 0, 0] - clip.joints[0, 1, 0]
    away[half:] = 0.2 * way / np.linalg.norm(way) * [1, 1, 0]
    found = outcomes(clip, apart_by(clip, away), holds)
    assert share_kept(found) == pytest.approx(0.5, abs=0.1)
    assert all(hold.error_m == pytest.approx(0.2, abs=0.01) for hold in found)
    assert all(hold.lost_s == pytest.approx(half / clip.fps + 0.1, abs=0.05) for hold in found if hold.lost_s)


def test_people_who_move_together_lose_nothing(reached):
    """Errors are measured on the partner: both 1 m aside is no error of the hands."""
    clip, holds = reached
    found = outcomes(clip, moved(clip, np.array([1.0, 0, 0])), holds)
    assert share_kept(found) == 1.0 and max(hold.error_m for hold in found) < 1e-9


def test_a_hand_that_hovers(reached):
    """A gripping hand that feels next to nothing."""
    clip, holds = reached
    assert all(hold.felt == 0.0 for hold in outcomes(clip, clip, holds, force=1.0))
    never = follow_holds(
        holds,
        clip,
        palms_on_parts(clip, holds),
        np.zeros((clip.n_frames, 2, 2)),
        None,
        within=0.03,
        around=0.1,
        felt_n=2.0,
    )
    assert all(hold.felt is None for hold in never) and share_kept([]) is None


def test_what_a_hand_feels(reached):
    """The net force on the palm, mean over 0.1 s; the other hand feels nothing."""
    clip, _ = reached
    pair = PairBody.from_clip(clip)
    recording = recording_of(clip, pair)
    forces = recording.forces.copy()
    forces[::2, 0, pair.hand_rows[1], TOUCH_PARTNER, 0] = 30.0
    felt = hand_force(replace(recording, forces=forces), pair, np.arange(clip.n_frames) / clip.fps)
    assert felt.shape == (clip.n_frames, 2, 2)
    np.testing.assert_allclose(felt[5:-5, 0, 1], 15, atol=1.5)
    assert felt[:, 0, 0].max() == felt[:, 1].max() == 0
