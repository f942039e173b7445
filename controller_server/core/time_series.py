"""Tracks over time: averages, stretches found with hysteresis, corrections carried smoothly past their ends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Interval = tuple[int, int]
"""First frame and one past the last."""


def hysteresis(enter: np.ndarray, stay: np.ndarray) -> np.ndarray:
    """Return runs of `stay` that hold `enter` at least once. Boolean, shape (T,)."""
    out = np.zeros(len(stay), dtype=bool)
    for a, b in intervals(stay & True):
        out[a:b] = enter[a:b].any()
    return out


def intervals(mask: np.ndarray, *, shortest: int = 1, bridge: int = 0) -> list[Interval]:
    """Return runs of true frames.

    Args:
        mask: Shape (T,).
        shortest: Shorter runs are dropped.
        bridge: Gaps of up to this many frames between runs are filled first.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    runs: list[Interval] = []
    for a, b in edges.reshape(-1, 2).tolist():
        if runs and a - runs[-1][1] <= bridge:
            runs[-1] = (runs[-1][0], b)
        else:
            runs.append((a, b))
    return [(a, b) for a, b in runs if b - a >= shortest]


def still_pieces(track: np.ndarray, run: Interval, *, shortest: int, gap: int = 0) -> list[Interval]:
    """Cut a run where a point goes from one place to another.

    The cuts are found again on the track with every piece drawn to its median, until they stay: cutting what was drawn
    together so would find the same pieces.

    Args:
        track: In units of what still counts as one place, shape (T, K).
        run: What is cut.
        shortest: No piece is shorter [frames].
        gap: Frames left out on either side of a cut.

    Returns:
        Pieces whose points are about within one unit of their median, as far as their length allows.
    """
    pieces = _cut(track, run, shortest, gap)
    for _ in range(4):
        drawn = track.copy()
        for a, b in pieces:
            drawn[a:b] = np.median(drawn[a:b], axis=0)
        again = _cut(drawn, run, shortest, gap)
        if again == pieces:
            break
        pieces = again
    return pieces


def _cut(track: np.ndarray, run: Interval, shortest: int, gap: int) -> list[Interval]:
    a, b = run
    part = track[a:b]
    off = np.linalg.norm(part - np.median(part, axis=0), axis=1)
    cuts = np.arange(shortest + gap, b - a - shortest - gap + 1)
    if off.max() <= 1 or not cuts.size:
        return [run]
    # Sum of squares about the mean on either side of each cut, up to what is the same for all.
    sums = np.cumsum(part - part.mean(axis=0), axis=0)
    before = sums[cuts - 1]
    spread = -(before**2).sum(axis=1) / cuts - ((sums[-1] - before) ** 2).sum(axis=1) / (b - a - cuts)
    cut = a + int(cuts[int(np.argmin(spread))])
    return _cut(track, (a, cut - gap), shortest, gap) + _cut(track, (cut + gap, b), shortest, gap)


def smoothstep(x: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, with flat ends."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def gaussian(values: np.ndarray, sigma: float) -> np.ndarray:
    """Weighted mean along the first axis over neighbours; sigma in frames; the ends repeat."""
    reach = max(int(np.ceil(3 * sigma)), 1)
    offsets = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2)
    kernel /= kernel.sum()
    frames = np.arange(len(values))
    out = np.zeros_like(values)
    for weight, offset in zip(kernel, offsets, strict=True):
        out += weight * values[np.clip(frames + offset, 0, len(values) - 1)]
    return out


def fade_weights(n_frames: int, runs: Sequence[Interval], blend: float) -> list[np.ndarray]:
    """Return how much of each run's edge correction a frame outside all runs carries.

    Args:
        n_frames: T.
        runs: In order, not overlapping.
        blend: Frames until nothing is left.

    Returns:
        For each run shape (T,): 1 inside, falling to 0 outside; of two neighbours closer than twice the blend, one
        hands over to the other.
    """
    frames = np.arange(n_frames)
    weights = []
    for k, (a, b) in enumerate(runs):
        before = blend if k == 0 else min(blend, a - runs[k - 1][1] + 1)
        after = blend if k + 1 == len(runs) else min(blend, runs[k + 1][0] - b + 1)
        rise = smoothstep((frames - a + before) / before)
        fall = smoothstep((b - 1 + after - frames) / after)
        weights.append(rise * fall)
    return weights


def carry(corrections: np.ndarray, runs: Sequence[Interval], blend: float) -> np.ndarray:
    """Corrections known inside runs, continued outside by fading out the value at the nearest edge. Shape (T, K)."""
    out = np.zeros_like(corrections)
    inside = np.zeros(len(corrections), dtype=bool)
    for (a, b), weight in zip(runs, fade_weights(len(corrections), runs, blend), strict=True):
        nearest = np.clip(np.arange(len(corrections)), a, b - 1)
        out += weight[:, None] * corrections[nearest] * ~inside_of(runs, len(corrections))[:, None]
        inside[a:b] = True
    out[inside] = corrections[inside]
    return out


def inside_of(runs: Sequence[Interval], n_frames: int) -> np.ndarray:
    """Mask of the frames in any run, shape (T,)."""
    mask = np.zeros(n_frames, dtype=bool)
    for a, b in runs:
        mask[a:b] = True
    return mask
