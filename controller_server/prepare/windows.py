"""Long and fast clips in parts: about 30 frames a second, four seconds at a time, blended where parts overlap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from controller_server.clip.resample import sample_cubic
from controller_server.core.time_series import Interval, smoothstep

from .poses import PairPoses

_LENGTH, _OVERLAP = 4.0, 1.0  # s
_RATE = 30.0  # frames a second that are enough for a correction


def change_in_windows(poses: PairPoses, change: Callable[[PairPoses, np.ndarray], PairPoses]) -> PairPoses:
    """Change poses part by part, so that time and memory do not grow with the length of the clip.

    Args:
        poses: All of them.
        change: What is done to a part, which it returns itself if that is nothing. Told its frames in `poses`, which
            may leave some out.
    """
    step = max(1, int(poses.fps / _RATE))
    shift, turns = np.zeros_like(poses.roots), np.zeros((*poses.quats.shape[:-1], 3))
    windows, any_changed = _windows(poses.n_frames, poses.fps), False
    for k, (start, end) in enumerate(windows):
        frames = np.arange(start, end, step)
        part = replace(poses.frames(frames), fps=poses.fps / step)
        changed = change(part, frames)
        if changed is part:
            continue
        found, any_changed = changed.minus(part), True
        share = np.ones(end - start)
        if k > 0:
            shared = windows[k - 1][1] - start
            share[:shared] = smoothstep((np.arange(shared) + 0.5) / shared)
        if k + 1 < len(windows):
            shared = end - windows[k + 1][0]
            share[-shared:] = smoothstep((np.arange(shared)[::-1] + 0.5) / shared)
        for total, values in zip((shift, turns), found, strict=True):
            dense = _dense(values.reshape(len(values), -1), step, end - start)
            total[start:end] += (share[:, None] * dense).reshape(end - start, *values.shape[1:])
    return poses.plus(shift, turns) if any_changed else poses


def _dense(values: np.ndarray, step: int, n_frames: int) -> np.ndarray:
    """Values of every frame, shape (T, N), from those of every `step`-th, shape (S, N)."""
    if step == 1:
        return values
    at = np.arange(n_frames) / step
    beyond = np.maximum(at - (len(values) - 1), 0)
    return sample_cubic(values, at - beyond) + beyond[:, None] * (values[-1] - values[-2])


def part_of(run: Interval, frames: np.ndarray) -> Interval:
    """Return a stretch of the clip counted in the frames of a part; empty where it lies outside."""
    start, end = np.searchsorted(frames, run)
    return int(start), int(end)


def _windows(n_frames: int, fps: float) -> list[Interval]:
    """First frame and one past the last of each part."""
    length, overlap = round(_LENGTH * fps), round(_OVERLAP * fps)
    windows = [(0, min(length, n_frames))]
    while windows[-1][1] < n_frames:
        start = windows[-1][1] - overlap
        # A rest that is hardly longer than the overlap would be no part of its own.
        end = start + length if n_frames - start - length > overlap else n_frames
        windows.append((start, end))
    return windows
