"""Rotations over the array API: rotation vectors, quaternions (w, x, y, z), matrices.

Every function takes arrays with any leading shape, of numpy or of torch, and returns the same kind. The same code
therefore runs in the clip readers, the controllers and the training environment.
"""

from __future__ import annotations

from typing import Any

import array_api_compat.numpy as numpy_namespace
import numpy as np
from array_api_compat import array_namespace

from controller_server.core.arrays import Array

_SMALL = 1e-8


def _namespace(*arrays: Array) -> Any:
    """Return the functions for some arrays. Most are numpy's, and asking that takes as long as a cross product."""
    for array in arrays:
        if type(array) is not np.ndarray:
            return array_namespace(*arrays)
    return numpy_namespace


def quat_from_rotvec(rotvec: Array) -> Array:
    """Quaternion of a rotation vector. Shape (..., 3) [rad] to (..., 4)."""
    xp = _namespace(rotvec)
    angle = xp.sqrt(xp.sum(rotvec * rotvec, axis=-1, keepdims=True))
    small = angle < _SMALL
    safe = xp.where(small, xp.ones_like(angle), angle)
    scale = xp.where(small, 0.5 - angle * angle / 48.0, xp.sin(safe / 2) / safe)
    return xp.concat([xp.cos(angle / 2), rotvec * scale], axis=-1)


def rotvec_from_quat(quat: Array) -> Array:
    """Rotation vector of length at most pi of a unit quaternion. Shape (..., 4) to (..., 3) [rad]."""
    xp = _namespace(quat)
    quat = xp.where(quat[..., :1] < 0, -quat, quat)
    vec = quat[..., 1:]
    norm = xp.sqrt(xp.sum(vec * vec, axis=-1, keepdims=True))
    small = norm < _SMALL
    safe = xp.where(small, xp.ones_like(norm), norm)
    angle = 2 * xp.atan2(norm, quat[..., :1])
    return vec * xp.where(small, 2 * xp.ones_like(norm), angle / safe)


def quat_mul(a: Array, b: Array) -> Array:
    """Hamilton product: the rotation `b` followed by `a`. Shapes (..., 4)."""
    xp = _namespace(a, b)
    aw, ax, ay, az = a[..., 0], a[..., 1], a[..., 2], a[..., 3]
    bw, bx, by, bz = b[..., 0], b[..., 1], b[..., 2], b[..., 3]
    return xp.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        axis=-1,
    )


def quat_conj(quat: Array) -> Array:
    """Inverse of a unit quaternion. Shape (..., 4)."""
    xp = _namespace(quat)
    return xp.concat([quat[..., :1], -quat[..., 1:]], axis=-1)


def cross(a: Array, b: Array) -> Array:
    """Cross product over the last axis, with broadcasting. Shapes (..., 3)."""
    xp = _namespace(a, b)
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    return xp.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-1)


def quat_rotate(quat: Array, vec: Array) -> Array:
    """Rotate vectors. Shapes (..., 4) and (..., 3), broadcast against each other."""
    w, u = quat[..., :1], quat[..., 1:]
    t = 2 * cross(u, vec)
    return vec + w * t + cross(u, t)


def quat_rotate_inverse(quat: Array, vec: Array) -> Array:
    """Rotate vectors by the inverse: world to local. Shapes (..., 4) and (..., 3)."""
    return quat_rotate(quat_conj(quat), vec)


def quat_slerp(a: Array, b: Array, t: Array) -> Array:
    """Spherical interpolation along the shorter arc. Shapes (..., 4), (..., 4), and (..., 1) or a scalar in 0-1."""
    return quat_mul(a, quat_from_rotvec(rotvec_from_quat(quat_mul(quat_conj(a), b)) * t))


def quat_to_matrix(quat: Array) -> Array:
    """Rotation matrix. Shape (..., 4) to (..., 3, 3), columns are the rotated axes."""
    xp = _namespace(quat)
    w, x, y, z = quat[..., 0], quat[..., 1], quat[..., 2], quat[..., 3]
    rows = [
        xp.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], axis=-1),
        xp.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], axis=-1),
        xp.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], axis=-1),
    ]
    return xp.stack(rows, axis=-2)


def quat_from_matrix(matrix: Array) -> Array:
    """Quaternion of a rotation matrix, stable for every angle. Shape (..., 3, 3) to (..., 4).

    Formula: the four columns of the outer product q q^T written through the matrix; the one with the largest
    diagonal entry is normalised (Bar-Itzhack, "New method for extracting the quaternion from a rotation matrix").
    """
    xp = _namespace(matrix)
    m = matrix
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    wx, wy, wz = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    xy, xz, yz = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    columns = xp.stack(
        [
            xp.stack([1 + xx + yy + zz, wx, wy, wz], axis=-1),
            xp.stack([wx, 1 + xx - yy - zz, xy, xz], axis=-1),
            xp.stack([wy, xy, 1 - xx + yy - zz, yz], axis=-1),
            xp.stack([wz, xz, yz, 1 - xx - yy + zz], axis=-1),
        ],
        axis=-2,
    )
    diagonal = xp.stack([columns[..., i, i] for i in range(4)], axis=-1)
    best = xp.argmax(diagonal, axis=-1)
    pick = xp.astype(xp.arange(4) == best[..., None], columns.dtype)
    quat = xp.sum(columns * pick[..., None], axis=-2)
    quat = quat / xp.sqrt(xp.sum(quat * quat, axis=-1, keepdims=True))
    return xp.where(quat[..., :1] < 0, -quat, quat)


def quat_heading(quat: Array, forward: tuple[float, float, float] = (0.0, 0.0, 1.0)) -> Array:
    """Rotation about the world's Z axis that a body's forward axis points along. Shape (..., 4) to (..., 4).

    The SMPL-X model frame looks along +Z, so with the default an upright person facing world +X has heading zero.
    """
    xp = _namespace(quat)
    axis = xp.asarray(forward, dtype=quat.dtype) + xp.zeros_like(quat[..., 1:])
    f = quat_rotate(quat, axis)
    half = xp.atan2(f[..., 1], f[..., 0]) / 2
    zero = xp.zeros_like(half)
    return xp.stack([xp.cos(half), zero, zero, xp.sin(half)], axis=-1)
