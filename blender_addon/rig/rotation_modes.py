# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's rotation modes and rotation matrices, for many bones and frames at once.

An Euler mode "XYZ" turns about X first, then about Y, then about Z of the parent: R = Rz Ry Rx.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from controller_server.clip.rotation import quat_from_matrix, quat_from_rotvec, quat_to_matrix, rotvec_from_quat

QUATERNION, AXIS_ANGLE = "QUATERNION", "AXIS_ANGLE"
EULER_MODES = ("XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX")
_LOCKED = 1 - 1e-10
_NEAR_OPPOSITE = 0.2


def matrices_from_channels(values: np.ndarray, modes: Sequence[str]) -> np.ndarray:
    """Rotation matrices of channel values in each bone's mode. Shapes (T, N, 4) and N modes to (T, N, 3, 3)."""
    matrices = np.empty((*values.shape[:2], 3, 3))
    for mode in set(modes):
        rows = [row for row, m in enumerate(modes) if m == mode]
        matrices[:, rows] = _matrices(values[:, rows], mode)
    return matrices


def _matrices(values: np.ndarray, mode: str) -> np.ndarray:
    if mode == QUATERNION:
        norm = np.linalg.norm(values, axis=-1, keepdims=True)
        return quat_to_matrix(np.where(norm > 0, values / np.maximum(norm, 1e-12), [1.0, 0, 0, 0]))
    if mode == AXIS_ANGLE:
        axis = values[..., 1:]
        norm = np.linalg.norm(axis, axis=-1, keepdims=True)
        # Blender takes a zero axis for +Y.
        axis = np.where(norm > 0, axis / np.maximum(norm, 1e-12), [0.0, 1, 0])
        return quat_to_matrix(quat_from_rotvec(axis * values[..., :1]))
    matrix = np.broadcast_to(np.eye(3), (*values.shape[:-1], 3, 3))
    for letter in mode:
        matrix = _about("XYZ".index(letter), values[..., "XYZ".index(letter)]) @ matrix
    return matrix


def _about(axis: int, angle: np.ndarray) -> np.ndarray:
    rotvec = np.zeros((*angle.shape, 3))
    rotvec[..., axis] = angle
    return quat_to_matrix(quat_from_rotvec(rotvec))


def channels_from_matrices(matrices: np.ndarray, mode: str, source: np.ndarray) -> np.ndarray:
    """Channel values of rotation matrices, continuous in time and on the source's side of every ambiguity.

    Args:
        matrices: Matrices of one bone, shape (T, 3, 3).
        mode: The bone's rotation mode.
        source: Its channel values in the original animation, shape (T, 4).

    Returns:
        Shape (T, 4) for quaternions and axis-angle, (T, 3) for Euler angles.
    """
    quats = quat_from_matrix(matrices)
    if mode == QUATERNION:
        return align_quats(quats, source)
    if mode == AXIS_ANGLE:
        return _axis_angles(quats, source)
    return continuous_eulers(matrices, mode, source[0, :3])


def align_quats(quats: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Quaternions with the signs that make blending with the source component by component right.

    An NLA influence between the two mixes components, so every key has to lie on the source's hemisphere. Where the two
    are almost half a turn of the quaternion apart, so that neither sign is near, the key before decides.

    Args:
        quats: Shape (T, 4).
        source: Shape (T, 4).
    """
    with_source = np.einsum("ti,ti->t", quats, source)
    sign = np.where(with_source >= 0, 1.0, -1.0)
    for frame in np.flatnonzero(np.abs(with_source[1:]) < _NEAR_OPPOSITE) + 1:
        sign[frame] = sign[frame - 1] if quats[frame] @ quats[frame - 1] >= 0 else -sign[frame - 1]
    return quats * sign[:, None]


def _axis_angles(quats: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Angle and axis with the axis turning continuously, starting on the source's side. Shape (T, 4)."""
    rotvec = rotvec_from_quat(quats)
    angle = np.linalg.norm(rotvec, axis=-1)
    values = np.empty((len(quats), 4))
    axis, previous = source[0, 1:].copy(), float(source[0, 0])
    if np.linalg.norm(axis) < 1e-9:
        axis = np.array([0.0, 1, 0])
    for frame, turn in enumerate(angle):
        if turn > 1e-6:
            here = rotvec[frame] / turn
            turn = turn if here @ axis >= 0 else -turn
            axis = here if turn >= 0 else -here
        turn += 2 * np.pi * np.round((previous - turn) / (2 * np.pi))
        values[frame], previous = [turn, *axis], turn
    return values


def continuous_eulers(matrices: np.ndarray, mode: str, start: np.ndarray) -> np.ndarray:
    """Euler angles nearest to those of the frame before, the first nearest to `start`. (T, 3, 3) to (T, 3) [rad].

    Of the two sets of angles that make the same rotation the nearer is taken, after whole turns.
    """
    first, second, third = ("XYZ".index(letter) for letter in mode)
    odd = 1.0 if (second - first) % 3 == 1 else -1.0
    m = matrices
    sine = np.clip(-odd * m[:, third, first], -1, 1)
    locked = np.abs(sine) > _LOCKED
    a = np.arctan2(odd * m[:, third, second], m[:, third, third])
    c = np.arctan2(odd * m[:, second, first], m[:, first, first])
    # With the middle angle at a right angle the other two turn about the same axis; give it all to the first.
    a = np.where(locked, np.arctan2(-odd * m[:, second, third], m[:, second, second]), a)
    c = np.where(locked, 0.0, c)
    angles = np.empty((len(m), 3))
    angles[:, first], angles[:, second], angles[:, third] = a, np.arcsin(sine), c
    other = angles + np.pi
    other[:, second] = np.pi - angles[:, second]
    chosen, previous = np.empty_like(angles), np.asarray(start, dtype=float)
    for frame in range(len(m)):
        both = np.stack([angles[frame], other[frame]])
        both += 2 * np.pi * np.round((previous - both) / (2 * np.pi))
        previous = chosen[frame] = both[np.abs(both - previous).sum(axis=1).argmin()]
    return chosen
