"""The figure bent by its joints, elbows and knees keeping their volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller_server.clip.rotation import quat_conj, quat_from_rotvec, quat_mul, quat_rotate
from controller_server.clip.skeleton import JOINT_NAMES, L_WRIST, N_JOINTS, PARENTS, R_WRIST

from .fit import Dressed

_STILL = 1e-3
"""Fingers that turn less than this are taken for not animated [rad]."""
RELAXED, CLOSED = 0.34, 1.05
"""How far fingers without a motion of their own bend at each joint [rad]: a hanging hand, one that holds."""


@dataclass(frozen=True)
class Pose:
    """A person at one moment.

    Attributes:
        joints: World positions [m], shape (55, 3).
        quats: World rotations, shape (55, 4).
        closing: How much the left and the right hand hold, 0 to 1; bends fingers that have no motion of their own.
    """

    joints: np.ndarray
    quats: np.ndarray
    closing: tuple[float, float] = (0.0, 0.0)


def skinned(person: Dressed, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
    """Return points and normals in the world, shapes (V, 3): joints blend as dual quaternions (Kavan et al. 2008)."""
    joints, quats = _with_hands(person, pose)
    moved = joints - quat_rotate(quats, person.rest)
    dual = 0.5 * quat_mul(np.concatenate([np.zeros((N_JOINTS, 1)), moved], axis=1), quats)
    figure = person.figure
    chosen = quats[figure.joints]
    same = np.einsum("vkc,vc->vk", chosen, chosen[:, 0])
    weights = figure.weights * np.where(same < 0, -1, 1)
    real = np.einsum("vk,vkc->vc", weights, chosen)
    shift = np.einsum("vk,vkc->vc", weights, dual[figure.joints])
    size = np.linalg.norm(real, axis=1, keepdims=True)
    real, shift = real / size, shift / size
    offset = 2 * quat_mul(shift, quat_conj(real))[:, 1:]
    return quat_rotate(real, person.points) + offset, quat_rotate(real, person.normals)


def _with_hands(person: Dressed, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
    """Return the pose with fingers that hang on the wrists, bent where nothing animates them."""
    joints, quats = np.array(pose.joints, float), np.array(pose.quats, float)
    for wrist, first, closing in ((L_WRIST, 25, pose.closing[0]), (R_WRIST, 40, pose.closing[1])):
        hand = np.arange(first, first + 15)
        still = np.abs((quats[hand] * quats[wrist]).sum(axis=1)) > np.cos(_STILL / 2)
        bend = hand_quats(wrist == L_WRIST, closing) if still.all() else None
        for k, j in enumerate(hand):
            parent = PARENTS[j]
            joints[j] = joints[parent] + quat_rotate(quats[parent], person.rest[j] - person.rest[parent])
            if bend is not None:
                quats[j] = quat_mul(quats[parent], bend[k])
    return joints, quats


def hand_quats(left: bool, closing: float) -> np.ndarray:
    """Return local rotations of a hand's 15 finger joints, in SMPL-X order, from relaxed (0) to holding (1)."""
    side = 1.0 if left else -1.0
    bend = RELAXED + (CLOSED - RELAXED) * closing
    turns = []
    for j in range(25, 40):
        finger, segment = JOINT_NAMES[j].split("_")[1][:-1], int(JOINT_NAMES[j][-1])
        if finger == "thumb":
            share = (0.55, 0.45, 0.6)[segment - 1]
            turns.append([0.9 * bend * share, 0.15 * side * bend * share, -0.55 * side * bend * share])
        else:
            together = {"index": 0.04, "middle": -0.08, "ring": -0.2, "pinky": -0.42}[finger]
            share = {"index": 0.8, "middle": 0.95, "ring": 1.05, "pinky": 1.1}[finger] * (0.75, 1.1, 0.7)[segment - 1]
            turns.append([0.0, side * together if segment == 1 else 0.0, -side * bend * share])
    return quat_from_rotvec(np.array(turns))
