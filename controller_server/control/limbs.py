"""Limbs whose ends are to be elsewhere: the small turns of their joints that bring them there."""

from __future__ import annotations

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.clip.rotation import cross, quat_from_rotvec, quat_mul, quat_rotate_inverse, rotvec_from_quat
from controller_server.clip.skeleton import JOINT_NAMES

ARM, LEG = ("collar", "shoulder", "elbow"), ("hip", "knee")
_DAMPING = 0.1
"""Damping of the inverse [m]: a stretched limb does not reach farther by turning much."""


def turns_for(levers: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Return turns of a limb's joints that shift its end, with the least sum of squares (damped).

    Args:
        levers: From each of L joints to the end [m, world], shape (..., L, 3).
        shift: Shift of the end [m, world], shape (..., 3).

    Returns:
        Rotation vectors in world axes [rad], shape (..., L, 3).
    """
    squared = np.einsum("...li,...li->...", levers, levers) + _DAMPING**2
    system = squared[..., None, None] * np.eye(3) - np.einsum("...li,...lj->...ij", levers, levers)
    return cross(levers, np.linalg.solve(system, shift[..., None])[..., None, :, 0])


def turned(targets: np.ndarray, quats: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Return joint targets turned further.

    Args:
        targets: Rotation vectors [rad], shape (..., 3).
        quats: World rotation of each joint's body, shape (..., 4).
        turns: In world axes [rad], shape (..., 3).
    """
    local = quat_rotate_inverse(quats, turns)
    return rotvec_from_quat(quat_mul(quat_from_rotvec(targets), quat_from_rotvec(local)))


def limited(vectors: np.ndarray, longest: float) -> np.ndarray:
    """Vectors no longer than that, shape (..., 3)."""
    size = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors * np.minimum(1.0, longest / np.maximum(size, longest))


def limb_rows(pair: PairBody, parts: tuple[str, ...]) -> np.ndarray:
    """Return rows of the bodies of the left and the right limb, shape (2, parts)."""
    names = [JOINT_NAMES[j] for j in pair.joints]
    return np.array([[names.index(f"{side}_{part}") for part in parts] for side in ("left", "right")])
