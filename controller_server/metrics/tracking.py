"""Tracking errors of a motion against another: deviation, success, joint position error, displacement.

The paper: Learning to Assist, CVPR 2026, arXiv 2603.11346.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from controller_server.clip.skeleton import N_BODY_JOINTS, SUCCESS_JOINTS

SUCCESS_LIMIT = 0.25
"""Largest deviation of a successful clip [m]: the paper's training termination."""
PAPER_LIMIT = 0.5
"""Largest deviation of a successful clip as the paper evaluates it [m]."""


@dataclass(frozen=True)
class TrackingOutcome:
    """Whether the people who are judged stayed within a limit, to the end.

    Attributes:
        success: None of them ever over the limit, and the simulation reached the last frame.
        failure_time: When it was first over the limit or broke off [s]; None on success.
        failed: Row of the person who was over it first (the farther one if both); None on success or when the
            simulation broke off while both were within the limit.
    """

    success: bool
    failure_time: float | None = None
    failed: int | None = None


def deviation(joints: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Mean distance of the paper's 16 reset bodies to the reference.

    Formula: d[t, p] = mean over j in SUCCESS_JOINTS of |x[t, p, j] - r[t, p, j]|.

    Args:
        joints: World joint positions [m], shape (T, 2, J, 3) in SMPL-X order, J at least 22.
        reference: The prepared clip's, same shape.

    Returns:
        Shape (T, 2) [m].
    """
    rows = list(SUCCESS_JOINTS)
    return np.linalg.norm(joints[..., rows, :] - reference[..., rows, :], axis=-1).mean(axis=-1)


def judge(
    deviation: np.ndarray,
    times: np.ndarray,
    limit: float,
    *,
    judged: Sequence[int] = (0, 1),
    simulated_until: float = np.inf,
) -> TrackingOutcome:
    """Return whether the deviation stayed within the limit to the end.

    Args:
        deviation: Shape (T, 2) [m].
        times: Of the frames [s], shape (T,).
        limit: Largest deviation allowed [m]; exactly on it still succeeds.
        judged: Whose deviation counts (0 supporter, 1 recipient).
        simulated_until: Time the simulation reached [s]; frames more than half a frame later were never simulated.
    """
    reached = times <= simulated_until + 0.5 * (times[1] - times[0])
    counts = np.isin(np.arange(deviation.shape[1]), judged)
    over = (deviation > limit) & reached[:, None] & counts
    if over.any():
        frame = int(np.argmax(over.any(axis=1)))
        return TrackingOutcome(False, float(times[frame]), int(np.argmax(np.where(over[frame], deviation[frame], -1))))
    if not reached.all():
        return TrackingOutcome(False, float(simulated_until))
    return TrackingOutcome(True)


def mpjpe(joints: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Mean per-joint position error over the 22 body joints, global (no alignment).

    Formula: 1000 * mean over t, j of |x[t, p, j] - r[t, p, j]|.

    Args:
        joints: World joint positions [m], shape (T, 2, J, 3), J at least 22.
        reference: Same shape.

    Returns:
        Per person [mm], shape (2,).
    """
    return 1000 * _distances(joints, reference).mean(axis=(0, 2))


def displacement(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how far preparing moved each person: mean and largest distance over frames and the 22 body joints.

    Args:
        before: The input's world joint positions [m], shape (T, 2, J, 3).
        after: The prepared clip's, same shape.

    Returns:
        Mean and maximum per person [mm], shapes (2,).
    """
    distances = 1000 * _distances(before, after)
    return distances.mean(axis=(0, 2)), distances.max(axis=(0, 2))


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.linalg.norm(a[..., :N_BODY_JOINTS, :] - b[..., :N_BODY_JOINTS, :], axis=-1)
