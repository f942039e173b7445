"""One solve over a whole clip: corrections reach their goals, fade calmly and cannot pop."""

import numpy as np
import pytest
from helpers.prepare_clips import FPS, jittering, reaching_clip, standing_clip

from controller_server.prepare import GripMode, PrepareSettings, prepare
from controller_server.prepare.contacts import compliance, hold_targets
from controller_server.prepare.holds import find_holds
from controller_server.prepare.ik import PERSON_DOFS, Rows, point_jacobian, rows_from
from controller_server.prepare.poses import PairPoses
from controller_server.prepare.surfaces import PALMS, Surfaces
from controller_server.prepare.whole_clip_solve import solve_over_time

ARM = compliance({"shoulder": 1.0, "elbow": 1.0})
CLIP = standing_clip(seconds=4.0, sway=0.0)


def lifted(weight: float = 1e4, *, one_sided: bool = False, way: float = 0.1) -> np.ndarray:
    """How far the right wrist goes when it is asked up by `way` in the middle third, shape (T, 3)."""
    start = PairPoses.of(CLIP)
    frames = np.arange(40, 81)
    ones = np.ones_like(frames)
    goal = start.positions[frames, 0, PALMS[1]] + np.array([0, 0, way])

    def wishes(now: PairPoses) -> Rows:
        at = now.positions[frames, 0, PALMS[1]]
        jacobian = point_jacobian(now, frames, 0 * ones, ones * PALMS[1], at)[:, 2:]
        return rows_from(frames, jacobian, (goal - at)[:, 2:], weight, one_sided=one_sided)

    calm = np.full((start.n_frames, 2, PERSON_DOFS), 0.2)
    out = solve_over_time(start, wishes, ARM, calm, knots=0.1)
    return out.positions[:, 0, PALMS[1]] - start.positions[:, 0, PALMS[1]]


def test_goal_is_reached_and_the_way_there_is_calm():
    """Lift a wrist by 10 cm where asked, at under 0.5 m/s, and leave the clip's ends alone."""
    moved = lifted()
    assert moved[45:76, 2] == pytest.approx(0.1, abs=0.002)
    assert np.linalg.norm(np.diff(moved, axis=0), axis=-1).max() * FPS < 0.5
    assert np.abs(moved[[0, -1]]).max() < 0.002


def test_one_sided_wish_pushes_only_as_far_as_needed():
    """Push up to a bound that is violated, and do nothing for one that is met."""
    assert lifted(one_sided=True)[45:76, 2] == pytest.approx(0.1, abs=0.003)
    assert np.abs(lifted(one_sided=True, way=-0.05)).max() < 1e-6


def test_side_of_a_hold_is_the_usual_one():
    """Keep the side of the held body where a tenth of the frames has the hand behind it."""
    clip = reaching_clip(gap=0.0, seconds=2.0, hold=(0.0, 2.0))
    surfaces, poses = Surfaces(clip), PairPoses.of(clip)
    holds = find_holds(clip, poses, surfaces, GripMode.PROXIMITY)[:1]
    roots = poses.roots.copy()
    roots[28:34, 0, 1] -= 0.12  # through the partner's hand
    through = poses.with_changes(roots=roots)
    true, found = (hold_targets(p, clip, holds, surfaces)[0] for p in (poses, through))
    assert true.side @ found.side > 0.95
    assert np.linalg.norm(true.spot - found.spot, axis=-1).max() < 0.01


def test_hands_of_a_noisy_clip_do_not_pop():
    """Prepare a handshake with 3 degrees of jitter: hands not much faster than in the clean clip, and nearer to it."""
    clean = reaching_clip(gap=0.0, seconds=3.0, hold=(0.0, 3.0))
    noisy = jittering(clean, 3.0)
    out = prepare(noisy, PrepareSettings(grips=GripMode.PROXIMITY)).clip

    def fastest(clip) -> float:
        return float(np.linalg.norm(np.diff(clip.joints[:, :, list(PALMS)], axis=0), axis=-1).max() * FPS)

    def error(clip) -> float:
        return float(np.linalg.norm(clip.joints - clean.joints, axis=-1)[:, :, :22].mean())

    assert fastest(out) < 0.5 * fastest(noisy)
    assert error(out) < 0.7 * error(noisy)
