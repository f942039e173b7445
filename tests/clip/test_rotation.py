"""Rotations against scipy's, over every angle."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from controller_server.clip.rotation import (
    cross,
    quat_conj,
    quat_from_matrix,
    quat_from_rotvec,
    quat_heading,
    quat_mul,
    quat_rotate,
    quat_rotate_inverse,
    quat_slerp,
    quat_to_matrix,
    rotvec_from_quat,
)

RNG = np.random.default_rng(1)
N = 200
A, B = (Rotation.from_quat(RNG.standard_normal((N, 4))) for _ in range(2))


def scipy_quat(rotation: Rotation) -> np.ndarray:
    """Quaternions as (w, x, y, z)."""
    return np.roll(rotation.as_quat(), 1, axis=-1)


def same_rotation(first: np.ndarray, second: np.ndarray) -> None:
    """Assert equality up to the sign of the quaternion."""
    np.testing.assert_allclose(np.abs(np.sum(first * second, axis=-1)), 1, atol=1e-12)


@pytest.mark.parametrize("angle", [0, 1e-12, 1e-9, 1e-7, 1e-3, 1.0, 3.0, np.pi - 1e-9, np.pi, 5.0, 2 * np.pi])
def test_rotation_vectors(angle: float):
    """Turn rotation vectors of any length into scipy's quaternions, and back to the shorter way round."""
    axes = RNG.standard_normal((20, 3))
    rotvecs = axes / np.linalg.norm(axes, axis=-1, keepdims=True) * angle
    quats = quat_from_rotvec(rotvecs)
    expected = Rotation.from_rotvec(rotvecs)
    same_rotation(quats, scipy_quat(expected))
    back = rotvec_from_quat(quats)
    assert np.linalg.norm(back, axis=-1).max() <= np.pi + 1e-12
    error = (Rotation.from_rotvec(back) * expected.inv()).magnitude()
    np.testing.assert_allclose(error, 0, atol=2e-8)
    if angle < np.pi - 1e-6:
        np.testing.assert_allclose(back, rotvecs, rtol=1e-9, atol=1e-20)


def test_products_and_inverses():
    """Multiply, invert and apply as scipy does."""
    a, b, v = scipy_quat(A), scipy_quat(B), RNG.standard_normal((N, 3))
    same_rotation(quat_mul(a, b), scipy_quat(A * B))
    same_rotation(quat_conj(a), scipy_quat(A.inv()))
    np.testing.assert_allclose(quat_rotate(a, v), A.apply(v), atol=1e-12)
    np.testing.assert_allclose(quat_rotate_inverse(a, v), A.inv().apply(v), atol=1e-12)
    np.testing.assert_allclose(cross(v, v[::-1]), np.cross(v, v[::-1]), atol=1e-12)


def test_matrices():
    """Convert to matrices and back, half turns included, where the naive formula divides by zero."""
    half_turns = Rotation.from_rotvec(np.pi * np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0.6, 0, 0.8]]))
    for rotation in (A, half_turns):
        np.testing.assert_allclose(quat_to_matrix(scipy_quat(rotation)), rotation.as_matrix(), atol=1e-12)
        quats = quat_from_matrix(rotation.as_matrix())
        same_rotation(quats, scipy_quat(rotation))
        assert (quats[:, 0] >= 0).all()


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_slerp(share: float):
    """Interpolate along the shorter arc, whatever the quaternions' signs."""
    expected = [Slerp([0, 1], Rotation.concatenate([a, b]))(share).as_quat() for a, b in zip(A, B, strict=True)]
    for sign in (1, -1):
        found = quat_slerp(scipy_quat(A), sign * scipy_quat(B), share)
        same_rotation(found, np.roll(expected, 1, axis=-1))


@pytest.mark.parametrize("angle", [-3.0, -1.0, 0.0, 0.5, 2.0])
def test_heading(angle: float):
    """Find the turn about the vertical of somebody upright, bent forwards or not."""
    facing_x = Rotation.from_euler("z", 90, degrees=True) * Rotation.from_euler("x", 90, degrees=True)
    bent = facing_x * Rotation.from_euler("x", 30, degrees=True)
    for body in (facing_x, bent):
        quat = scipy_quat(Rotation.from_euler("z", angle) * body)
        same_rotation(quat_heading(quat), scipy_quat(Rotation.from_euler("z", angle)))


def test_leading_shapes_are_kept():
    """Take arrays of any leading shape, empty ones too."""
    assert quat_from_rotvec(np.zeros((4, 0, 2, 3))).shape == (4, 0, 2, 4)
    assert quat_mul(np.ones((5, 1, 4)), np.ones((3, 4))).shape == (5, 3, 4)
    assert quat_to_matrix(np.ones((2, 3, 4))).shape == (2, 3, 3, 3)
