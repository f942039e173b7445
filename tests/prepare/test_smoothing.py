"""Smoothing: faults go, motion stays."""

import numpy as np
import pytest
from helpers.prepare_clips import standing_clip

from controller_server.clip.rotation import quat_conj, quat_from_rotvec, quat_mul, rotvec_from_quat
from controller_server.clip.skeleton import joint
from controller_server.prepare.poses import PairPoses
from controller_server.prepare.smoothing import low_pass, same_hemisphere, smooth, speeds

ELBOW = joint("right_elbow")


def swinging(hz: float, amplitude: float, fps: float = 60.0, seconds: float = 3.0) -> PairPoses:
    """An elbow that swings, everything else still."""
    poses = PairPoses.of(standing_clip(seconds=0.1, sway=0.0))
    n = round(fps * seconds)
    roots = np.repeat(poses.roots[:1], n, axis=0)
    quats = np.repeat(poses.quats[:1], n, axis=0)
    angle = amplitude * np.sin(2 * np.pi * hz * np.arange(n) / fps)
    quats[:, 0, ELBOW] = quat_mul(quats[:, 0, ELBOW], quat_from_rotvec(angle[:, None] * np.array([0.0, 1, 0])))
    return PairPoses(fps, poses.offsets, roots, quats)


def angles_between(a: PairPoses, b: PairPoses) -> np.ndarray:
    """Angle between two poses' joints, shape (T, 2, 22)."""
    return np.linalg.norm(rotvec_from_quat(quat_mul(quat_conj(a.quats), b.quats)), axis=-1)


def test_low_pass_has_its_cutoff_and_no_delay():
    """Halve the power of a sine at the cutoff run both ways, pass a slow one, block a fast one, shift none."""
    time = np.arange(600) / 60
    for hz, gain in ((1.0, 1.0), (7.0, 0.5), (25.0, 0.01)):
        wave = np.sin(2 * np.pi * hz * time)
        out = low_pass(wave, 60.0, 7.0)[120:-120]
        wave = wave[120:-120]
        assert np.dot(out, wave) / np.dot(wave, wave) == pytest.approx(gain, abs=0.01)
        quadrature = np.cos(2 * np.pi * hz * time)[120:-120]
        assert abs(np.dot(out, quadrature)) / np.dot(wave, wave) < 0.01


def test_low_pass_keeps_a_straight_line():
    """Leave constant speed alone, to the ends."""
    line = np.linspace(3, -2, 40)[:, None] * np.ones((1, 3))
    assert np.allclose(low_pass(line, 30.0, 7.0), line, atol=1e-9)


def test_noisy_ends_are_smoothed_too():
    """Keep a slope to its ends, and take off noise there, where they are not pinned."""
    line = np.linspace(0, 3, 90)
    assert low_pass(line, 30.0, 3.0, pinned=False) == pytest.approx(line, abs=1e-9)
    noise = np.random.default_rng(0).normal(size=(90, 200))
    left = low_pass(line[:, None] + noise, 30.0, 3.0, pinned=False) - line[:, None]
    assert left[[0, -1]].std() < 0.75 * noise[[0, -1]].std()


def test_quick_real_motion_survives():
    """Blur an elbow that swings 0.6 rad twice a second by less than 1 degree."""
    poses = swinging(2.0, 0.6)
    assert np.degrees(angles_between(poses, smooth(poses)).max()) < 1.0


def test_jitter_goes():
    """Halve white noise, and take out three quarters of the speed it makes."""
    poses = swinging(0.5, 0.3)
    noise = np.random.default_rng(0).normal(0, 0.01, (*poses.quats.shape[:3], 3))
    noisy = poses.plus(np.zeros_like(poses.roots), noise)
    before = angles_between(poses, noisy)[5:-5].mean()
    after = angles_between(poses, smooth(noisy))[5:-5].mean()
    assert after < 0.55 * before
    assert speeds(smooth(noisy))[1].mean() < 0.25 * speeds(noisy)[1].mean()


@pytest.mark.parametrize("frames", [(80,), (80, 81), (80, 81, 82)])
def test_outlier_frames_are_replaced(frames):
    """Mend up to three wrong frames in a row without touching the motion around them."""
    poses = swinging(0.5, 0.4)
    quats = poses.quats.copy()
    quats[list(frames), 0, ELBOW] = quat_from_rotvec(np.array([1.2, 0, 0.4]))
    roots = poses.roots.copy()
    roots[list(frames), 1] += (0.3, 0, 0.1)
    damaged = poses.with_changes(quats=quats, roots=roots)
    mended = smooth(damaged)
    assert angles_between(poses, mended).max() < 0.03
    assert np.abs(mended.roots - poses.roots).max() < 0.005


@pytest.mark.parametrize("end", [0, -1])
def test_jump_at_an_end_is_mended(end):
    """Replace a first or last frame the fit left behind."""
    poses = swinging(1.0, 0.3)
    quats, roots = poses.quats.copy(), poses.roots.copy()
    quats[end, 1, joint("spine1")] = quat_from_rotvec(np.array([0.3, 0, 0]))
    roots[end, 0, 2] += 0.08
    mended = smooth(poses.with_changes(quats=quats, roots=roots))
    assert angles_between(poses, mended).max() < 0.03
    assert np.abs(mended.roots - poses.roots).max() < 0.005


def test_half_converged_first_frames_are_mended():
    """Replace the first three frames of a fit that took as long to converge."""
    poses = swinging(1.0, 0.3)
    quats = poses.quats.copy()
    for frame, angle in enumerate((1.2, 0.8, 0.5)):
        quats[frame, 0, joint("spine1")] = quat_from_rotvec(np.array([angle, 0, 0]))
    mended = smooth(poses.with_changes(quats=quats))
    assert angles_between(poses, mended).max() < 0.05


def test_speeds_are_bounded():
    """Slow a joint that turns 2 rad in one frame and a pelvis that leaps 0.5 m; far frames stay."""
    poses = swinging(0.5, 0.1)
    quats, roots = poses.quats.copy(), poses.roots.copy()
    quats[90:, 0, joint("neck")] = quat_from_rotvec(np.array([2.0, 0, 0]))
    roots[90:, 1, 0] += 0.5
    bounded = smooth(poses.with_changes(quats=quats, roots=roots))
    root, joints = speeds(bounded)
    assert joints.max() <= 12.1
    assert root.max() <= 3.03
    assert angles_between(poses, bounded)[:60].max() < 0.01


def test_signs_of_quaternions_do_not_matter():
    """Treat q and -q as one rotation."""
    poses = swinging(1.0, 0.3)
    flipped = poses.quats.copy()
    flipped[::3] *= -1
    assert (np.sum(same_hemisphere(flipped)[1:] * same_hemisphere(flipped)[:-1], axis=-1) > 0).all()
    assert angles_between(smooth(poses), smooth(poses.with_changes(quats=flipped))).max() < 1e-9
