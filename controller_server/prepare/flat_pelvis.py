"""Walks whose pelvis an export has kept at one height: its bob, told by the feet that stand."""

from __future__ import annotations

import numpy as np

from controller_server.clip.interaction import InteractionClip

from .poses import PairPoses
from .smoothing import low_pass
from .soles import FootShape, foot_shapes, sole_corners

_FLAT = 1e-3  # m of height between which a pelvis stays that has lost its own
_WALKED = 0.3  # m on the floor from where on that is no way to move
_SLOW = 0.6  # m/s: what is faster does not stand
_CUTOFF_HZ = 6.0  # a step's bob has 2 Hz


def has_flat_pelvis(clip: InteractionClip) -> bool:
    """Return whether the pelvis of anybody walks at one height."""
    return bool(np.any([_flat(path) for path in PairPoses.of(clip).roots.swapaxes(0, 1)]))


def restore_bob(clip: InteractionClip) -> InteractionClip:
    """Lower people whose pelvis walks at one height onto their lowest standing foot, frame by frame.

    Some exporters write the root's path on the floor and leave out the pelvis's height. Both feet are then in the air
    whenever the legs are spread: nothing could carry such a walk.
    """
    poses, shapes = PairPoses.of(clip), foot_shapes(clip)
    roots, changed = poses.roots.copy(), False
    for person in range(2):
        if not _flat(poses.roots[:, person]):
            continue
        lowest = _standing_height(poses, person, shapes[person])
        if lowest is not None:
            roots[:, person, 2] -= low_pass(lowest, poses.fps, _CUTOFF_HZ, pinned=False)
            changed = True
    return poses.with_changes(roots=roots).to_clip(clip) if changed else clip


def _flat(path: np.ndarray) -> bool:
    """Return whether a pelvis, shape (T, 3), goes somewhere and keeps its height to the millimetre."""
    spread = np.ptp(path, axis=0)
    return bool(spread[2] < _FLAT and spread[:2].max() > _WALKED)


def _standing_height(poses: PairPoses, person: int, feet: list[FootShape]) -> np.ndarray | None:
    """Height of the lowest part of a foot that stands [m], shape (T,); between such frames a straight line."""
    corners = np.concatenate([sole_corners(poses, person, side, feet[side]) for side in range(2)], axis=1)
    speed = np.linalg.norm(np.gradient(corners, axis=0), axis=-1) * poses.fps
    height = np.where(speed < _SLOW, corners[..., 2], np.inf).min(axis=1)
    known = np.flatnonzero(np.isfinite(height))
    if len(known) == 0:
        return None
    return np.interp(np.arange(len(height)), known, height[known])
