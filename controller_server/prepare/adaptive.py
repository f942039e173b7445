"""Noise removed as far as physics asks: where a motion needs forces that nobody can give, it is smoothed further."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from controller_server.clip.interaction import InteractionClip
from controller_server.core.time_series import gaussian

from .centre_of_mass import calmed
from .poses import PairPoses
from .smoothing import same_hemisphere, smooth
from .unsupported import Unsupported, unsupported_force

ENOUGH_N = 50.0
"""Median unsupported force at which a stretch is smooth enough [N]."""
LOWEST_HZ = 2.5
CENTRE_HZ = 1.8
"""Half-power frequency of the path of the centre of mass, where poses are smoothed [Hz]."""
_STEP = 0.72  # from one cutoff to the next
_GAIN = 0.8  # a lower cutoff must bring the force under this share
_EVERY, _REACH = 0.5, 0.75  # s: where stretches are centred, how far they reach
_CHANGE = 0.25  # s over which one cutoff goes over into another


def smooth_as_needed(
    clip: InteractionClip, cutoff_hz: float, grounded: Callable[[InteractionClip], InteractionClip]
) -> InteractionClip:
    """Smooth with a cutoff that is lower where the motion needs forces that nobody can give.

    Each person and stretch goes from one cutoff to the next lower one until the median force is under `ENOUGH_N`, a
    lower one gains less than a fifth, or `LOWEST_HZ` is reached.

    Args:
        clip: As it came.
        cutoff_hz: Where to begin.
        grounded: Brings people and feet onto the floor: only then forces mean something.
    """
    raw = PairPoses.of(clip)
    centres = np.arange(0, clip.duration + _EVERY, _EVERY) * clip.fps
    level = np.zeros((len(centres), 2), dtype=int)
    going = np.ones(level.shape, dtype=bool)
    smoothed, last = [smooth(raw, cutoff_hz=cutoff_hz)], np.full(level.shape, np.inf)
    for k, cutoff in enumerate(_cutoffs(cutoff_hz)):
        if k:
            smoothed.append(smooth(raw, cutoff_hz=cutoff, pinned=False))
        force = _medians(unsupported_force(grounded(smoothed[k].to_clip(clip))), centres, _REACH * clip.fps)
        better = going & (force < _GAIN * last)
        level[better] = k
        going = better & (force > ENOUGH_N)
        last = np.where(better, force, last)
        if not going.any():
            break
    if not level.any():
        return smoothed[0].to_clip(clip)
    track = np.stack([np.interp(np.arange(clip.n_frames), centres, level[:, person]) for person in range(2)], axis=1)
    track = gaussian(track, _CHANGE * clip.fps)
    return calmed(clip, _blended(smoothed, track), np.clip(track, 0, 1), CENTRE_HZ).to_clip(clip)


def _cutoffs(highest: float) -> list[float]:
    cutoffs = [highest]
    while cutoffs[-1] > LOWEST_HZ:
        cutoffs.append(max(cutoffs[-1] * _STEP, LOWEST_HZ))
    return cutoffs


def _medians(found: Unsupported, centres: np.ndarray, reach: float) -> np.ndarray:
    """Median force around each centre, shape (C, 2)."""
    out = np.zeros((len(centres), 2))
    for k, centre in enumerate(centres):
        near = np.abs(found.frame - centre) <= reach
        if near.any():
            out[k] = np.median(found.force[near], axis=0)
    return out


def _blended(smoothed: Sequence[PairPoses], level: np.ndarray) -> PairPoses:
    """Between neighbours in a list of poses, by a fractional position in it, shape (T, 2)."""
    out = smoothed[0]
    for k, lower in enumerate(smoothed[1:]):
        share = np.clip(level - k, 0, 1)[..., None]
        quats = np.stack([out.quats, lower.quats])
        near, far = same_hemisphere(quats)
        mixed = near + share[..., None] * (far - near)
        mixed /= np.linalg.norm(mixed, axis=-1, keepdims=True)
        out = out.with_changes(roots=out.roots + share * (lower.roots - out.roots), quats=mixed)
    return out
