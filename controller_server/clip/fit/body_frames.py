"""Rotations of SMPL-X joints from joint positions alone, by anatomy: hinge planes, level feet, lateral axes.

Every rotation is built from two directions of the measured body and the same two of the rest skeleton: the first is
met exactly, the second decides the twist. The chain needs no temporal state, so frame 0 is as good as any.
"""

from __future__ import annotations

import numpy as np

from controller_server.clip.rotation import (
    cross,
    quat_conj,
    quat_from_matrix,
    quat_from_rotvec,
    quat_mul,
    quat_rotate,
    quat_rotate_inverse,
    quat_slerp,
)
from controller_server.clip.skeleton import JOINT_NAMES, PARENTS, Skeleton, joint

from .capture import Capture

_UP = np.array([0.0, 0, 1])
_SIDES = ("left", "right")
_MAX_FOOT_ROLL = np.radians(25)
_MOST_LEVELLED = np.radians(45)
# From here to there [sine of the joint's bend] the plane of the bent limb takes over from the fallback axis.
_BEND, _BEND_OF_REST = (0.1, 0.4), (0.5, 0.8)


def unit(vector: np.ndarray) -> np.ndarray:
    """Vectors of length one; zero stays zero. Shape (..., 3)."""
    return vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-12)


def _basis(primary: np.ndarray, secondary: np.ndarray) -> np.ndarray:
    """Quaternion of the axes (primary, secondary made perpendicular, their cross product). Shapes (..., 3)."""
    first = unit(primary)
    second = secondary - np.sum(secondary * first, axis=-1, keepdims=True) * first
    # A second direction along the first decides nothing; any other will do.
    spare = np.where(np.abs(first[..., :1]) < 0.9, [1.0, 0, 0], [0, 1.0, 0])
    lost = np.linalg.norm(second, axis=-1, keepdims=True) < 1e-6
    second = unit(np.where(lost, spare - np.sum(spare * first, axis=-1, keepdims=True) * first, second))
    return quat_from_matrix(np.stack([first, second, cross(first, second)], axis=-1))


