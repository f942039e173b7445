"""A person's own rest skeleton, measured on captured joints."""

from __future__ import annotations

import numpy as np

from controller_server.clip.rotation import quat_rotate, quat_rotate_inverse
from controller_server.clip.skeleton import JOINT_NAMES, N_JOINTS, NEUTRAL_REST_JOINTS, PARENTS, Skeleton, joint

from .body_frames import body_frames, shortest_arc, unit
from .capture import Capture

MIRROR = np.array(
    [
        JOINT_NAMES.index(n.replace("left_", "right_") if n.startswith("left_") else n.replace("right_", "left_"))
        for n in JOINT_NAMES
    ]
)
"""Index of each joint's counterpart on the other side."""
_SPINE = ("spine1", "spine2", "spine3", "neck")
_LIMBS = [joint(f"{side}_{p}") for p in ("knee", "ankle", "elbow", "wrist") for side in ("left", "right")]
_APART = 0.02
"""Joints closer than this [m] are helper joints of the rig, not places in the body."""
# The ball of the foot lies lower than the ankle by this share of their distance at least and at most.
_FOOT_DROP = (0.1, 0.75)


def symmetric(offsets: np.ndarray) -> np.ndarray:
    """Mean of a skeleton's offsets and their mirror image. Shape (55, 3)."""
    return (offsets + offsets[MIRROR] * [-1, 1, 1]) / 2


def measure_skeleton(capture: Capture) -> Skeleton:
    """Return the rest skeleton with the bone lengths of a capture.

    Limbs keep the neutral table's directions at the measured lengths; trunk joints stand where they were measured,
    in the rest pose or in the middle of the motion; what the source does not have is scaled from its neighbours.
    Both sides are made equal, except how far the ball of each foot lies below its ankle: that is where flat is.
    """
    neutral = symmetric(Skeleton.neutral().offsets)
    if capture.exact:
        return _turned_back(capture, neutral)
    source = capture.rest or capture
    lengths = _bone_lengths(source)
    legs = [joint(f"{side}_{p}") for p in ("knee", "ankle") for side in ("left", "right")]
    scale = float(sum(lengths[j] for j in legs) / np.linalg.norm(neutral[legs], axis=-1).sum())
    offsets = neutral * scale
    known = np.isfinite(lengths) & (lengths > 0.002)
    for j in (*_LIMBS, *(j for j in range(25, N_JOINTS) if known[j] and lengths[j] < 0.2)):
        offsets[j] = unit(neutral[j]) * lengths[j]
    places = _trunk_places(source, _assemble(offsets, scale), upright=capture.rest is not None)
    _place_trunk(places, neutral, offsets)
    offsets = symmetric(offsets)
    for side in ("left", "right"):
        foot = joint(f"{side}_foot")
        if source.measured[foot]:
            length = (lengths[foot] + lengths[MIRROR[foot]]) / 2
            drop = np.clip(_foot_drop(capture, side), *_FOOT_DROP) * length
            level = unit(offsets[foot] * [1, 0, 1]) * np.sqrt(length**2 - drop**2)
            offsets[foot] = level - [0, drop, 0]
    return _assemble(offsets, scale)


def _turned_back(capture: Capture, neutral: np.ndarray) -> Skeleton:
    """Return the skeleton of a capture with SMPL's own rotations: each bone as its parent's rotation has it at rest."""
    assert capture.rotations is not None
    lengths = _bone_lengths(capture)
    legs = [joint(f"{side}_{p}") for p in ("knee", "ankle") for side in ("left", "right")]
    scale = float(sum(lengths[j] for j in legs) / np.linalg.norm(neutral[legs], axis=-1).sum())
    offsets = neutral * scale
    for j in range(1, N_JOINTS):
        parent = PARENTS[j]
        if capture.measured[j] and capture.measured[parent] and capture.turned[parent]:
            bone = capture.positions[:, j] - capture.positions[:, parent]
            offsets[j] = np.median(quat_rotate_inverse(capture.rotations[:, parent], bone), axis=0)
    return _assemble(offsets, scale)


def _assemble(offsets: np.ndarray, scale: float) -> Skeleton:
    rest = np.zeros((N_JOINTS, 3))
    rest[0] = NEUTRAL_REST_JOINTS[0] * [0, scale, scale]
    for j in range(1, N_JOINTS):
        rest[j] = rest[PARENTS[j]] + offsets[j]
    return Skeleton(rest)


def _bone_lengths(source: Capture) -> np.ndarray:
    """Median distance of each joint from its parent, both sides' mean [m], shape (55,); NaN where unknown."""
    parents = np.maximum(PARENTS, 0)
    with np.errstate(invalid="ignore"):
        distance = np.linalg.norm(source.positions - source.positions[:, parents], axis=-1)
    measured = source.measured & source.measured[parents]
    lengths = np.where(measured, np.median(np.where(measured, distance, 0), axis=0), np.nan)
    return np.where(np.isfinite(lengths[MIRROR]), (lengths + lengths[MIRROR]) / 2, lengths)


