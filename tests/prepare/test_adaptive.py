"""Adaptive smoothing: as far as physics asks, no further; the splines that float and hands are mended with."""

import numpy as np
import pytest
from helpers.prepare_clips import jittering, standing_clip

from controller_server.clip.interaction import InteractionClip
from controller_server.prepare import prepare
from controller_server.prepare.adaptive import smooth_as_needed
from controller_server.prepare.poses import PairPoses
from controller_server.prepare.smoothing import smooth
from controller_server.prepare.splines import Spline, solve_banded


def unchanged(clip: InteractionClip) -> InteractionClip:
    """No grounding."""
    return clip


def test_calm_clip_is_not_smoothed_further():
    """Give what the given cutoff alone gives, where forces are small already."""
    clip = standing_clip()
    expected = smooth(PairPoses.of(clip), cutoff_hz=7.0).to_clip(clip)
    assert smooth_as_needed(clip, 7.0, unchanged).joints == pytest.approx(expected.joints, abs=1e-12)


def test_only_the_noisy_stretch_is_smoothed_further():
    """Smooth a jitter in the first half with a lower cutoff, and leave a quick nod in the second half its height."""
    clip = standing_clip(seconds=6.0)
    poses, n = PairPoses.of(clip), clip.n_frames
    noisy = PairPoses.of(jittering(clip, 3.0))
    early = np.arange(n)[:, None, None, None] < n // 2
    quats = np.where(early, noisy.quats, poses.quats)
    nod = 0.3 * np.exp(-(((np.arange(n) - 150) / 3.0) ** 2))
    quats[:, 0, 15, 0], quats[:, 0, 15, 1] = np.cos(nod / 2), np.sin(nod / 2)
    clip = poses.with_changes(quats=quats).to_clip(clip)
    plain = smooth(PairPoses.of(clip), cutoff_hz=7.0)
    adapted = PairPoses.of(smooth_as_needed(clip, 7.0, unchanged))

    def roughness(p: PairPoses) -> float:
        return float(np.abs(np.diff(p.positions[: n // 2 - 15, :, 15], n=2, axis=0)).mean())

    assert roughness(adapted) < 0.6 * roughness(plain)
    assert np.abs(adapted.positions - plain.positions)[140:160].max() < 0.002


def test_what_stays_is_told():
    """Report the force before and after, and warn where a jump in the air leaves a body unsupported."""
    clip = standing_clip(seconds=3.0)
    poses = PairPoses.of(clip)
    roots = poses.roots.copy()
    roots[:, 1, 2] += 0.4
    hovering = prepare(poses.with_changes(roots=roots).to_clip(clip)).report
    assert hovering.after.unsupported_n[1] == pytest.approx(9.81 * 65, rel=0.2)
    assert hovering.after.unsupported_n[0] < 10
    assert any("recipient's motion is unsupported" in warning for warning in hovering.warnings)


def test_spline_passes_through_a_parabola():
    """Fit a curve that a spline can show exactly, from its values."""
    spline = Spline.over(100, 30.0, 0.3)
    time = np.arange(100) / 30
    values = np.stack([1 + 2 * time + 3 * time**2, time], axis=1)
    bands = spline.gram(np.ones(100))[..., None, None] * np.eye(2)
    assert spline.evaluate(solve_banded(bands, spline.gather(values))) == pytest.approx(values, abs=1e-6)


def test_curvature_of_a_parabola():
    """Integrate the square of a constant second derivative over the knots."""
    spline = Spline.over(301, 100.0, 0.1)
    time = np.arange(301) / 100
    bands = spline.gram(np.ones(301))[..., None, None]
    coefficients = solve_banded(bands, spline.gather(time**2)[:, None])[:, 0]
    curvature = spline.curvature()
    total = sum(
        (1 if d == 0 else 2) * np.sum(curvature[d, : len(coefficients) - d] * coefficients[: len(coefficients) - d]
        * coefficients[d:]) for d in range(4)
    )  # fmt: skip
    assert total == pytest.approx(4 * 3.1, rel=1e-3)


def test_banded_solution_is_the_dense_one():
    """Solve a random positive definite system of blocks as numpy does."""
    rng = np.random.default_rng(0)
    n, size = 7, 3
    dense = np.zeros((n * size, n * size))
    factor = rng.normal(size=(n * size, n * size))
    near = np.abs(np.subtract.outer(np.repeat(np.arange(n), size), np.repeat(np.arange(n), size))) <= 3
    dense = np.where(near, factor + factor.T, 0) + 40 * np.eye(n * size)
    bands = np.zeros((4, n, size, size))
    for d in range(4):
        for k in range(n - d):
            bands[d, k] = dense[(k + d) * size : (k + d + 1) * size, k * size : (k + 1) * size]
    right = rng.normal(size=(n, size))
    assert solve_banded(bands, right).ravel() == pytest.approx(np.linalg.solve(dense, right.ravel()))
