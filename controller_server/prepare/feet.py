"""Feet that bear weight: on the floor, without roll, flat or rolling over the toes, and where they are they stay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller_server.clip.interaction import InteractionClip
from controller_server.clip.rotation import quat_conj, quat_from_rotvec, quat_mul, quat_rotate, rotvec_from_quat
from controller_server.core.time_series import Interval, carry, gaussian, hysteresis

from .legs import ANKLE, HIP, TOE, leg_reach, place_foot
from .poses import PairPoses
from .soles import FootShape, foot_angles, foot_quat, foot_shapes
from .stance import Bearing, find_bearing

_BLEND = 0.5  # s
_APPROACH = 0.2  # s before a foot bears from which its way onto its spot is looked at
_SINKING, _DRAWING, _HANGING = 0.14, 0.02, 0.05  # m/s it comes down and sideways at most, and down at least, in the end
_LAST = 0.05  # s that this end lasts
_BRAKING, _BRAKING_ASIDE = 5.0, 25.0  # m/s^2 a foot that lands is braked by at most before that, down and sideways
_FLAT_PITCH, _ROLLING_PITCH = np.radians(8), np.radians(16)  # a foot that tilts further rolls, until it is flat again
_EXACTLY_FLAT = np.radians(0.3)
_TURN_OVER = 0.03  # s
_ON_TIPS = 0.01  # m: toes whose tips point down by more than this bear on them alone


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
    """Return where the foot belongs; meaningful in bearing frames."""
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
        goal, early = _approached(ankle, target.ankle, runs, poses.fps)
        move = carry(goal - ankle, early, blend)
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


def _approached(
    ankle: np.ndarray, spot: np.ndarray, runs: list[Interval], fps: float
) -> tuple[np.ndarray, list[Interval]]:
    """Return the spots (T, 3) and runs of a foot that is over its spot, slow and braked gently before it bears.

    A foot that still travels when it touches is pulled from under the body, one that still falls hits the floor, in the
    simulation as in life. One that lands softly by itself stays as it is.
    """
    spot, early = spot.copy(), []
    for k, (a, b) in enumerate(runs):
        room = a - runs[k - 1][1] if k else a
        frames = min(round(_APPROACH * fps), room // 3)
        aside = height = 0.0
        for frame in range(a - 1, a - 1 - frames, -1):
            before = max((a - frame - 0.5) / fps - _LAST, 0)
            way = ankle[frame] - spot[a]
            apart = float(np.linalg.norm(way[:2]))
            aside = min(apart, aside + (_DRAWING + _BRAKING_ASIDE * before) / fps)
            least = height + (_HANGING / fps if before == 0 else 0)
            height = float(np.clip(way[2], least, height + (_SINKING + _BRAKING * before) / fps))
            spot[frame] = spot[a] + [*way[:2] * aside / max(apart, 1e-9), height]
        early.append((a - frames, b))
    return spot, early


def _world_turn(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    return rotvec_from_quat(quat_mul(end, quat_conj(start)))


def _drop(hip: np.ndarray, ankle: np.ndarray, reach: float) -> np.ndarray:
    """Return how far the hip must come down to reach the ankle [m], shape (T,), at most 5 cm."""
    away = hip - ankle
    level = np.minimum(np.linalg.norm(away[:, :2], axis=-1), reach)
    return np.clip(away[:, 2] - np.sqrt(reach**2 - level**2), 0, 0.05)


def _envelope(values: np.ndarray, sigma: float) -> np.ndarray:
    """Return a smooth curve over the values, shape (T,)."""
    reach = int(np.ceil(2 * sigma))
    padded = np.pad(values, reach, mode="edge")
    highest = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(axis=-1)
    return gaussian(highest, max(sigma, 0.5))
