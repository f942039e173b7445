"""Inverse kinematics of the pair: damped least squares over analytic Jacobians, all frames at once.

The unknowns of a frame are those of `PairPoses.plus`: for each person three of the pelvis position and three rotation
vector components, in the joint's own axes, of each of the 22 joints: 138 numbers. What is wanted is a list of rows,
each asking that one linear combination of them takes one value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from controller_server.clip.rotation import cross, quat_rotate_inverse, quat_to_matrix
from controller_server.clip.skeleton import BODY_TURNS, N_BODY_JOINTS

from .poses import PairPoses

PERSON_DOFS = 3 + 3 * N_BODY_JOINTS
_CHUNK = 256  # frames solved at once: bounds the memory of clips of any length
_ACTIVE_SET_ROUNDS = 8
_CONVERGED = 1e-4  # rad, m
_LARGEST_TURN = 0.3  # rad per iteration; the linearisation is no good beyond
_LARGEST_SHIFT = 0.1  # m per iteration


@dataclass(frozen=True)
class Rows:
    """Wishes: `jacobian @ change = residual` in a frame, or at least the residual where `one_sided`.

    Attributes:
        frame: Shape (N,).
        jacobian: Scaled by the square root of the row's weight, shape (N, 2, 69).
        residual: Scaled alike, shape (N,).
        one_sided: Shape (N,).
    """

    frame: np.ndarray
    jacobian: np.ndarray
    residual: np.ndarray
    one_sided: np.ndarray

    @staticmethod
    def concat(parts: Sequence[Rows]) -> Rows:
        """Return all rows of several lists."""
        if not parts:
            return Rows(np.zeros(0, int), np.zeros((0, 2, PERSON_DOFS)), np.zeros(0), np.zeros(0, bool))
        return Rows(
            np.concatenate([p.frame for p in parts]),
            np.concatenate([p.jacobian for p in parts]),
            np.concatenate([p.residual for p in parts]),
            np.concatenate([p.one_sided for p in parts]),
        )


def point_jacobian(
    poses: PairPoses, frame: np.ndarray, person: np.ndarray, joint: np.ndarray, point: np.ndarray
) -> np.ndarray:
    """Return how points fixed to joints move with their own person's unknowns.

    Args:
        poses: Where they are.
        frame: Shape (N,).
        person: 0 or 1; -1 for a point of the floor or a prop, which does not move. Shape (N,).
        joint: SMPL-X joint the point is fixed to, shape (N,).
        point: In the world [m], shape (N, 3).

    Returns:
        Shape (N, 3, 2, 69).
    """
    positions, quats = poses.world
    who = np.maximum(person, 0)
    lever = point[:, None] - positions[frame, who]  # (N, 22, 3)
    axes = np.swapaxes(quat_to_matrix(quats[frame, who]), -1, -2)  # (N, 22, 3 axes, 3)
    turn = cross(axes, lever[:, :, None]) * BODY_TURNS[joint][..., None, None]
    out = np.zeros((len(frame), 3, 2, PERSON_DOFS))
    shift = np.broadcast_to(np.eye(3), (len(frame), 3, 3))
    own = np.concatenate([shift, turn.reshape(len(frame), PERSON_DOFS - 3, 3)], axis=1)
    moving = person >= 0
    out[np.flatnonzero(moving), :, person[moving]] = np.swapaxes(own, -1, -2)[moving]
    return out


def along_jacobian(
    poses: PairPoses, frame: np.ndarray, person: np.ndarray, joint: np.ndarray, point: np.ndarray, way: np.ndarray
) -> np.ndarray:
    """Return how far points fixed to joints move along a direction `way` (N, 3) with their person's unknowns.

    As `point_jacobian`, at a third of its memory: shape (N, 2, 69).
    """
    out = np.zeros((len(frame), 2, PERSON_DOFS))
    moving = np.flatnonzero(person >= 0)
    frame, person, way = frame[moving], person[moving], way[moving]
    positions, quats = poses.world
    lever = point[moving, None] - positions[frame, person]  # (M, 22, 3)
    turn = quat_rotate_inverse(quats[frame, person], cross(lever, way[:, None])) * BODY_TURNS[joint[moving]][..., None]
    out[moving, person] = np.concatenate([way, turn.reshape(len(moving), PERSON_DOFS - 3)], axis=1)
    return out


def turn_jacobian(poses: PairPoses, frame: np.ndarray, person: int, joint: int) -> np.ndarray:
    """Return how a joint's world rotation turns (world axes) with its person's unknowns, shape (N, 3, 2, 69)."""
    axes = quat_to_matrix(poses.world[1][frame, person])  # columns are the joints' axes: (N, 22, 3, 3)
    out = np.zeros((len(frame), 3, 2, PERSON_DOFS))
    out[:, :, person, 3:] = (np.swapaxes(axes, 1, 2) * BODY_TURNS[joint][:, None]).reshape(
        len(frame), 3, PERSON_DOFS - 3
    )
    return out


def rows_from(
    frame: np.ndarray,
    jacobian: np.ndarray,
    residual: np.ndarray,
    weight: float | np.ndarray,
    *,
    one_sided: bool = False,
) -> Rows:
    """Return rows of vector wishes. Shapes (N,), (N, K, 2, 69), (N, K), and a number or (N,)."""
    scale = np.sqrt(np.broadcast_to(np.asarray(weight, dtype=float), frame.shape))[:, None]
    k = residual.shape[1]
    return Rows(
        np.repeat(frame, k),
        (jacobian * scale[..., None, None]).reshape(-1, 2, PERSON_DOFS),
        (residual * scale).reshape(-1),
        np.full(residual.size, one_sided),
    )


def solve(
    poses: PairPoses,
    wishes: Callable[[PairPoses], Rows],
    compliance: np.ndarray,
    *,
    iterations: int,
    reference: PairPoses,
) -> PairPoses:
    """Poses that meet the wishes with the least change from a reference.

    Minimises, in each frame, sum(change^2 / compliance) + |jacobian @ change - residual|^2 by Gauss-Newton, where of
    the one-sided rows only a shortfall counts.

    Args:
        poses: Where to start.
        wishes: Rows for given poses; called once an iteration.
        compliance: How willingly each unknown changes, 0 is never, shape (2, 69).
        iterations: Gauss-Newton steps; fewer if the last one changed next to nothing.
        reference: What the change is counted from.
    """
    flat = compliance.reshape(-1)
    for _ in range(iterations):
        shift, turns = poses.minus(reference)
        change = np.concatenate([shift, turns.reshape(*turns.shape[:2], -1)], axis=-1)
        step = _best_change(wishes(poses), change, flat) - change
        shift, turns = step[..., :3], step[..., 3:].reshape(*step.shape[:2], N_BODY_JOINTS, 3)
        poses = poses.plus(_shorten(shift, _LARGEST_SHIFT), _shorten(turns, _LARGEST_TURN))
        if np.abs(step).max() < _CONVERGED:
            break
    return poses


def _best_change(rows: Rows, change: np.ndarray, compliance: np.ndarray) -> np.ndarray:
    """Return the best total change of every frame, shape (T, 2, 69), through the dual: as many equations as rows."""
    best = np.zeros_like(change)
    order = np.argsort(rows.frame, kind="stable")
    frames, first, counts = np.unique(rows.frame[order], return_index=True, return_counts=True)
    n = compliance.size
    for start in range(0, len(frames), _CHUNK):
        part = slice(start, start + _CHUNK)
        width = int(counts[part].max())
        slots = first[part, None] + np.arange(width)
        used = np.arange(width) < counts[part, None]
        index = order[np.where(used, slots, 0)]
        jacobian = rows.jacobian[index].reshape(-1, width, n) * used[..., None]
        current = change[frames[part]].reshape(-1, n)
        residual = rows.residual[index] * used + (jacobian @ current[..., None])[..., 0]
        eased = jacobian * compliance
        force = _forces(eased @ np.swapaxes(jacobian, 1, 2), residual, rows.one_sided[index])
        best[frames[part]] = (np.swapaxes(eased, 1, 2) @ force[..., None]).reshape(-1, 2, PERSON_DOFS)
    return best


def _forces(mobility: np.ndarray, residual: np.ndarray, one_sided: np.ndarray) -> np.ndarray:
    """Return forces with `force = residual - mobility @ force`, those of one-sided rows not negative.

    A primal-dual active set: a one-sided row pulls as long as it falls short. Shapes (F, M, M), (F, M), (F, M).
    """
    width = residual.shape[1]
    active = ~one_sided | (residual > 0)
    force = np.zeros_like(residual)
    for _ in range(_ACTIVE_SET_ROUNDS):
        both = active[:, :, None] & active[:, None, :]
        force = np.linalg.solve(mobility * both + np.eye(width), (residual * active)[..., None])[..., 0]
        short = residual - (mobility @ force[..., None])[..., 0]  # equals the force where active
        now = ~one_sided | (short > 0)
        if (now == active).all():
            break
        active = now
    return np.where(one_sided, np.maximum(force, 0), force)


def _shorten(vectors: np.ndarray, longest: float) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors * (longest / np.maximum(length, longest))
