"""A leg as two bones: hip and knee that bring the ankle to a place, in closed form."""

from __future__ import annotations

import numpy as np

from controller_server.clip.rotation import quat_conj, quat_from_rotvec, quat_mul, quat_rotate
from controller_server.clip.skeleton import joint

from .poses import PairPoses

SIDES = ("left", "right")
HIP, KNEE, ANKLE, TOE = (tuple(joint(f"{side}_{part}") for side in SIDES) for part in ("hip", "knee", "ankle", "foot"))
_STRAIGHTEST = 0.9995  # of the leg's length: 3.6 degrees of flexion, where the knee still knows which way to bend
_KNEE_AXIS = np.array([1.0, 0, 0])  # flexion turns the shin about the knee's own x


def leg_reach(poses: PairPoses, person: int, side: int) -> float:
    """Return the longest hip-to-ankle distance `place_foot` produces [m]."""
    thigh, shin = (np.linalg.norm(poses.offsets[person, j[side]]) for j in (KNEE, ANKLE))
    return float(thigh + shin) * _STRAIGHTEST


def place_foot(
    poses: PairPoses, person: int, side: int, ankle: np.ndarray, ankle_quat: np.ndarray, toe: np.ndarray
) -> PairPoses:
    """Move one foot; the pelvis stays.

    The knee bends in the plane it bends in already, the hip then swings the leg onto the target by the smallest
    rotation. A target out of reach is approached along the straight leg.

    Args:
        poses: T frames.
        person: 0 or 1.
        side: 0 left, 1 right.
        ankle: Where the ankle goes [m, world], shape (T, 3).
        ankle_quat: The ankle's rotation in the world, shape (T, 4).
        toe: The toe joint's rotation relative to the ankle, shape (T, 4).
    """
    positions, world = poses.world
    hip, knee, foot = HIP[side], KNEE[side], ANKLE[side]
    p_hip, p_knee, p_ankle = (positions[:, person, j] for j in (hip, knee, foot))
    thigh, shin = p_knee - p_hip, p_ankle - p_knee
    l1, l2 = np.linalg.norm(thigh, axis=-1), np.linalg.norm(shin, axis=-1)
    along = thigh / l1[:, None]
    reach = np.clip(np.linalg.norm(ankle - p_hip, axis=-1), np.abs(l1 - l2) + 1e-3, (l1 + l2) * _STRAIGHTEST)
    flexion = np.pi - np.arccos(np.clip((l1**2 + l2**2 - reach**2) / (2 * l1 * l2), -1, 1))
    # A straight leg has no plane to bend in: the more it must bend, the more it leans to the knee's own flexion axis.
    now = np.arctan2(np.linalg.norm(np.cross(thigh, shin), axis=-1), np.sum(thigh * shin, axis=-1))
    lean = 0.5 * np.maximum(flexion - now, 0)[:, None] + 1e-6
    axis = np.cross(thigh, shin) / (l1 * l2)[:, None] + lean * quat_rotate(world[:, person, knee], _KNEE_AXIS)
    axis = _unit(axis - np.sum(axis * along, axis=-1, keepdims=True) * along)
    bent = l2[:, None] * (np.cos(flexion)[:, None] * along + np.sin(flexion)[:, None] * np.cross(axis, along))
    bend = _between(shin, bent)
    swing = _between(thigh + bent, ankle - p_hip)
    hip_world = quat_mul(swing, world[:, person, hip])
    knee_world = quat_mul(swing, quat_mul(bend, world[:, person, knee]))
    quats = poses.quats.copy()
    quats[:, person, hip] = quat_mul(quat_conj(world[:, person, 0]), hip_world)
    quats[:, person, knee] = quat_mul(quat_conj(hip_world), knee_world)
    quats[:, person, foot] = quat_mul(quat_conj(knee_world), ankle_quat)
    quats[:, person, TOE[side]] = toe
    return poses.with_changes(quats=quats)


def keep_feet(poses: PairPoses, before: PairPoses) -> PairPoses:
    """Put every foot back where it was before the pelvis moved."""
    positions, world = before.world
    for person in range(2):
        for side in range(2):
            j = ANKLE[side]
            poses = place_foot(
                poses, person, side, positions[:, person, j], world[:, person, j], before.quats[:, person, TOE[side]]
            )
    return poses


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-9)


def _between(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the smallest rotation of one direction onto another, shape (T, 4)."""
    a, b = _unit(start), _unit(end)
    axis = np.cross(a, b)
    sine = np.linalg.norm(axis, axis=-1, keepdims=True)
    angle = np.arctan2(sine, np.sum(a * b, axis=-1, keepdims=True))
    return quat_from_rotvec(np.where(sine > 1e-12, axis / np.maximum(sine, 1e-12), 0) * angle)