def _trunk_places(source: Capture, provisional: Skeleton, *, upright: bool) -> dict[str, np.ndarray]:
    """Offsets of trunk joints from their nearest measured ancestor in the model frame [m], by joint name.

    The pelvis itself is measured from the middle of the hips.
    """
    quats = body_frames(source, provisional, upright=upright)
    if upright:
        quats[:] = quats[:, :1]
    hips = (source.at("left_hip") + source.at("right_hip")) / 2

    def local(frame: str, vector: np.ndarray) -> np.ndarray:
        return np.median(quat_rotate_inverse(quats[:, joint(frame)], vector), axis=0)

    pelvis = source.at("pelvis") if source.has("pelvis") else None
    if pelvis is None:
        middle = (provisional.offsets[joint("left_hip")] + provisional.offsets[joint("right_hip")]) / 2
        pelvis = hips - quat_rotate(quats[:, 0], middle)
    places = {f"{side}_hip": local("pelvis", source.at(f"{side}_hip") - pelvis) for side in ("left", "right")}
    last, below = "pelvis", pelvis
    for name in _SPINE:
        if source.has(name) and np.median(np.linalg.norm(source.at(name) - below, axis=-1)) > _APART:
            places[name] = local(last, source.at(name) - below)
            last, below = name, source.at(name)
    if "neck" not in places:
        shoulders = (source.at("left_shoulder") + source.at("right_shoulder")) / 2
        rest = provisional.rest_joints
        above = rest[joint("neck")] - (rest[joint("left_shoulder")] + rest[joint("right_shoulder")]) / 2
        below = below if last != "pelvis" else pelvis
        neck = shoulders + quat_rotate(quats[:, joint("spine3")], above)
        places["neck"] = local("spine3" if last == "pelvis" else last, neck - below)
        below = neck
    else:
        below = source.at("neck")
    if source.has("head"):
        places["head"] = local("neck", source.at("head") - below)
    for side in ("left", "right"):
        # Shoulders are measured from the neck, which every chain has.
        places[f"{side}_shoulder"] = local("spine3", source.at(f"{side}_shoulder") - below)
        collar = f"{side}_collar"
        if source.has(collar):
            places[collar] = local("spine3", source.at(collar) - below)
    return places


def _place_trunk(places: dict[str, np.ndarray], neutral: np.ndarray, offsets: np.ndarray) -> None:
    """Write the trunk's offsets in place: measured joints where they are, the others bent in between."""
    for side in ("left", "right"):
        offsets[joint(f"{side}_hip")] = places[f"{side}_hip"]
    gap: list[int] = []
    for name in _SPINE:
        gap.append(joint(name))
        if name in places:
            _fill(gap, places[name], neutral, offsets)
            gap = []
    if "head" in places:
        offsets[joint("head")] = places["head"]
    for side in ("left", "right"):
        collar, shoulder = joint(f"{side}_collar"), joint(f"{side}_shoulder")
        from_chest = offsets[joint("neck")]
        to_shoulder = from_chest + places[f"{side}_shoulder"]
        blade = from_chest + places.get(f"{side}_collar", np.full(3, np.nan))
        is_place = (
            np.isfinite(blade).all()
            and np.linalg.norm(blade) > _APART
            and np.linalg.norm(to_shoulder - blade) > 2 * _APART
        )
        if is_place:
            offsets[collar], offsets[shoulder] = blade, to_shoulder - blade
        else:
            _fill([collar, shoulder], to_shoulder, neutral, offsets)


def _fill(chain: list[int], total: np.ndarray, neutral: np.ndarray, offsets: np.ndarray) -> None:
    """Bend and scale the neutral offsets of a chain so that together they make `total`."""
    whole = neutral[chain].sum(axis=0)
    factor = np.linalg.norm(total) / np.linalg.norm(whole)
    offsets[chain] = quat_rotate(shortest_arc(whole, total), neutral[chain]) * factor


def _foot_drop(capture: Capture, side: str) -> float:
    """Return how far the ball of a flat foot lies below its ankle, as a share of their distance.

    From the frames in which the foot is planted, else from the rest pose.
    """
    planted = capture.planted(side)
    if not planted.any():
        planted[:] = capture.rest is None
    source = capture if planted.any() else capture.rest
    assert source is not None
    along = source.at(f"{side}_foot") - source.at(f"{side}_ankle")
    share = -along[:, 2] / np.linalg.norm(along, axis=-1)
    # A heel that leaves the floor raises the share, so the flat foot is at its low end.
    return float(np.percentile(share[planted] if source is capture else share, 25))
