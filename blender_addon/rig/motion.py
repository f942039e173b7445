# SPDX-License-Identifier: GPL-3.0-or-later
"""A rig's poses as SMPL-X motion, and SMPL-X motion as its poses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from controller_server.clip.interaction import SmplxMotion
from controller_server.clip.rotation import (
    quat_conj,
    quat_from_matrix,
    quat_from_rotvec,
    quat_mul,
    quat_slerp,
    quat_to_matrix,
    rotvec_from_quat,
)
from controller_server.clip.skeleton import LEFT_HAND, N_JOINTS, PARENTS, RIGHT_HAND

from .rig import Rig


def motion_from_poses(rig: Rig, world: np.ndarray, poses: np.ndarray) -> SmplxMotion:
    """Return the person's motion.

    Args:
        rig: The recognised armature.
        world: Its object's matrix in every frame, shape (T, 4, 4).
        poses: All bones in armature space, shape (T, N, 4, 4).
    """
    rows = rig.rows[rig.mapped]
    bones = unit_rotations(world)[:, None] @ unit_rotations(poses[:, rows])
    quats = np.zeros((len(poses), N_JOINTS, 4))
    quats[:, rig.mapped] = quat_mul(quat_from_matrix(bones), rig.bone_to_joint[rig.mapped])
    for j in np.flatnonzero(rig.rows < 0):  # no bone of its own: rides on its parent
        turn = quat_mul(quat_conj(rig.rest_turns[PARENTS[j]]), rig.rest_turns[j])
        quats[:, j] = quat_mul(quats[:, PARENTS[j]], turn)
    pelvis = np.einsum("tij,tj->ti", world, poses[:, rig.rows[0], :, 3])[:, :3] * rig.metres
    return _motion(rig, pelvis, quats)


def _motion(rig: Rig, pelvis: np.ndarray, quats: np.ndarray) -> SmplxMotion:
    frames = len(quats)
    local = quats.copy()
    parents = np.array(PARENTS[1:])
    local[:, 1:] = quat_mul(quat_conj(quats[:, parents]), quats[:, 1:])
    rotvecs = rotvec_from_quat(local)
    return SmplxMotion(
        trans=pelvis - rig.rest_joints[0],
        root_orient=rotvecs[:, 0],
        pose_body=rotvecs[:, 1:22].reshape(frames, -1),
        left_hand_pose=rotvecs[:, LEFT_HAND].reshape(frames, -1),
        right_hand_pose=rotvecs[:, RIGHT_HAND].reshape(frames, -1),
        jaw=rotvecs[:, 22],
        eyes=rotvecs[:, 23:25].reshape(frames, -1),
        rest_joints=rig.rest_joints,
    )


@dataclass(frozen=True)
class BonePoses:
    """The keys to be set: one person's bones in their own channels.

    Attributes:
        rows: Bones that are turned, shape (K,).
        rotations: Rotation part of each one's own transform, shape (T, K, 3, 3).
        root: Row of the bone that is moved, too.
        location: Its location channel in armature units, shape (T, 3).
    """

    rows: np.ndarray
    rotations: np.ndarray
    root: int
    location: np.ndarray


def bone_poses(
    rig: Rig, motion: SmplxMotion, world: np.ndarray, basis: np.ndarray, joints: Sequence[int] | None = None
) -> BonePoses:
    """Return the own transforms that put a rig's joints where a motion has them, under everything above them as it is.

    Args:
        rig: The recognised armature.
        motion: Motion of this rig's proportions.
        world: The object's matrix in every frame, shape (T, 4, 4).
        basis: Every bone's own transform in the original animation, shape (T, N, 4, 4); kept by all other bones.
        joints: SMPL-X joints to write; all that have a bone by default.
    """
    chosen = [j for j in (range(N_JOINTS) if joints is None else joints) if rig.rows[j] >= 0]
    target = _bone_rotations(rig, motion, world, chosen)
    head = np.ones((motion.n_frames, 4))
    head[:, :3] = (motion.trans + motion.skeleton.rest_joints[0]) / rig.metres
    head = np.einsum("tij,tj->ti", np.linalg.inv(world), head)
    which = {int(rig.rows[j]): k for k, j in enumerate(chosen)}
    root = int(rig.rows[0])
    rotations = np.empty((motion.n_frames, len(chosen), 3, 3))
    location = np.zeros((motion.n_frames, 3))
    poses = np.empty_like(basis)
    bones = rig.bones
    for row, parent in enumerate(bones.parents):
        above = bones.local_rest[row] if parent < 0 else poses[:, parent] @ bones.local_rest[row]
        own = basis[:, row]
        if row in which:
            own = own.copy()
            turn = np.swapaxes(unit_rotations(np.broadcast_to(above, own.shape)), -1, -2) @ target[:, which[row]]
            rotations[:, which[row]] = turn
            own[:, :3, :3] = turn * np.linalg.norm(own[:, :3, :3], axis=1)[:, None, :]
            if row == root:
                location = np.einsum("tij,tj->ti", np.linalg.inv(np.broadcast_to(above, own.shape)), head)[:, :3]
                own[:, :3, 3] = location
        poses[:, row] = above @ own
    return BonePoses(np.array([int(rig.rows[j]) for j in chosen]), rotations, root, location)


def _bone_rotations(rig: Rig, motion: SmplxMotion, world: np.ndarray, joints: Sequence[int]) -> np.ndarray:
    """Rotations of the joints' bones in armature space, shape (T, K, 3, 3)."""
    chosen = list(joints)
    quats = quat_mul(motion.joints[1][:, chosen], quat_conj(rig.bone_to_joint[chosen]))
    return np.swapaxes(unit_rotations(world), -1, -2)[:, None] @ quat_to_matrix(quats)


def blend_motions(original: SmplxMotion, simulated: SmplxMotion, weight: np.ndarray) -> SmplxMotion:
    """From one motion into another: positions linearly, rotations along the shorter arc.

    Args:
        original: What weight 0 gives.
        simulated: What weight 1 gives; all that is not a pose comes from here.
        weight: Shape (T,).
    """
    w = weight[:, None]
    names = ("root_orient", "pose_body", "left_hand_pose", "right_hand_pose")
    turned = {}
    for name in names:
        a, b = (quat_from_rotvec(getattr(m, name).reshape(len(w), -1, 3)) for m in (original, simulated))
        turned[name] = rotvec_from_quat(quat_slerp(a, b, w[:, None])).reshape(len(w), -1)
    return replace(simulated, trans=original.trans + w * (simulated.trans - original.trans), **turned)


def shifted(motion: SmplxMotion, up: float) -> SmplxMotion:
    """Return a motion higher by so much [m]."""
    return replace(motion, trans=motion.trans + [0, 0, up]) if up else motion


def unit_rotations(matrices: np.ndarray) -> np.ndarray:
    """Rotation part without scale. Shape (..., 4, 4) to (..., 3, 3)."""
    columns = matrices[..., :3, :3]
    return columns / np.linalg.norm(columns, axis=-2, keepdims=True)
