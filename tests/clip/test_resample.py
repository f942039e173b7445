"""Clips at other frame rates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.standing import standing_pair
from scipy.spatial.transform import Rotation

from controller_server.clip.interaction import InteractionClip, SmplxMotion
from controller_server.clip.resample import resample, sample_cubic, sample_quats, sample_rotvecs
from controller_server.clip.rotation import quat_from_rotvec


def test_frames_are_hit_exactly():
    """Give every frame back at its own time, positions and rotations."""
    rng = np.random.default_rng(0)
    values, rotvecs = rng.normal(size=(7, 2, 3)), rng.normal(size=(7, 6))
    at = np.arange(7.0)
    np.testing.assert_allclose(sample_cubic(values, at), values, atol=1e-14)
    np.testing.assert_allclose(sample_rotvecs(rotvecs, at), rotvecs, atol=1e-12)


@pytest.mark.parametrize("degree", [0, 1, 2])
def test_polynomials(degree: int):
    """Follow a constant and a straight line everywhere, and a parabola away from the ends."""
    t = np.arange(9.0)
    at = np.linspace(0, 8, 41) if degree < 2 else np.linspace(1, 7, 31)
    np.testing.assert_allclose(sample_cubic(t**degree, at), at**degree, atol=1e-12)


def test_positions_are_smooth():
    """Keep the velocity continuous through the frames: no corner where linear interpolation has one."""
    values, step = np.random.default_rng(2).normal(size=8), 1e-5
    frames = np.arange(1.0, 7.0)
    before = (sample_cubic(values, frames) - sample_cubic(values, frames - step)) / step
    after = (sample_cubic(values, frames + step) - sample_cubic(values, frames)) / step
    np.testing.assert_allclose(before, after, atol=1e-3)
    assert np.abs(np.diff(values, 2)).min() > 0.01  # a line would hide a corner


def test_rotations_turn_evenly():
    """Turn at constant speed between two frames, the shorter way."""
    quats = quat_from_rotvec(np.array([[0, 0, 3.0], [0, 0, -3.0]]))
    found = Rotation.from_quat(np.roll(sample_quats(quats, np.array([0.0, 0.5, 1.0])), -1, axis=-1))
    np.testing.assert_allclose((found[1] * found[0].inv()).magnitude(), np.pi - 3, atol=1e-9)
    np.testing.assert_allclose(found[1].magnitude(), np.pi, atol=1e-9)


@pytest.mark.parametrize("at", [-2.0, 9.0])
def test_beyond_the_ends_the_clip_stands_still(at: float):
    """Hold the first and the last frame outside the clip."""
    values = np.random.default_rng(4).normal(size=(5, 3))
    expected = values[0 if at < 0 else -1]
    np.testing.assert_allclose(sample_cubic(values, np.array([at]))[0], expected)
    np.testing.assert_allclose(sample_rotvecs(values, np.array([at]))[0], expected, atol=1e-12)


def turning(frames: int, fps: float) -> InteractionClip:
    """Two people who turn on the spot at 2 rad/s and rise at 0.1 m/s; the recipient has a face, hands are gripped."""
    clip, t = standing_pair(frames, fps), np.arange(frames) / fps
    turn = np.stack([0 * t, 0 * t, 2 * t], axis=-1)

    def change(motion: SmplxMotion) -> SmplxMotion:
        root = (Rotation.from_rotvec(turn) * Rotation.from_rotvec(motion.root_orient.copy())).as_rotvec()
        return replace(motion, trans=motion.trans + np.outer(t, [0, 0, 0.1]), root_orient=root)

    clip = clip.with_people(change)
    face = {"jaw": np.outer(t, [0.1, 0, 0]), "eyes": np.outer(t, np.ones(6)) * 0.1, "expression": np.outer(t, [1, 2])}
    grips = np.zeros((frames, 2, 2))
    grips[frames // 2 :] = 1
    return replace(clip, recipient=replace(clip.recipient, betas=np.ones(4), **face), grips=grips)


@pytest.mark.parametrize("fps", [7.0, 30.0, 60.0, 100.0, 120.0])
def test_a_clip_at_another_rate(fps: float):
    """Describe the same motion at any frame rate, all tracks, and carry along what does not move."""
    clip, expected = resample(turning(31, 30.0), fps), turning(1 + int(fps), fps)
    assert clip.fps == fps and clip.n_frames == expected.n_frames
    np.testing.assert_allclose(clip.joints, expected.joints, atol=1e-9)
    for name in ("jaw", "eyes", "expression", "betas"):
        np.testing.assert_allclose(getattr(clip.recipient, name), getattr(expected.recipient, name), atol=1e-9)
    assert clip.supporter.jaw is None
    assert clip.grips is not None and clip.grips.min() == 0 and clip.grips.max() == 1


def test_the_same_rate_is_the_same_clip():
    """Return the very clip where there is nothing to do, and make it longer where that is asked."""
    clip = turning(31, 30.0)
    assert resample(clip, 30.0) is clip
    longer = resample(clip, 30.0, 35)
    assert longer.n_frames == 35
    np.testing.assert_allclose(longer.joints[-1], clip.joints[-1], atol=1e-12)
