"""Feet that step, lifted clear of the floor: a simulated foot catches on what a drawn one glides over."""

from __future__ import annotations

import numpy as np

from controller_server.clip.interaction import InteractionClip
from controller_server.core.time_series import gaussian, intervals

from .legs import ANKLE, TOE, place_foot
from .poses import PairPoses
from .soles import FootShape, foot_shapes, sole_corners
from .stance import Bearing, find_bearing

_CLEARANCE = 0.06  # m under the lowest corner in mid-step
_LONG_STEP = 0.15  # m from where on a step is lifted by all of it; shorter ones in proportion
_RISE = 0.3  # s to come up, and to come down, where the step lasts as long: a quicker lift is a kick
_EARLY = 0.07  # s before the foot bears by which it is down
_MOVING = 0.25  # m/s: a foot cut off by the clip's ends is in mid-step only if it moves
_KNEE_WIDTH = 0.01  # m over which a foot that is high enough already stops being lifted


def lift_swings(clip: InteractionClip) -> InteractionClip:
    """Raise every foot between two stands to a clearance that real ground leaves it; feet that bear stay.

    A swinging foot passes the floor by 1-2 cm in life, by less in captures, and a simulated one follows it to within
    about as much: without room to err it drags.
    """
    poses, shapes = PairPoses.of(clip), foot_shapes(clip)
    bearing = find_bearing(poses, shapes)
    for person in range(2):
        for side in range(2):
            lift = swing_lift(poses, person, side, shapes[person][side], bearing[person][side])
            if not lift.any():
                continue
            positions, quats = poses.world
            ankle = positions[:, person, ANKLE[side]] + lift[:, None] * np.array([0.0, 0, 1])
            turn, toe = quats[:, person, ANKLE[side]], poses.quats[:, person, TOE[side]]
            poses = place_foot(poses, person, side, ankle, turn, toe)
    return poses.to_clip(clip)


def swing_lift(poses: PairPoses, person: int, side: int, foot: FootShape, bearing: Bearing) -> np.ndarray:
    """Return how much higher one foot ought to be [m], shape (T,); zero while it bears."""
    corners = sole_corners(poses, person, side, foot)
    height, place = corners[..., 2].min(axis=1), corners[..., :2].mean(axis=1)
    speed = np.linalg.norm(np.gradient(place, axis=0), axis=-1) * poses.fps
    lift, n = np.zeros(len(height)), len(height)
    if not bearing.runs:
        return lift
    for a, b in intervals(~bearing.mask(n)):
        inside = slice(a, b)
        open_start = a == 0 and speed[0] > _MOVING
        open_end = b == n and speed[-1] > _MOVING
        way = np.linalg.norm(place[inside] - place[max(a - 1, 0)], axis=-1).max()
        if open_start:
            way = max(way, np.linalg.norm(place[inside] - place[min(b, n - 1)], axis=-1).max())
        early = min(_EARLY * poses.fps, (b - a) / 6)
        rise = min(_RISE * poses.fps, (b - a + 1 - early) / 2)
        frames = np.arange(a, b)
        up = np.ones(b - a) if open_start else _ease((frames - a + 1) / rise)
        down = np.ones(b - a) if open_end else _ease((b - early - frames) / rise)
        room = up * down
        short = _CLEARANCE * min(1.0, way / _LONG_STEP) * room - height[inside]
        lift[inside] = np.sqrt(room) * 0.5 * (short + np.sqrt(short**2 + _KNEE_WIDTH**2))
    return gaussian(lift, max(0.015 * poses.fps, 0.4)) * ~bearing.mask(n)


def _ease(x: np.ndarray) -> np.ndarray:
    """From 0 at 0 to 1 at 1 along a cosine."""
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(x, 0, 1))
