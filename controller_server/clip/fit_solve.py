"""The fit's inverse kinematics: Gauss-Newton over analytic Jacobians, many frames at once, with numpy alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .rotation import cross, quat_conj, quat_from_rotvec, quat_mul, quat_to_matrix, rotvec_from_quat
from .skeleton import BODY_TURNS, N_BODY_JOINTS, Skeleton, forward_kinematics

_DOFS = 3 + 3 * N_BODY_JOINTS
_STEPS = 40
_DONE = 1e-3  # radians or metres; one Gauss-Newton step further it is far below a millimetre
_LARGEST_STEP = 0.5
_DAMPING = 1e-6
_CHUNK = 128  # frames solved at once: bounds the memory of clips of any length
_BODY = range(N_BODY_JOINTS)


@dataclass(frozen=True)
class Wishes:
    """What the 22 body joints should do, and how much that counts.

    Attributes:
        positions: Where joints should be [m], shape (T, 22, 3).
        position_weights: Shape (22,) [1/m]; 0 for joints that may be anywhere.
        quats: World rotations joints should have, shape (T, 22, 4).
        rotation_weights: Shape (22,) [1/rad].
        postures: Rotations relative to the parent that joints are pulled to, shape (T, 22, 4).
        posture_weights: Shape (22,) [1/rad].
    """

    positions: np.ndarray
    position_weights: np.ndarray
    quats: np.ndarray
    rotation_weights: np.ndarray
    postures: np.ndarray
    posture_weights: np.ndarray

    def at(self, frames: np.ndarray) -> Wishes:
        """Those of some frames."""
        over_time = {name: getattr(self, name)[frames] for name in ("positions", "quats", "postures")}
        return replace(self, **over_time)


def solve_poses(
    skeleton: Skeleton, wishes: Wishes, roots: np.ndarray, quats: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Poses that meet the wishes best, in the sense of weighted least squares, each frame on its own.

    Args:
        skeleton: The person's rest pose.
        wishes: What is wanted.
        roots: Pelvis positions to start from [m], shape (T, 3).
        quats: Rotations to start from, the pelvis' in the world, shape (T, 22, 4).

    Returns:
        Pelvis positions and rotations, shaped alike.
    """
    roots, quats = roots.copy(), quats.copy()
    for start in range(0, len(roots), _CHUNK):
        frames = np.arange(start, min(start + _CHUNK, len(roots)))
        for _ in range(_STEPS):
            step = _step(skeleton, wishes.at(frames), roots[frames], quats[frames])
            largest = np.abs(step).max(axis=1)
            step *= np.minimum(1, _LARGEST_STEP / np.maximum(largest, 1e-12))[:, None]
            roots[frames] += step[:, :3]
            turns = quat_from_rotvec(step[:, 3:].reshape(len(frames), N_BODY_JOINTS, 3))
            quats[frames] = quat_mul(quats[frames], turns)
            frames = frames[largest >= _DONE]
            if not len(frames):
                break
    return roots, quats


def _step(skeleton: Skeleton, wishes: Wishes, roots: np.ndarray, quats: np.ndarray) -> np.ndarray:
    """The Gauss-Newton step of every frame: pelvis shift, then each joint's turn in its own axes, shape (T, 69)."""
    places, world = forward_kinematics(skeleton.offsets, roots, quats, _BODY)
    axes = quat_to_matrix(world)
    frames = len(roots)
    lever = places[:, :, None] - places[:, None]  # of joint j about joint k: (T, j, k, 3)
    moved = cross(np.swapaxes(axes, -1, -2)[:, None], lever[:, :, :, None]) * BODY_TURNS[:, :, None, None]
    jacobian = np.zeros((frames, N_BODY_JOINTS, 3, _DOFS))
    jacobian[..., :3] = np.eye(3)
    jacobian[..., 3:] = moved.reshape(frames, N_BODY_JOINTS, _DOFS - 3, 3).swapaxes(-1, -2)
    parts = [(jacobian, wishes.positions - places, wishes.position_weights)]
    turned = np.flatnonzero(wishes.rotation_weights)
    if len(turned):
        relative = np.einsum("tiba,tkbc->tiakc", axes[:, turned], axes) * BODY_TURNS[turned][:, None, :, None]
        jacobian = np.zeros((frames, len(turned), 3, _DOFS))
        jacobian[..., 3:] = relative.reshape(frames, len(turned), 3, _DOFS - 3)
        error = rotvec_from_quat(quat_mul(quat_conj(world[:, turned]), wishes.quats[:, turned]))
        parts.append((jacobian, error, wishes.rotation_weights[turned]))
    posture = np.concatenate([np.zeros(3), np.repeat(wishes.posture_weights**2, 3)])
    hessian = np.zeros((frames, _DOFS, _DOFS)) + np.diag(posture + _DAMPING)
    bend = rotvec_from_quat(quat_mul(quat_conj(quats), wishes.postures)).reshape(frames, -1)
    gradient = np.concatenate([np.zeros((frames, 3)), bend], axis=1) * posture
    for jacobian, error, weights in parts:
        rows = (jacobian * weights[:, None, None]).reshape(frames, -1, _DOFS)
        hessian += np.swapaxes(rows, 1, 2) @ rows
        gradient += ((error * weights[:, None]).reshape(frames, 1, -1) @ rows)[:, 0]
    return np.linalg.solve(hessian, gradient[..., None])[..., 0]
