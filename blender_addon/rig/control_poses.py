# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses of a rig's controls that make its skeleton follow a motion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from controller_server.clip.interaction import SmplxMotion
from controller_server.clip.rotation import quat_conj, quat_mul, quat_to_matrix
from controller_server.clip.skeleton import JOINT_NAMES, joint

from .motion import BonePoses, unit_rotations
from .rig import Rig


def control_poses(
    rig: Rig, motion: SmplxMotion, world: np.ndarray, poses: np.ndarray, joints: Sequence[int] | None = None
) -> BonePoses:
    """Return the own transforms of the controls that put a rig's joints where a motion has them.

    Every joint's skeleton bone moves by M_j from rest. A control at rest pose C that rides on joint i and makes joint j
    move needs the own transform (M_i C)^-1 M_j C.

    Args:
        rig: The recognised armature, with controls.
        motion: Motion of this rig's proportions.
        world: The object's matrix in every frame, shape (T, 4, 4).
        poses: All bones in armature space in the original animation, shape (T, N, 4, 4).
        joints: SMPL-X joints to write; all that have a control by default.
    """
    assert rig.controls is not None
    bones, wanted = rig.bones, range(len(JOINT_NAMES)) if joints is None else joints
    used = [c for c in rig.controls.keyed if joint(c.takes) in wanted and rig.rows[joint(c.takes)] >= 0]
    rows = np.array([bones.names.index(c.bone) for c in used])
    moved: dict[str, np.ndarray] = {}
    for name in {c.takes for c in used} | {c.on for c in used}:
        if name in JOINT_NAMES:
            moved[name] = _joint_motion(rig, motion, world, joint(name))
        else:
            row = bones.names.index(name)
            moved[name] = poses[:, row] @ np.linalg.inv(bones.rest[row])
    own = np.stack(
        [
            np.linalg.inv(moved[c.on] @ bones.rest[row]) @ moved[c.takes] @ bones.rest[row]
            for c, row in zip(used, rows, strict=True)
        ],
        axis=1,
    )
    return BonePoses(rows, unit_rotations(own), int(rows[0]), own[:, 0, :3, 3])


def _joint_motion(rig: Rig, motion: SmplxMotion, world: np.ndarray, j: int) -> np.ndarray:
    """Return what carries a joint's bone from rest to its pose in armature space, shape (T, 4, 4)."""
    positions, quats = motion.joints
    turns = quat_to_matrix(quat_mul(quats[:, j], quat_conj(rig.bone_to_joint[j])))
    rest = rig.bones.rest[rig.rows[j]]
    moved = np.zeros((motion.n_frames, 4, 4))
    moved[:, :3, :3] = np.swapaxes(unit_rotations(world), -1, -2) @ turns @ unit_rotations(rest).T
    head = np.ones((motion.n_frames, 4))
    head[:, :3] = positions[:, j] / rig.metres
    head = np.einsum("tij,tj->ti", np.linalg.inv(world), head)[:, :3]
    moved[:, :3, 3] = head - moved[:, :3, :3] @ rest[:3, 3]
    moved[:, 3, 3] = 1
    return moved