def align(rest: tuple[np.ndarray, np.ndarray], measured: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Rotation that takes the first rest direction onto the first measured one and the second as near as it goes."""
    return quat_mul(_basis(*measured), quat_conj(_basis(*rest)))


def shortest_arc(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Smallest rotation that takes one direction onto another. Shapes (..., 3) to (..., 4)."""
    start, end = unit(start), unit(end)
    axis = cross(start, end)
    sine = np.linalg.norm(axis, axis=-1, keepdims=True)
    angle = np.arctan2(sine, np.sum(start * end, axis=-1, keepdims=True))
    spare = np.where(np.abs(start[..., :1]) < 0.9, [1.0, 0, 0], [0, 1.0, 0])
    return quat_from_rotvec(np.where(sine < 1e-9, unit(cross(start, spare)), unit(axis)) * angle)


def body_frames(capture: Capture, skeleton: Skeleton, *, upright: bool = False) -> np.ndarray:
    """World rotations of all 55 joints that anatomy suggests, shape (T, 55, 4).

    Args:
        capture: At least hips, knees, ankles, shoulders, elbows and wrists.
        skeleton: The person's rest pose.
        upright: Whether trunk and head are known to stand upright (a rest pose): only their heading is read.
    """
    quats = np.zeros((capture.n_frames, len(JOINT_NAMES), 4))
    quats[..., 0] = 1
    _trunk(capture, skeleton, quats, upright)
    for side in _SIDES:
        _leg(capture, skeleton, quats, side, upright)
        _arm(capture, skeleton, quats, side, upright)
    _fingers(capture, skeleton, quats)
    for name in ("jaw", "left_eye_smplhf", "right_eye_smplhf"):
        quats[:, joint(name)] = quats[:, joint("head")]
    return quats


def _middle(capture: Capture, part: str) -> np.ndarray:
    return (capture.at(f"left_{part}") + capture.at(f"right_{part}")) / 2


def _lateral(capture: Capture, part: str) -> np.ndarray:
    return capture.at(f"left_{part}") - capture.at(f"right_{part}")


def _trunk(capture: Capture, skeleton: Skeleton, quats: np.ndarray, upright: bool) -> None:
    rest = Capture(skeleton.rest_joints[None])
    laterals = {"pelvis": "hip", "spine3": "shoulder"}
    for name, part in laterals.items():
        if upright:
            lateral = _lateral(capture, part) * [1, 1, 0]
            quats[:, joint(name)] = align(
                (np.array([0.0, 1, 0]), np.array([1.0, 0, 0])), (np.broadcast_to(_UP, lateral.shape), lateral)
            )
            continue
        names = _trunk_line(capture, name)
        directions = []
        for source in (rest, capture):
            top, bottom = (source.at(n) if n in JOINT_NAMES else _middle(source, n) for n in names)
            directions.append((_lateral(source, part), top - bottom))
        # The line of the hips or shoulders is met exactly, the trunk's line decides the pitch.
        quats[:, joint(name)] = align((directions[0][0], directions[0][1]), (directions[1][0], directions[1][1]))
    pelvis, chest = quats[:, joint("pelvis")], quats[:, joint("spine3")]
    for name, share in (("spine1", 1 / 3), ("spine2", 2 / 3)):
        quats[:, joint(name)] = quat_slerp(pelvis, chest, share)
    head = chest
    if not upright and capture.has("head"):
        bottom = "neck" if capture.has("neck") else "shoulder"
        directions = []
        for source in (rest, capture):
            base = source.at("neck") if bottom == "neck" else _middle(source, "shoulder")
            directions.append((source.at("head") - base, _lateral(source, "shoulder")))
        # Half of what the line of the neck says: captures put head joints at different depths.
        head = quat_slerp(chest, align(directions[0], directions[1]), 0.5)
    quats[:, joint("head")] = head
    quats[:, joint("neck")] = quat_slerp(chest, head, 0.5)


def _trunk_line(capture: Capture, name: str) -> tuple[str, str]:
    """Top and bottom landmark of the lower or upper trunk; "hip" and "shoulder" stand for the middle of both."""
    spine = [n for n in ("spine1", "spine2", "spine3") if capture.has(n)]
    if name == "pelvis":
        return (spine[0] if spine else "shoulder", "hip")
    return ("neck" if capture.has("neck") else "shoulder", spine[-1] if spine else "hip")


def _hinge(
    bones: tuple[np.ndarray, np.ndarray],
    rest: tuple[np.ndarray, np.ndarray],
    axis: np.ndarray,
    fallback: np.ndarray,
    *,
    one_way: bool,
    still: bool,
) -> np.ndarray:
    """World direction of the axis a limb bends about, as far as its bend shows it; else the fallback.

    A rest limb is not quite straight (SMPL-X: 14 degrees at the knee, 22 at the elbow, across the axis), so the axis
    is not simply normal to both bones: it makes the same angle with each bone as in the rest pose. Two such
    directions exist once the limb is bent further than at rest; flexion tells which.

    Args:
        bones: Upper and lower bone in the world, shapes (T, 3).
        rest: The same in the rest pose, shapes (3,).
        axis: Hinge axis in the model frame about which flexion is positive, shape (3,).
        fallback: Unit directions to use where the limb is straight, shape (T, 3).
        still: Whether this is a rest pose, whose small bends are a matter of taste.
        one_way: Whether a bend against the fallback is noise of a straight limb (knees).
    """
    upper, lower = unit(bones[0]), unit(bones[1])
    with_upper, with_lower = float(axis @ unit(rest[0])), float(axis @ unit(rest[1]))
    normal = cross(upper, lower)
    cosine, sine = np.sum(upper * lower, axis=-1, keepdims=True), np.linalg.norm(normal, axis=-1, keepdims=True)
    square = np.maximum(sine**2, 1e-9)
    in_plane = ((with_upper - cosine * with_lower) * upper + (with_lower - cosine * with_upper) * lower) / square
    out_of_plane = np.sqrt(np.maximum(1 - np.sum(in_plane**2, axis=-1, keepdims=True), 0))
    seen = in_plane + out_of_plane * unit(normal)
    start, full = _BEND_OF_REST if still else _BEND
    weight = np.clip((out_of_plane * sine - start) / (full - start), 0, 1)
    weight = weight * weight * (3 - 2 * weight)
    if one_way:
        weight = weight * np.clip(2 * np.sum(unit(seen) * fallback, axis=-1, keepdims=True), 0, 1)
    return unit(np.where(weight > 0, weight * unit(seen), 0) + (1 - weight) * fallback)


def _leg(capture: Capture, skeleton: Skeleton, quats: np.ndarray, side: str, upright: bool) -> None:
    hip, knee, ankle, foot = (joint(f"{side}_{part}") for part in ("hip", "knee", "ankle", "foot"))
    thigh, shank = (capture.positions[:, b] - capture.positions[:, a] for a, b in ((hip, knee), (knee, ankle)))
    lateral = quat_rotate(quats[:, 0], np.array([1.0, 0, 0]))
    x, rest = np.array([1.0, 0, 0]), skeleton.offsets
    if capture.measured[foot]:
        along = capture.positions[:, foot] - capture.positions[:, ankle]
        # Across the foot, turned back by as much as the rest pose's toes point outwards.
        across = unit(cross(-shank, along))
        outwards = np.arctan2(rest[foot, 0], rest[foot, 2])
        of_foot = np.cos(outwards) * across + np.sin(outwards) * cross(across, unit(-shank))
        lateral = unit(of_foot + 0.5 * lateral)
    axis = _hinge((thigh, shank), (rest[knee], rest[ankle]), x, lateral, one_way=True, still=upright)
    quats[:, hip] = align((rest[knee], x), (thigh, axis))
    quats[:, knee] = align((rest[ankle], x), (shank, axis))
    if not capture.measured[foot]:
        quats[:, ankle] = quats[:, foot] = quats[:, knee]
        return
    # The foot's lateral axis lies level as far as the ankle's roll allows.
    along = unit(along)
    neutral = unit(cross(-shank, along))
    level = cross(np.broadcast_to(_UP, along.shape), along)
    roll = np.arctan2(np.sum(cross(neutral, level) * along, axis=-1), np.sum(neutral * level, axis=-1))
    allowed = np.clip(roll, -_MAX_FOOT_ROLL, _MAX_FOOT_ROLL) * np.clip(2 * np.linalg.norm(level, axis=-1) - 0.5, 0, 1)
    axis = quat_rotate(quat_from_rotvec(along * allowed[:, None]), neutral)
    quats[:, ankle] = align((rest[foot], np.cross([0.0, 1, 0], rest[foot])), (along, axis))
    tips = capture.tips.get(f"{side}_toes")
    quats[:, foot] = quats[:, ankle]
    if tips is not None and not upright:
        # Toes are a hinge: what counts is how far they bend up out of the sole, not which toe the tip is.
        across = quat_rotate(quats[:, ankle], unit(np.cross([0.0, 1, 0], rest[foot])))
        sole = quat_rotate(quats[:, ankle], unit(rest[foot] * [1, 0, 1]))
        toes = tips - capture.positions[:, foot]
        bend = np.arctan2(np.sum(cross(sole, toes) * across, axis=-1), np.sum(sole * toes, axis=-1))
        quats[:, foot] = quat_mul(quat_from_rotvec(across * bend[:, None]), quats[:, ankle])


def _arm(capture: Capture, skeleton: Skeleton, quats: np.ndarray, side: str, upright: bool) -> None:
    collar, shoulder, elbow, wrist = (joint(f"{side}_{part}") for part in ("collar", "shoulder", "elbow", "wrist"))
    rest, chest = skeleton.offsets, quats[:, joint("spine3")]
    start = capture.positions[:, collar] if capture.measured[collar] else None
    quats[:, collar] = chest
    if start is not None:
        blade = capture.positions[:, shoulder] - start
        quats[:, collar] = quat_mul(shortest_arc(quat_rotate(chest, rest[shoulder]), blade), chest)
    upper, fore = (capture.positions[:, b] - capture.positions[:, a] for a, b in ((shoulder, elbow), (elbow, wrist)))
    # Elbows flex forwards out of the T-pose: about -y on the left, about +y on the right.
    y = np.array([0.0, -1.0 if side == "left" else 1.0, 0])
    hanging = shortest_arc(quat_rotate(chest, rest[elbow]), upper)
    straight = quat_rotate(quat_mul(hanging, chest), y)
    axis = _hinge((upper, fore), (rest[elbow], rest[wrist]), y, straight, one_way=False, still=upright)
    quats[:, shoulder] = align((rest[elbow], y), (upper, axis))
    quats[:, elbow] = align((rest[wrist], y), (fore, axis))
    quats[:, wrist] = quats[:, elbow]
    tip = capture.tips.get(f"{side}_hand")
    if tip is not None:
        along = rest[joint(f"{side}_middle1")]
        arc = shortest_arc(quat_rotate(quats[:, elbow], along), tip - capture.positions[:, wrist])
        quats[:, wrist] = quat_mul(arc, quats[:, elbow])


def _fingers(capture: Capture, skeleton: Skeleton, quats: np.ndarray) -> None:
    for j in range(25, 55):
        quats[:, j] = quats[:, PARENTS[j]]
        child = j + 1
        if child < len(PARENTS) and PARENTS[child] == j and capture.measured[j] and capture.measured[child]:
            bone = capture.positions[:, child] - capture.positions[:, j]
            arc = shortest_arc(quat_rotate(quats[:, j], skeleton.offsets[child]), bone)
            quats[:, j] = quat_mul(arc, quats[:, j])


def calibrated(capture: Capture, skeleton: Skeleton) -> np.ndarray:
    """World rotations of all 55 SMPL-X joints, shape (T, 55, 4): the source's where it has any, else by anatomy.

    A source joint differs from the SMPL-X joint by a constant rotation in its own axes. It is read off the rest pose
    where that shows a person, else it is the mean over the motion against the rotations by anatomy
    (chordal mean: Markley et al. 2007, "Averaging quaternions").
    """
    anatomy = body_frames(capture, skeleton)
    if capture.rotations is None:
        return anatomy
    quats = anatomy.copy()
    if capture.exact:
        quats[:, capture.turned] = capture.rotations[:, capture.turned]
        _carry(capture, anatomy, quats)
        return quats
    if capture.rest is not None:
        assert capture.rest.rotations is not None
        constant = quat_mul(quat_conj(capture.rest.rotations), body_frames(capture.rest, skeleton, upright=True))[0]
    else:
        sample = quat_mul(quat_conj(capture.rotations), anatomy)
        constant = np.full((len(JOINT_NAMES), 4), np.nan)
        for j in np.flatnonzero(capture.turned):
            constant[j] = _mean_quat(sample[:, j])
    for j in np.flatnonzero(capture.turned):
        quats[:, j] = quat_mul(capture.rotations[:, j], constant[j])
    for side in _SIDES:
        _level_sole(capture, skeleton, quats, side)
    _carry(capture, anatomy, quats)
    return quats


def _level_sole(capture: Capture, skeleton: Skeleton, quats: np.ndarray, side: str) -> None:
    """Turn a foot in its own axes so that on average its sole is level while it is planted, in place.

    Rest poses with the legs apart often carry the feet along, soles tilted inwards by as much.
    """
    ankle, foot = joint(f"{side}_ankle"), joint(f"{side}_foot")
    if not (capture.measured[foot] and capture.turned[ankle]):
        return
    planted = capture.planted(side)
    if not planted.any():
        return
    along, y = unit(skeleton.offsets[foot]), np.array([0.0, 1, 0])
    for j in (ankle, foot):
        if not capture.turned[j]:
            continue
        up = np.mean(quat_rotate_inverse(quats[planted, j], _UP), axis=0)
        if j == ankle:  # the pitch is where the foot's bone points; only the roll about it is free
            up = up - (up @ along) * along
            turn = shortest_arc(y - (y @ along) * along, up)
        else:
            turn = shortest_arc(y, up)
        if 2 * np.arccos(min(1.0, abs(float(turn[0])))) < _MOST_LEVELLED:
            quats[:, j] = quat_mul(quats[:, j], turn)


def _mean_quat(quats: np.ndarray) -> np.ndarray:
    """Chordal mean, refined once with outliers left out. Shape (T, 4) to (4,)."""
    weight = np.ones(len(quats))
    mean = quats[0]
    for _ in range(3):
        mean = np.linalg.eigh((quats * weight[:, None]).T @ quats)[1][:, -1]
        weight = np.abs(quats @ mean) ** 16
    return mean


def _carry(capture: Capture, anatomy: np.ndarray, quats: np.ndarray) -> None:
    """Joints without a source rotation follow their parent's correction."""
    for j, parent in enumerate(PARENTS):
        if parent >= 0 and not capture.turned[j]:
            quats[:, j] = quat_mul(quats[:, parent], quat_mul(quat_conj(anatomy[:, parent]), anatomy[:, j]))
