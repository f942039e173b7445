"""Stance of feet: when a foot bears weight, its roll, height, sliding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller_server.clip.checks.scene import FLOOR_BOUND
from controller_server.core.time_series import Interval, gaussian, hysteresis, inside_of, intervals, still_pieces

from .legs import ANKLE
from .poses import PairPoses
from .soles import FootShape, foot_angles, sole_corners

_LOW, _STILL_LOW = 0.03, 0.05  # m over the person's own floor: enter, leave
_SETTLED, _STEADY = 0.006, 0.001  # m over the usual height of the stand: when that is noisy, when it is exact
_SLOW, _STILL_SLOW = 0.3, 0.45  # m/s
_NOISIEST = 3.0  # times these bounds, at most, for feet that shake
_SHORTEST, _BRIDGE = 0.1, 0.07  # s
_MAX_ROLL, _MAX_HEEL_UP, _MAX_TOES_UP = np.radians((45, 80, 50))  # beyond, somebody sits or lies
_ROOM = 0.08  # m a bearing foot is brought back; more than that is a step, not a slip
_TURN_ROOM = np.radians(25)
_HOP, _HOP_LASTS = (
    0.05,
    0.4,
)  # m and s a foot that shakes is off the floor by noise: times how much wider the bounds are
_WANDER = 1.5  # times usual that bounds on speed must be for a place to be as much wider
_STEP = 0.1  # s a foot that really goes elsewhere may slip on either side of the middle of its way


@dataclass(frozen=True)
class Bearing:
    """When one foot bears weight.

    Attributes:
        runs: Stretches of frames.
        floor: Height the person's feet stand at in the clip [m].
    """

    runs: list[Interval]
    floor: float

    def mask(self, n_frames: int) -> np.ndarray:
        """Shape (T,)."""
        return inside_of(self.runs, n_frames)


def find_bearing(poses: PairPoses, shapes: list[list[FootShape]]) -> list[list[Bearing]]:
    """Return when which foot bears weight: by person, then side.

    Low over the person's own floor and slow, with hysteresis.
    """
    found = []
    shortest, gap = max(2, round(_SHORTEST * poses.fps)), max(1, round(_STEP * poses.fps))
    for person in range(2):
        points, upright, yaws = [], [], []
        for side in range(2):
            corners = sole_corners(poses, person, side, shapes[person][side])
            points.append(corners.reshape(len(corners), 4, 2, 3).mean(2))  # heel, ball, ball, tip of the centre line
            yaw, pitch, roll = foot_angles(poses.world[1][:, person, ANKLE[side]], shapes[person][side])
            upright.append((np.abs(roll) < _MAX_ROLL) & (pitch > -_MAX_HEEL_UP) & (pitch < _MAX_TOES_UP))
            yaws.append(yaw)
        heights = np.stack([p[..., 2].min(axis=1) for p in points])
        lowest = np.where(upright, heights, np.inf).min(axis=0)
        lowest = lowest[np.isfinite(lowest)]
        floor = float(np.percentile(lowest, 30)) if lowest.size else np.inf
        speeds = np.stack([_foot_speed(p, poses.fps) for p in points])
        noise = _noise(heights - floor, speeds, np.stack(upright))
        runs: list[list[Interval]] = [[], []]
        for side in range(2) if abs(floor) < FLOOR_BOUND else ():
            ball = points[side][:, 1:3, :2].mean(axis=1)
            place = np.concatenate([ball / _ROOM, yaws[side][:, None] / _TURN_ROOM], axis=1)
            for run in _bearing_runs(heights[side] - floor, speeds[side], upright[side], poses.fps, noise):
                runs[side] += still_pieces(place / max(1.0, noise[1] / _WANDER), run, shortest=shortest, gap=gap)
            if max(noise) > 1:
                still = upright[side] & (heights[side] - floor < _HOP * noise[0])
                runs[side] = _without_hops(runs[side], place / noise[1], still, poses.fps)
        found.append([Bearing(r, floor) for r in runs])
    return found


def _foot_speed(points: np.ndarray, fps: float) -> np.ndarray:
    """Speed of heel or ball, whichever is slower [m/s], shape (T,), from heel, ball, ball, tip (T, 4, 3)."""
    velocity = np.linalg.norm(np.gradient(points, axis=0), axis=-1) * fps
    return gaussian(velocity[:, (0, 1)].min(axis=1), max(0.02 * fps, 0.5))


def _noise(heights: np.ndarray, speeds: np.ndarray, upright: np.ndarray) -> tuple[float, float]:
    """Return how much wider than usual the bounds on height and speed must be for feet that stand in a noisy clip.

    One foot of a person on their feet bears at most times: what the slower one does is noise.
    """
    known = upright.any(axis=0)
    if not known.any():
        return 1.0, 1.0
    slower = np.where(upright, speeds, np.inf).argmin(axis=0)[None]
    height = np.abs(np.take_along_axis(heights, slower, 0)[0, known])
    speed = np.take_along_axis(speeds, slower, 0)[0, known]
    return (
        float(np.clip(2.5 * np.median(height) / _LOW, 1, _NOISIEST)),
        float(np.clip(2.5 * np.median(speed) / _SLOW, 1, _NOISIEST)),
    )


def _bearing_runs(
    height: np.ndarray, speed: np.ndarray, upright: np.ndarray, fps: float, noise: tuple[float, float]
) -> list[Interval]:
    high, fast = noise
    enter = (height < _LOW * high) & (speed < _SLOW * fast)
    stay = (height < _STILL_LOW * high) & (speed < _STILL_SLOW * fast)
    mask = hysteresis(enter & upright, stay & upright)
    runs = []
    for a, b in intervals(mask, bridge=round(_BRIDGE * fps)):
        # Coming down and going up are no standing yet: pulled to the floor early, the leg would be too short.
        over = height[a:b] - np.median(height[a:b])
        settled = a + np.flatnonzero(over < min(_SETTLED, _STEADY + 3 * float(np.median(np.abs(over)))))
        if settled[-1] + 1 - settled[0] >= max(2, round(_SHORTEST * fps)):
            runs.append((int(settled[0]), int(settled[-1]) + 1))
    return runs


def _without_hops(runs: list[Interval], place: np.ndarray, low: np.ndarray, fps: float) -> list[Interval]:
    """Stands of a foot that shakes, joined where noise alone lifts it: it stays low, and comes down where it was.

    Args:
        runs: In order.
        place: Of the foot, in units of what still counts as one place, shape (T, K).
        low: Whether the foot is no higher than noise may lift it, shape (T,).
        fps: Frames per second.
    """
    longest, n = round(_HOP_LASTS * fps), len(low)
    joined: list[Interval] = []
    for a, b in runs:
        if joined:
            start, end = joined[-1]
            apart = np.linalg.norm(np.median(place[start:end], axis=0) - np.median(place[a:b], axis=0))
            if a - end <= longest and apart <= 1 and low[end:a].all():
                joined[-1] = (start, b)
                continue
        joined.append((a, b))
    if joined and joined[0][0] <= longest and low[: joined[0][0]].all():
        joined[0] = (0, joined[0][1])
    if joined and n - joined[-1][1] <= longest and low[joined[-1][1] :].all():
        joined[-1] = (joined[-1][0], n)
    return joined


def foot_height(poses: PairPoses, shapes: list[list[FootShape]], bearing: list[list[Bearing]]) -> list[float]:
    """Mean distance of the lowest corner of each person's bearing feet from the floor [m]."""
    out = []
    for person in range(2):
        heights = [
            np.abs(sole_corners(poses, person, side, shapes[person][side])[..., 2].min(axis=1))[
                bearing[person][side].mask(poses.n_frames)
            ]
            for side in range(2)
        ]
        height = np.concatenate(heights)
        out.append(float(height.mean()) if height.size else 0.0)
    return out


