"""Long clips are prepared in parts, fast ones at about 30 frames a second; neither is seen in what comes out."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.prepare_clips import standing_clip

from controller_server.prepare.poses import PairPoses
from controller_server.prepare.windows import change_in_windows, part_of

STANDING = PairPoses.of(standing_clip(seconds=0.5)).frames(np.zeros(1, int))


def risen(fps: float, seconds: float) -> tuple[np.ndarray, list[int]]:
    """Heights that a smooth rise in parts adds, and how many frames each part had."""
    poses = replace(STANDING.frames(np.zeros(round(seconds * fps), int)), fps=fps)
    seen: list[int] = []

    def change(part: PairPoses, frames: np.ndarray) -> PairPoses:
        seen.append(len(frames))
        roots = part.roots.copy()
        roots[..., 2] += 0.1 * np.sin(frames / fps)[:, None]
        return part.with_changes(roots=roots)

    return (change_in_windows(poses, change).roots - poses.roots)[:, 0, 2], seen


@pytest.mark.parametrize(
    ("fps", "seconds", "parts"), [(30.0, 3.0, 1), (30.0, 30.0, 10), (120.0, 5.0, 2), (50.0, 20.0, 6)]
)
def test_parts_are_not_seen(fps, seconds, parts):
    """Add what one part alone would add, from parts of at most five seconds at less than 60 frames a second."""
    rise, seen = risen(fps, seconds)
    true = 0.1 * np.sin(np.arange(len(rise)) / fps)
    assert rise == pytest.approx(true, abs=1e-3)
    assert len(seen) == parts and max(seen) < 300


def test_stretches_are_counted_in_a_part():
    """Find the frames of a stretch in every second frame from 10 on, and nothing of one that lies outside."""
    frames = np.arange(10, 30, 2)
    assert part_of((13, 21), frames) == (2, 6)
    assert part_of((0, 5), frames) == (0, 0)
