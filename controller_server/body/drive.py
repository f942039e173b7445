"""Joint targets as rest angles of a joint's spring, which measures angles from the middle of the joint's range.

Torque = clip(Kp (log(M^-1 q*) - log(M^-1 q)), limits) - Kd velocity, in the child's axes, with q* the target, q the
joint's rotation, M the middle (`PairBody.middles`) and log the rotation vector.
"""

from __future__ import annotations

import numpy as np

from controller_server.clip.rotation import quat_conj, quat_from_rotvec, quat_mul, rotvec_from_quat

from .pair import PairBody


def from_middles(targets: np.ndarray, middles: np.ndarray) -> np.ndarray:
    """Return joint targets as rotation vectors from the middles of the springs [rad].

    Args:
        targets: From the rest pose [rad], shape (..., J, 3).
        middles: `PairBody.middles`, shape (J, 4).
    """
    moved = _moved(middles)
    out = np.array(targets, dtype=float)
    out[..., moved, :] = rotvec_from_quat(quat_mul(quat_conj(middles[moved]), quat_from_rotvec(out[..., moved, :])))
    return out


def to_rest(angles: np.ndarray, middles: np.ndarray) -> np.ndarray:
    """Return the inverse of `from_middles`."""
    moved = _moved(middles)
    out = np.array(angles, dtype=float)
    out[..., moved, :] = rotvec_from_quat(quat_mul(middles[moved], quat_from_rotvec(out[..., moved, :])))
    return out


def leading_targets(local_quats: np.ndarray, torques: np.ndarray, pair: PairBody) -> np.ndarray:
    """Return the joint targets [rad] at which springs give torques while the joints are where they should be.

    They lead the pose by torque / Kp, measured from the middles: without that a joint sags under its load.

    Args:
        local_quats: Rotations relative to the parents, shape (K, 2, J, 4).
        torques: In the child's axes [N m], shape (K, 2, J, 3).
        pair: Whose springs.
    """
    angles = rotvec_from_quat(quat_mul(quat_conj(pair.middles), local_quats))
    return to_rest(angles + torques / np.maximum(pair.kp, 1e-9), pair.middles)


def _moved(middles: np.ndarray) -> np.ndarray:
    """Return the joints whose middle is not the rest pose, shape (J,), bool."""
    return np.abs(middles[:, 1:]).max(axis=-1) > 0