def foot_roll_deg(poses: PairPoses, shapes: list[list[FootShape]], bearing: list[list[Bearing]]) -> list[float]:
    """Mean absolute roll of each person's bearing feet [degrees]."""
    out = []
    for person in range(2):
        rolls = [
            np.abs(foot_angles(poses.world[1][:, person, ANKLE[side]], shapes[person][side])[2])[
                bearing[person][side].mask(poses.n_frames)
            ]
            for side in range(2)
        ]
        roll = np.concatenate(rolls)
        out.append(float(np.degrees(roll.mean())) if roll.size else 0.0)
    return out


def foot_skate(poses: PairPoses, shapes: list[list[FootShape]], bearing: list[list[Bearing]]) -> list[float]:
    """Mean horizontal speed of the lowest corner of each person's bearing feet [m/s]."""
    out = []
    for person in range(2):
        speeds = []
        for side in range(2):
            corners = sole_corners(poses, person, side, shapes[person][side])
            step = np.linalg.norm(np.diff(corners[..., :2], axis=0), axis=-1) * poses.fps
            lowest = (corners[1:, :, 2] + corners[:-1, :, 2]).argmin(axis=1)
            mask = bearing[person][side].mask(poses.n_frames)
            speeds.append(np.take_along_axis(step, lowest[:, None], 1)[mask[1:] & mask[:-1], 0])
        speed = np.concatenate(speeds)
        out.append(float(speed.mean()) if speed.size else 0.0)
    return out
