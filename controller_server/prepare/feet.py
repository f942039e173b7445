"""Feet that bear weight: on the floor, without roll, flat or rolling over the toes, and where they are they stay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..body.shape import Shape, body_shapes
from ..clip.interaction import InteractionClip
from ..clip.rotation import quat_conj, quat_from_matrix, quat_from_rotvec, quat_mul, quat_rotate, rotvec_from_quat
from .intervals import Interval, carry, gaussian, hysteresis, inside_of, intervals, still_pieces
from .legs import ANKLE, HIP, TOE, leg_reach, place_foot
from .poses import PairPoses

_LOW, _STILL_LOW = 0.03, 0.05  # m over the person's own floor: enter, leave
_SLOW, _STILL_SLOW = 0.3, 0.45  # m/s
_SHORTEST, _BRIDGE = 0.1, 0.07  # s
_BLEND = 0.15  # s
_FLAT_PITCH, _ROLLING_PITCH = np.radians(8), np.radians(16)  # a foot that tilts further rolls, until it is flat again
_EXACTLY_FLAT = np.radians(0.3)
_TURN_OVER = 0.03  # s
_ON_TIPS = 0.01  # m: toes whose tips point down by more than this bear on them alone
_MAX_FLOOR = 0.2  # m: feet that never come nearer to z = 0 do not stand on the floor
_ROOM = 0.08  # m a bearing foot is brought back; more than that is a step, not a slip
_TURN_ROOM = np.radians(25)
_STEP = 0.1  # s a foot that really goes elsewhere may slip on either side of the middle of its way


@dataclass(frozen=True)
class FootShape:
    """The sole of one foot in the axes of its two joints.

    Attributes:
        forward: Unit direction of the sole in the ankle's axes; up is y. Shape (3,).
        ankle_corners: Sole corners of the ankle's box, rear two first [m from the ankle joint], shape (4, 3).
        toe_corners: Sole corners of the toe's box, rear two first [m from the toe joint], shape (4, 3).
    """

    forward: np.ndarray
    ankle_corners: np.ndarray
    toe_corners: np.ndarray

    @property
    def heel(self) -> np.ndarray:
        """Rear end of the sole's centre line, shape (3,)."""
        return self.ankle_corners[:2].mean(0)

    @property
    def toe_height(self) -> float:
        """From the sole up to the toe joint [m]."""
        return -float(self.toe_corners[:, 1].mean())

    @property
    def ball(self) -> np.ndarray:
        """The sole under the toe joint, shape (3,)."""
        return self.ankle_corners[2:].mean(0)


def foot_shapes(clip: InteractionClip) -> list[list[FootShape]]:
    """The feet of each person, [person][side]."""

    def corners(box: Shape) -> np.ndarray:
        signs = np.array([(-1, -1, -1), (1, -1, -1), (-1, -1, 1), (1, -1, 1)])
        return box.position + quat_rotate(box.quat, signs * np.array(box.size))

    feet = []
    for _, motion in clip.people:
        boxes = {shape.joint: shape for shape in body_shapes(motion.skeleton) if shape.kind == "box"}
        feet.append(
            [
                FootShape(
                    quat_rotate(boxes[ankle].quat, np.array([0.0, 0, 1])), corners(boxes[ankle]), corners(boxes[toe])
                )
                for ankle, toe in zip(ANKLE, TOE, strict=True)
            ]
        )
    return feet


def sole_corners(poses: PairPoses, person: int, side: int, foot: FootShape) -> np.ndarray:
    """Corners of both boxes' soles in the world [m], shape (T, 8, 3)."""
    positions, quats = poses.world
    parts = [
        positions[:, person, j, None] + quat_rotate(quats[:, person, j, None], corners)
        for j, corners in ((ANKLE[side], foot.ankle_corners), (TOE[side], foot.toe_corners))
    ]
    return np.concatenate(parts, axis=1)


def foot_angles(quat: np.ndarray, foot: FootShape) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Yaw, pitch (toes up) and roll of a sole [rad], each shape (T,), from the ankle's world rotation (T, 4)."""
    forward = quat_rotate(quat, foot.forward)
    up = quat_rotate(quat, np.array([0.0, 1, 0]))
    yaw = np.unwrap(np.arctan2(forward[:, 1], forward[:, 0]))
    pitch = np.arcsin(np.clip(forward[:, 2], -1, 1))
    level_side = np.stack([-np.sin(yaw), np.cos(yaw), np.zeros_like(yaw)], axis=-1)
    roll = np.arctan2(np.sum(up * level_side, axis=-1), np.sum(up * np.cross(forward, level_side), axis=-1))
    return yaw, pitch, roll


