"""Dirt on clean clips: as much as promised, the same for the same seed, with the truth beside it."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.standing import standing_pair

from controller_server.benchmarks.dirt import KINDS, DirtyClip, make_dirty
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.rotation import quat_conj, quat_mul, rotvec_from_quat
from controller_server.core.errors import AssistMimicError

CLIP = standing_pair(301)  # 10 s


def _moved(dirty: DirtyClip) -> np.ndarray:
    """How far each pelvis is from where it should be [m], shape (T, 2, 3)."""
    return dirty.clip.joints[:, :, 0] - dirty.truth.joints[:, :, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_for_the_same_seed_and_truth_of_the_same_frames(kind: str):
    """Repeat bit for bit; another seed is other dirt where there is chance; truth has the frames of the clip."""
    clip = _walking()
    first, again, other = (make_dirty(clip, kind, seed) for seed in (0, 0, 1))
    assert np.array_equal(first.clip.joints, again.clip.joints)
    chance = not kind.startswith(("nearer", "farther", "faster"))
    assert np.array_equal(first.clip.joints, other.clip.joints) != chance
    assert (first.clip.n_frames, first.clip.fps) == (first.truth.n_frames, first.truth.fps)
    assert first.clip.supporter is not clip.supporter or first.clip.recipient is not clip.recipient


@pytest.mark.parametrize(("kind", "degrees", "root"), [("jitter_2deg", 2, 0.01), ("jitter_4deg", 4, 0.02)])
def test_jitter_has_its_size_and_nothing_above_its_band(kind: str, degrees: float, root: float):
    """Turn joints and move pelvises by the promised RMS, and by nothing above 8 Hz."""
    dirty = make_dirty(CLIP, kind)
    moved = _moved(dirty)
    assert np.sqrt((moved**2).sum(axis=-1).mean()) == pytest.approx(root, rel=0.1)
    spectrum = np.abs(np.fft.rfft(moved * np.hanning(len(moved))[:, None, None], axis=0)) ** 2
    high = np.fft.rfftfreq(len(moved), 1 / 30) > 8.5
    assert spectrum[high].sum() < 1e-4 * spectrum.sum()
    turned = quat_mul(quat_conj(dirty.truth.joint_quats[:, :, 0]), dirty.clip.joint_quats[:, :, 0])
    angle = np.degrees(np.linalg.norm(rotvec_from_quat(turned), axis=-1))
    assert np.sqrt((angle**2).mean()) == pytest.approx(degrees, rel=0.1)


def test_float_goes_up_and_down_each_person_alone():
    """Rise and sink by 6 cm every 4 s, in two phases, over the same spot."""
    moved = _moved(make_dirty(CLIP, "float_6cm"))
    assert np.abs(moved[..., :2]).max() < 1e-12
    assert moved[..., 2].max(axis=0) == pytest.approx([0.06, 0.06], abs=1e-3)
    assert np.allclose(moved[:180], moved[120:300], atol=1e-9)
    assert np.abs(moved[:, 0] - moved[:, 1]).max() > 0.01


def test_drift_ends_15_cm_away():
    """Move each person evenly over the floor, in two directions."""
    moved = _moved(make_dirty(CLIP, "drift_15cm"))
    assert np.linalg.norm(moved[-1], axis=-1) == pytest.approx([0.15, 0.15])
    assert np.allclose(np.diff(moved, axis=0), moved[-1] / 300) and np.abs(moved[..., 2]).max() < 1e-12
    assert not np.allclose(moved[-1, 0], moved[-1, 1], atol=0.01)


@pytest.mark.parametrize(("kind", "distance"), [("nearer_8cm", 0.92), ("farther_8cm", 1.08)])
def test_the_recipient_is_nearer_or_farther_and_grips_are_lost(kind: str, distance: float):
    """Leave the supporter alone, move the recipient along the line between the pelvises."""
    clip = InteractionClip(30, CLIP.supporter, CLIP.recipient, grips=np.ones((301, 2, 2)))
    dirty = make_dirty(clip, kind)
    assert dirty.clip.grips is None and dirty.truth.grips is not None
    assert np.array_equal(dirty.clip.joints[:, 0], clip.joints[:, 0])
    between = dirty.clip.joints[:, 1, 0] - dirty.clip.joints[:, 0, 0]
    assert np.linalg.norm(between, axis=-1) == pytest.approx(np.full(301, distance))


def _walking() -> InteractionClip:
    """Ten seconds at 1 m/s."""
    walk = np.linspace(0, 10, 301)[:, None] * [0.0, 1.0, 0.0]

    def walking(motion):
        return type(motion)(motion.trans + walk, motion.root_orient, motion.pose_body)

    return CLIP.with_people(walking)


def test_faster_is_shorter_and_true():
    """Take two thirds of the time at the same rate; the truth is as fast."""
    dirty = make_dirty(_walking(), "faster")
    assert dirty.clip.fps == 30 and dirty.clip.n_frames == 201
    assert np.diff(dirty.clip.joints[:, 0, 0, 1]) * 30 == pytest.approx(np.full(200, 1.5))
    assert np.abs(_moved(dirty)).max() == 0


@pytest.mark.parametrize(("kind", "fps", "frames"), [("fps_20", 20, 201), ("fps_12.5", 12.5, 126)])
def test_dropped_frames_repeat_the_one_before(kind: str, fps: float, frames: int):
    """Lower the rate; one frame in twenty is the one before again, the truth moves on."""
    dirty = make_dirty(_walking(), kind)
    assert (dirty.clip.fps, dirty.clip.n_frames) == (fps, frames)
    steps = np.diff(dirty.clip.joints[:, 0, 0, 1])
    assert (steps == 0).sum() == round(0.05 * frames)
    assert np.diff(dirty.truth.joints[:, 0, 0, 1]) == pytest.approx(np.full(frames - 1, 1 / fps))
    assert np.abs(_moved(dirty)).max() == pytest.approx(1 / fps, rel=1.01)


def test_all_mild_has_a_little_of_everything():
    """Be at 25 fps, 1.15 times as fast, off by a few centimetres, without grips."""
    dirty = make_dirty(_walking(), "all_mild")
    assert dirty.clip.fps == 25 and dirty.clip.duration == pytest.approx(10 / 1.15, abs=0.08)
    error = np.linalg.norm(_moved(dirty), axis=-1).mean(axis=0)
    assert 0.03 < error[0] < 0.09 and 0.03 < error[1] < 0.12
    assert dirty.clip.grips is None


def test_an_unknown_kind_of_dirt():
    """Say which there are."""
    with pytest.raises(AssistMimicError, match="no kind of dirt 'mud'; there are jitter_2deg"):
        make_dirty(CLIP, "mud")
