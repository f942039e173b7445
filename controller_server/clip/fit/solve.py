"""The fit's inverse kinematics: Gauss-Newton over analytic Jacobians, many frames at once, with numpy alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from controller_server.clip.rotation import quat_conj, quat_from_rotvec, quat_mul, quat_to_matrix, rotvec_from_quat
from controller_server.clip.skeleton import BODY_TURNS, N_BODY_JOINTS, Skeleton, forward_kinematics

_DOFS = 3 + 3 * N_BODY_JOINTS
_STEPS = 40
_DONE = 1e-3  # radians or metres; one Gauss-Newton step further it is far below a millimetre
_LARGEST_STEP = 0.5
_DAMPING = 1e-6
_CHUNK = 128  # frames solved at once: bounds the memory of clips of any length
_BODY = range(N_BODY_JOINTS)
_PAIRS = np.nonzero(BODY_TURNS)  # joints, and the joints that turn them


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
        """Return those of some frames."""
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
    """Return the Gauss-Newton step of every frame.

    Pelvis shift, then each joint's turn in its own axes, shape (T, 69).
    """
    places, world = forward_kinematics(skeleton.offsets, roots, quats, _BODY)
    axes = quat_to_matrix(world)
    frames = len(roots)
    # In blocks: of joint j's three coordinates by the pelvis' shift (block 0) and by joint k's turn (block k + 1).
    moved, mover = _PAIRS
    jacobian = np.zeros((frames, N_BODY_JOINTS, 3, N_BODY_JOINTS + 1, 3))
    jacobian[:, :, :, 0] = np.eye(3)
    lever = places[:, moved] - places[:, mover]
    jacobian[:, moved, :, mover + 1] = np.swapaxes(_crossed_by(lever) @ axes[:, mover], 0, 1)
    parts = [(jacobian, wishes.positions - places, wishes.position_weights)]
    turned = np.flatnonzero(wishes.rotation_weights)
    if len(turned):
        row = np.full(N_BODY_JOINTS, -1)
        row[turned] = np.arange(len(turned))
        pairs = row[moved] >= 0
        who, by = moved[pairs], mover[pairs]
        jacobian = np.zeros((frames, len(turned), 3, N_BODY_JOINTS + 1, 3))
        jacobian[:, row[who], :, by + 1] = np.swapaxes(np.swapaxes(axes[:, who], -1, -2) @ axes[:, by], 0, 1)
        error = rotvec_from_quat(quat_mul(quat_conj(world[:, turned]), wishes.quats[:, turned]))
        parts.append((jacobian, error, wishes.rotation_weights[turned]))
    posture = np.concatenate([np.zeros(3), np.repeat(wishes.posture_weights**2, 3)])
    hessian = np.zeros((frames, _DOFS, _DOFS)) + np.diag(posture + _DAMPING)
    bend = rotvec_from_quat(quat_mul(quat_conj(quats), wishes.postures)).reshape(frames, -1)
    gradient = np.concatenate([np.zeros((frames, 3)), bend], axis=1) * posture
    for jacobian, error, weights in parts:
        rows = (jacobian * weights[:, None, None, None]).reshape(frames, -1, _DOFS)
        hessian += np.swapaxes(rows, 1, 2) @ rows
        gradient += ((error * weights[:, None]).reshape(frames, 1, -1) @ rows)[:, 0]
    return np.linalg.solve(hessian, gradient[..., None])[..., 0]


def _crossed_by(lever: np.ndarray) -> np.ndarray:
    """Return the matrices that turn an axis into how a turn about it moves the end of a lever, shape (..., 3, 3)."""
    matrix = np.zeros((*lever.shape, 3))
    matrix[..., 0, 1], matrix[..., 0, 2], matrix[..., 1, 2] = lever[..., 2], -lever[..., 1], lever[..., 0]
    matrix[..., 1, 0], matrix[..., 2, 0], matrix[..., 2, 1] = -lever[..., 2], lever[..., 1], -lever[..., 0]
    return matrix
