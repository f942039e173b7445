"""Balance feedback: what an upright person's ankles do about a centre of mass that is not where it should be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.clip.rotation import quat_heading, quat_rotate_inverse
from controller_server.clip.skeleton import L_ANKLE, R_ANKLE
from controller_server.control.reference.reference import Reference
from controller_server.physics.backend import Backend


@dataclass(frozen=True)
class BalanceGains:
    """Ankle offsets per error of the centre of mass in the person's heading frame.

    Attributes:
        position: [rad/m].
        velocity: [rad/(m/s)].
        pitch_limit: Largest offset forward and back [rad].
        roll_limit: Largest offset to the sides [rad].
    """

    position: float = 1.0
    velocity: float = 0.3
    pitch_limit: float = 0.25
    roll_limit: float = 0.15


def ankle_rows(pair: PairBody) -> list[int]:
    """Return rows of both ankles among the actuated joints."""
    return [pair.joints.index(j) - 1 for j in (L_ANKLE, R_ANKLE)]


def ankle_offsets(backend: Backend, reference: Reference, frame: int, gains: BalanceGains) -> np.ndarray:
    """Offsets of the ankle targets [rad], shape (N, 2, 3), the same for both ankles, in the ankle's axes.

    A centre of mass ahead of the reference's presses the toes down (model +x), one to the left the left edges (-z),
    which moves the centre of pressure past it and drives it back.
    """
    row = reference.row(frame)
    error = np.stack([backend.com() - reference.com[row], backend.com_velocity() - reference.com_velocity[row]], axis=2)
    return _offsets(error, quat_heading(reference.quats[row, :, 0])[None], gains)


def with_balance(
    targets: np.ndarray, error: np.ndarray, heading: np.ndarray, pair: PairBody, gains: BalanceGains | None = None
) -> np.ndarray:
    """Return joint targets with the ankles moved.

    Args:
        targets: Joint targets [rad], shape (N, 2, J, 3) or without the N.
        error: Error of the centre of mass [m] and its velocity [m/s], shape (N, 2, 2, 3): `ObservedState.balance`.
        heading: Heading of the reference's pelvis (`quat_heading`), shape (N, 2, 4).
        pair: Whose bodies.
        gains: The defaults, if not given.
    """
    targets = np.array(np.broadcast_to(targets, (len(error), *targets.shape[-3:])))
    targets[:, :, ankle_rows(pair)] += _offsets(error, heading, gains or BalanceGains())[:, :, None]
    return targets


def _offsets(error: np.ndarray, heading: np.ndarray, gains: BalanceGains) -> np.ndarray:
    weighted = gains.position * error[:, :, 0] + gains.velocity * error[:, :, 1]
    local = quat_rotate_inverse(heading, weighted)  # x ahead, y to the left
    offsets = np.zeros_like(local)
    offsets[..., 0] = np.clip(local[..., 0], -gains.pitch_limit, gains.pitch_limit)
    offsets[..., 2] = -np.clip(local[..., 1], -gains.roll_limit, gains.roll_limit)
    return offsets
