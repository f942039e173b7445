# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs whose rest pose is no person standing (many BVH files'): what their bones are is read off how they move."""

from __future__ import annotations

import numpy as np

from controller_server.clip.fit.body_frames import calibrated
from controller_server.clip.fit.capture import Capture
from controller_server.clip.fit.measure_skeleton import measure_skeleton
from controller_server.clip.rotation import quat_conj, quat_from_matrix, quat_mul
from controller_server.clip.skeleton import N_JOINTS, PARENTS

from .bones import Bones

_MODEL_IN_WORLD = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""SMPL-X's axes (x left, y up, z forward) in a world with Z up."""


def rest_from_motion(
    bones: Bones, rows: np.ndarray, world: np.ndarray, poses: np.ndarray, metres: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return how a rig's rest pose differs from the T-pose, from a sample of its motion.

    Args:
        bones: Bones of the armature.
        rows: Row of each SMPL-X joint's bone, -1 where there is none, shape (55,).
        world: The object's matrix, shape (T, 4, 4).
        poses: All bones in armature space, shape (T, N, 4, 4).
        metres: Per unit of the scene.

    Returns:
        The model frame in armature space, shape (4,), and the world rotation of each joint in the armature's rest
        pose, in the model frame, shape (55, 4).
    """
    mapped = np.flatnonzero(rows >= 0)
    placed = world[:, None] @ poses[:, rows[mapped]]
    positions = np.full((len(poses), N_JOINTS, 3), np.nan)
    rotations = np.full((len(poses), N_JOINTS, 4), np.nan)
    positions[:, mapped] = placed[..., :3, 3] * metres
    rotations[:, mapped] = quat_from_matrix(_unscaled(placed))
    capture = Capture(positions, rotations)
    quats = calibrated(capture, measure_skeleton(capture))
    axes = quat_mul(quat_conj(quat_from_matrix(_unscaled(world[0]))), quat_from_matrix(_MODEL_IN_WORLD))
    turns = np.zeros((N_JOINTS, 4))
    turns[:, 0] = 1
    # A joint is its bone turned by what is the same in every frame, the rest pose too.
    to_joint = quat_mul(quat_conj(rotations[0, mapped]), quats[0, mapped])
    at_rest = quat_mul(quat_from_matrix(_unscaled(bones.rest[rows[mapped]])), to_joint)
    turns[mapped] = quat_mul(quat_conj(axes), at_rest)
    for j in range(1, N_JOINTS):
        if rows[j] < 0:
            turns[j] = turns[PARENTS[j]]
    return axes, turns


def _unscaled(matrices: np.ndarray) -> np.ndarray:
    """Rotation matrices without scale. Shape (..., 4, 4) to (..., 3, 3)."""
    columns = matrices[..., :3, :3]
    return columns / np.linalg.norm(columns, axis=-2, keepdims=True)