def foot_quat(yaw: np.ndarray, pitch: np.ndarray, foot: FootShape) -> np.ndarray:
    """World rotation of an ankle whose sole has this yaw and pitch and no roll, shape (T, 4)."""
    zero = np.zeros_like(yaw)
    forward = np.stack([np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), np.sin(pitch)], axis=-1)
    left = np.stack([-np.sin(yaw), np.cos(yaw), zero], axis=-1)
    world = np.stack([left, np.cross(forward, left), forward], axis=-1)
    up = np.array([0.0, 1, 0])
    local = np.stack([np.cross(up, foot.forward), up, foot.forward], axis=-1)
    return quat_from_matrix(world @ local.T)


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
    """When which foot bears weight, [person][side]: low over the person's own floor and slow, with hysteresis."""
    found = []
    for person in range(2):
        points = []
        for side in range(2):
            corners = sole_corners(poses, person, side, shapes[person][side])
            points.append(corners.reshape(len(corners), 4, 2, 3).mean(2))  # heel, ball, ball, tip of the centre line
        heights = np.stack([p[..., 2].min(axis=1) for p in points])
        floor = float(np.percentile(heights.min(axis=0), 30))
        runs: list[list[Interval]] = [[], []]
        for side in range(2):
            if abs(floor) < _MAX_FLOOR:
                spot = points[side][:, 1:3, :2].mean(axis=1)  # the ball
                yaw, _, _ = foot_angles(poses.world[1][:, person, ANKLE[side]], shapes[person][side])
                place = np.concatenate([spot / _ROOM, yaw[:, None] / _TURN_ROOM], axis=1)
                for run in _bearing_runs(points[side], heights[side] - floor, poses.fps):
                    shortest, step = max(2, round(_SHORTEST * poses.fps)), max(1, round(_STEP * poses.fps))
                    runs[side] += still_pieces(place, run, shortest=shortest, gap=step)
        found.append([Bearing(r, floor) for r in runs])
    return found


def _bearing_runs(points: np.ndarray, height: np.ndarray, fps: float) -> list[Interval]:
    velocity = np.linalg.norm(np.gradient(points, axis=0), axis=-1) * fps
    speed = gaussian(velocity[:, (0, 1)].min(axis=1), max(0.02 * fps, 0.5))
    mask = hysteresis((height < _LOW) & (speed < _SLOW), (height < _STILL_LOW) & (speed < _STILL_SLOW))
    return intervals(mask, shortest=max(2, round(_SHORTEST * fps)), bridge=round(_BRIDGE * fps))


def plant_feet(clip: InteractionClip) -> InteractionClip:
    """Shift each person onto the floor, then level, lower and pin every bearing foot with its leg; pelvis kept.

    A foot whose heel or toes are clearly up keeps its pitch and stands on its lowest edge, so that a step still rolls
    from heel to toe. The pelvis is lowered only where a leg would be too short.
    """
    poses, shapes = PairPoses.of(clip), foot_shapes(clip)
    bearing = find_bearing(poses, shapes)
    for person in range(2):
        targets = [_targets(poses, person, side, shapes[person][side], bearing[person][side]) for side in range(2)]
        lifts = [
            (t.ankle - poses.positions[:, person, ANKLE[side]])[b.mask(poses.n_frames), 2]
            for side, (t, b) in enumerate(zip(targets, bearing[person], strict=True))
        ]
        lifts = [lift for lift in lifts if lift.size]
        if not lifts:
            continue
        roots = poses.roots.copy()
        sizes = [lift.size for lift in lifts]
        roots[:, person, 2] += np.average([np.median(lift) for lift in lifts], weights=sizes)
        poses = _planted(poses.with_changes(roots=roots), person, targets, bearing[person])
    return poses.to_clip(clip)


@dataclass(frozen=True)
class _Target:
    ankle: np.ndarray  # (T, 3)
    quat: np.ndarray  # (T, 4)
    toe: np.ndarray  # (T, 4) relative to the ankle


