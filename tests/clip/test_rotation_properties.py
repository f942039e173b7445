"""What holds of every rotation, on examples that look for the one where it does not."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from controller_server.clip.rotation import (
    quat_conj,
    quat_from_matrix,
    quat_from_rotvec,
    quat_mul,
    quat_rotate,
    quat_rotate_inverse,
    quat_slerp,
    quat_to_matrix,
    rotvec_from_quat,
)

_PARTS = st.tuples(*[st.floats(-1.0, 1.0, allow_subnormal=False)] * 3).map(np.array)
_ANGLES = st.one_of(
    st.floats(0.0, 2 * np.pi), st.sampled_from([0.0, 1e-12, 1e-8, 1e-4, np.pi - 1e-9, np.pi, np.pi + 1e-9])
)


@st.composite
def rotvecs(draw: st.DrawFn) -> np.ndarray:
    """Rotation vectors of every direction and length up to one turn [rad], the awkward ones often."""
    axis = draw(_PARTS)
    length = np.linalg.norm(axis)
    return axis / length * draw(_ANGLES) if length > 1e-3 else np.zeros(3)


QUATS = rotvecs().map(quat_from_rotvec)


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two quaternions are one rotation; the angle between them is at most 4e-8 rad."""
    return bool(np.linalg.norm(quat_mul(quat_conj(a), b)[1:]) < 2e-8)


@given(rotvecs())
def test_vectors_come_back_the_shorter_way(rotvec: np.ndarray):
    """Return the same rotation from a quaternion's vector, at most half a turn, whatever the quaternion's sign."""
    quat = quat_from_rotvec(rotvec)
    assert abs(np.linalg.norm(quat) - 1) < 1e-12
    for either in (quat, -quat):
        back = rotvec_from_quat(either)
        assert np.linalg.norm(back) <= np.pi + 1e-9
        assert same(quat_from_rotvec(back), quat)


@given(QUATS)
def test_matrices_come_back(quat: np.ndarray):
    """Return the same rotation from its matrix, which is orthogonal and no mirror."""
    matrix = quat_to_matrix(quat)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix) > 0
    assert same(quat_from_matrix(matrix), quat)


@given(QUATS, QUATS, QUATS, _PARTS)
def test_products_are_rotations_in_a_row(a: np.ndarray, b: np.ndarray, c: np.ndarray, point: np.ndarray):
    """Multiply in any grouping, and turn a point as one factor after the other does."""
    np.testing.assert_allclose(quat_mul(quat_mul(a, b), c), quat_mul(a, quat_mul(b, c)), atol=1e-12)
    np.testing.assert_allclose(quat_rotate(quat_mul(a, b), point), quat_rotate(a, quat_rotate(b, point)), atol=1e-12)
    np.testing.assert_allclose(quat_rotate(a, point), quat_to_matrix(a) @ point, atol=1e-12)
    np.testing.assert_allclose(quat_rotate_inverse(a, quat_rotate(a, point)), point, atol=1e-12)


@given(QUATS, QUATS, st.floats(0.0, 1.0))
def test_interpolation_keeps_to_the_shorter_way(a: np.ndarray, b: np.ndarray, share: float):
    """Start at one rotation, end at the other, and turn evenly between them, through half a turn at most."""
    assert same(quat_slerp(a, b, np.array(0.0)), a) and same(quat_slerp(a, b, np.array(1.0)), b)
    whole = np.linalg.norm(rotvec_from_quat(quat_mul(quat_conj(a), b)))
    part = np.linalg.norm(rotvec_from_quat(quat_mul(quat_conj(a), quat_slerp(a, b, np.array(share)))))
    assert abs(part - share * whole) < 1e-6
