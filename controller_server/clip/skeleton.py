"""The SMPL-X skeleton: joint names, tree, neutral rest pose, forward kinematics."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from .rotation import quat_from_rotvec, quat_mul, quat_rotate

_TABLE = json.loads(resources.files(str(__package__)).joinpath("smplx_neutral.json").read_text(encoding="utf-8"))

JOINT_NAMES: tuple[str, ...] = tuple(joint["name"] for joint in _TABLE["joints"])
"""The 55 SMPL-X joints in SMPL-X order: 22 of the body, jaw, two eyes, 15 of each hand."""
PARENTS: tuple[int, ...] = tuple(
    -1 if joint["parent"] is None else JOINT_NAMES.index(joint["parent"]) for joint in _TABLE["joints"]
)
NEUTRAL_REST_JOINTS: np.ndarray = np.array([joint["rest"] for joint in _TABLE["joints"]])
"""Joint positions of the neutral shape in the model frame (x left, y up, z forward) [m], shape (55, 3)."""
NEUTRAL_REST_JOINTS.flags.writeable = False

N_JOINTS = 55
N_BODY_JOINTS = 22
"""Pelvis to wrists: what MPJPE is measured on and what the default (mitten) body simulates."""


def _turns() -> np.ndarray:
    table = np.eye(N_BODY_JOINTS)
    for j in range(1, N_BODY_JOINTS):
        table[j] += table[PARENTS[j]]
    return table


BODY_TURNS: np.ndarray = _turns()
"""1 where body joint k (column) turns body joint j (row), itself among them, else 0: shape (22, 22)."""
LEFT_HAND = slice(25, 40)
RIGHT_HAND = slice(40, 55)


def joint(name: str) -> int:
    """Index of a joint by its SMPL-X name. Raises ValueError when there is none."""
    return JOINT_NAMES.index(name)


PELVIS, L_HIP, R_HIP = joint("pelvis"), joint("left_hip"), joint("right_hip")
L_ANKLE, R_ANKLE, L_FOOT, R_FOOT = joint("left_ankle"), joint("right_ankle"), joint("left_foot"), joint("right_foot")
L_WRIST, R_WRIST, HEAD, NECK = joint("left_wrist"), joint("right_wrist"), joint("head"), joint("neck")

SUCCESS_JOINTS: tuple[int, ...] = tuple(
    joint(name)
    for name in [
        "pelvis",
        "left_hip",
        "right_hip",
        "left_knee",
        "right_knee",
        "left_ankle",
        "right_ankle",
        "spine1",
        "spine2",
        "spine3",
        "neck",
        "head",
        "left_collar",
        "right_collar",
        "left_shoulder",
        "right_shoulder",
    ]
)
"""The 16 bodies whose mean deviation decides success (the paper's reset bodies)."""


def _leg_length(offsets: np.ndarray) -> float:
    lengths = np.linalg.norm(offsets, axis=-1)
    return float(sum(lengths[joint(f"{side}_{j}")] for side in ("left", "right") for j in ("knee", "ankle")) / 2)


@dataclass(frozen=True)
class Skeleton:
    """One person's rest pose.

    Attributes:
        rest_joints: Joint positions in the model frame [m], shape (55, 3).
    """

    rest_joints: np.ndarray

    def __post_init__(self) -> None:
        rest = np.array(self.rest_joints, dtype=float)
        rest.flags.writeable = False
        object.__setattr__(self, "rest_joints", rest)

    @cached_property
    def offsets(self) -> np.ndarray:
        """Each joint's rest position relative to its parent's [m], shape (55, 3); the pelvis' is zero."""
        offsets = self.rest_joints - self.rest_joints[np.maximum(PARENTS, 0)]
        offsets[0] = 0
        return offsets

    @cached_property
    def leg_length(self) -> float:
        """Hip to ankle along the bones, mean of both legs [m]."""
        return _leg_length(self.offsets)

    @cached_property
    def scale(self) -> float:
        """Leg length relative to the neutral body's: what flesh without a joint of its own is scaled by."""
        return self.leg_length / _leg_length(_NEUTRAL.offsets)

    @cached_property
    def sole_height(self) -> float:
        """Height (model y) of the flat sole in the rest pose [m]: a toe joint's thickness under the lower toe joint."""
        return float(min(self.rest_joints[L_FOOT, 1], self.rest_joints[R_FOOT, 1]) - 0.025 * self.scale)

    @cached_property
    def stature(self) -> float:
        """Standing height from sole to crown [m]; the neutral body's crown is 0.18 m above its head joint."""
        return float(self.rest_joints[HEAD, 1] + 0.18 * self.scale - self.sole_height)

    @staticmethod
    def neutral() -> Skeleton:
        """Return the neutral, zero-shape SMPL-X skeleton."""
        return _NEUTRAL


_NEUTRAL = Skeleton(NEUTRAL_REST_JOINTS)


def forward_kinematics(
    offsets: Any, root_position: Any, local_quats: Any, joints: Sequence[int] | None = None
) -> tuple[Any, Any]:
    """World positions and rotations of the joints.

    Args:
        offsets: Rest offsets from the parent, shape (55, 3) or broadcastable (..., 55, 3) [m].
        root_position: Pelvis in the world [m], shape (..., 3).
        local_quats: Rotation of each joint relative to its parent; the pelvis' is in the world. Shape (..., J, 4)
            with J the number of `joints`.
        joints: SMPL-X joint indices to compute, parents first; all 55 by default.

    Returns:
        positions (..., J, 3) [m] and rotations (..., J, 4) in the world.
    """
    xp = array_namespace(root_position, local_quats)
    joints = range(N_JOINTS) if joints is None else joints
    row = {j: k for k, j in enumerate(joints)}
    positions: list[Any] = []
    quats: list[Any] = []
    for k, j in enumerate(joints):
        if PARENTS[j] < 0:
            positions.append(root_position)
            quats.append(local_quats[..., k, :])
            continue
        parent = row[PARENTS[j]]
        positions.append(positions[parent] + quat_rotate(quats[parent], offsets[..., j, :]))
        quats.append(quat_mul(quats[parent], local_quats[..., k, :]))
    return xp.stack(positions, axis=-2), xp.stack(quats, axis=-2)


def smplx_forward(
    skeleton: Skeleton, trans: np.ndarray, root_orient: np.ndarray, pose: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Joints of an SMPL-X motion in the Z-up world (AMASS convention: pelvis = J0 + trans, J0 added as it stands).

    Args:
        skeleton: The person's rest pose.
        trans: Shape (T, 3) [m].
        root_orient: Rotation vectors, shape (T, 3) [rad].
        pose: Rotation vectors of joints 1-54, shape (T, 54, 3) [rad].

    Returns:
        positions (T, 55, 3) [m] and world rotations (T, 55, 4).
    """
    rotvecs = np.concatenate([root_orient[:, None], pose], axis=1)
    return forward_kinematics(skeleton.offsets, trans + skeleton.rest_joints[0], quat_from_rotvec(rotvecs))