def _targets(poses: PairPoses, person: int, side: int, foot: FootShape, bearing: Bearing) -> _Target:
    """Where the foot belongs; meaningful in bearing frames."""
    positions, quats = poses.world
    ankle, ankle_quat = positions[:, person, ANKLE[side]], quats[:, person, ANKLE[side]]
    toe = poses.quats[:, person, TOE[side]]
    yaw, pitch, _ = foot_angles(ankle_quat, foot)
    rolling = hysteresis(np.abs(pitch) > _ROLLING_PITCH, np.abs(pitch) > _FLAT_PITCH)
    meant = gaussian(rolling.astype(float), max(_TURN_OVER * poses.fps, 0.4))
    for a, b in bearing.runs:
        # A foot that stands exactly flat when it does was made to: then the way in and out of it is meant as well.
        flat_pitch = np.abs(pitch[a:b][~rolling[a:b]])
        if flat_pitch.size and np.median(flat_pitch) < _EXACTLY_FLAT:
            meant[a:b] = 1
    pitch = pitch * meant
    toe_bend = quat_from_rotvec(rotvec_from_quat(toe) * meant[:, None])
    toe_joint = poses.offsets[person, TOE[side]]
    toe_tip = toe_joint + quat_rotate(toe_bend, foot.toe_corners[2:].mean(0))
    spot = ankle.copy()
    for a, b in bearing.runs:
        run = slice(a, b)
        flat = ~rolling[run] if not rolling[run].all() else np.ones(b - a, bool)
        yaw[run] = np.median(yaw[run][flat])
        level, sole = foot_quat(yaw[run], pitch[run], foot), foot_quat(yaw[run], np.zeros(b - a), foot)
        # The foot turns over its heel while the toes are up, over the ball while only the heel is up and the toes
        # lie flat, over their tips while they do not. In a flat foot all three stay where they are.
        tip_drop = (quat_rotate(level, toe_joint) - quat_rotate(level, toe_tip[run]))[:, 2]
        toes_down = tip_drop > foot.toe_height + _ON_TIPS
        on_tips = gaussian(toes_down.astype(float), max(_TURN_OVER * poses.fps, 0.4))[:, None]
        heel_up = (pitch[run] <= 0)[:, None]
        pivot = np.where(heel_up, on_tips * toe_tip[run] + (1 - on_tips) * toe_joint, foot.heel)
        straight_tip = toe_joint + foot.toe_corners[2:].mean(0)
        rest = np.where(heel_up, on_tips * straight_tip + (1 - on_tips) * toe_joint, foot.heel)
        place = (ankle[run] + quat_rotate(ankle_quat[run], pivot) - quat_rotate(sole, rest))[:, :2]
        spot[run, :2] = np.median(place[flat], axis=0) + (quat_rotate(sole, rest) - quat_rotate(level, pivot))[:, :2]
    quat = foot_quat(yaw, pitch, foot)
    lowest = np.minimum(
        quat_rotate(quat[:, None], foot.ankle_corners)[..., 2].min(1),
        quat_rotate(quat, toe_joint)[:, 2]
        + quat_rotate(quat_mul(quat, toe_bend)[:, None], foot.toe_corners)[..., 2].min(1),
    )
    spot[:, 2] = -lowest
    return _Target(spot, quat, toe_bend)


def _planted(poses: PairPoses, person: int, targets: list[_Target], bearing: list[Bearing]) -> PairPoses:
    """Feet on their targets while they bear, the correction fading out before and after."""
    positions, quats = poses.world
    blend = max(_BLEND * poses.fps, 1.0)
    places, drop = [], np.zeros(poses.n_frames)
    for side in range(2):
        ankle, ankle_quat = positions[:, person, ANKLE[side]], quats[:, person, ANKLE[side]]
        toe = poses.quats[:, person, TOE[side]]
        target, runs = targets[side], bearing[side].runs
        if not runs:
            places.append((ankle, ankle_quat, toe))
            continue
        move = carry(target.ankle - ankle, runs, blend)
        turn = carry(_world_turn(ankle_quat, target.quat), runs, blend)
        bend = carry(_world_turn(toe, target.toe), runs, blend)
        places.append(
            (ankle + move, quat_mul(quat_from_rotvec(turn), ankle_quat), quat_mul(quat_from_rotvec(bend), toe))
        )
        reach = leg_reach(poses, person, side)
        mask = bearing[side].mask(poses.n_frames)
        drop = np.maximum(drop, np.where(mask, _drop(positions[:, person, HIP[side]], ankle + move, reach), 0))
    roots = poses.roots.copy()
    roots[:, person, 2] -= _envelope(drop, 0.1 * poses.fps)
    poses = poses.with_changes(roots=roots)
    for side, place in enumerate(places):
        if bearing[side].runs:
            poses = place_foot(poses, person, side, *place)
    return poses


def _world_turn(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    return rotvec_from_quat(quat_mul(end, quat_conj(start)))


def _drop(hip: np.ndarray, ankle: np.ndarray, reach: float) -> np.ndarray:
    """How far the hip must come down to reach the ankle [m], shape (T,), at most 5 cm."""
    away = hip - ankle
    level = np.minimum(np.linalg.norm(away[:, :2], axis=-1), reach)
    return np.clip(away[:, 2] - np.sqrt(reach**2 - level**2), 0, 0.05)


def _envelope(values: np.ndarray, sigma: float) -> np.ndarray:
    """A smooth curve over the values, shape (T,)."""
    reach = int(np.ceil(2 * sigma))
    padded = np.pad(values, reach, mode="edge")
    highest = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(axis=-1)
    return gaussian(highest, max(sigma, 0.5))


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
