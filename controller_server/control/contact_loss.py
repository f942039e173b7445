"""Holds that were meant to be and are not: what a lost hand does to targets that count on it.

Targets lead the pose by the load that muscles carry, and part of that load is the partner's. Hands that are to pull a
person up and hold nobody fly apart instead, and never find each other again.
"""

from __future__ import annotations

import numpy as np

from controller_server.body.pair import PairBody

from .limbs import ARM, limb_rows

TOUCH = 10.0
"""Force from the partner that counts as touching [N]."""


def contact_lost(forces: np.ndarray, grips: np.ndarray, pair: PairBody) -> np.ndarray:
    """Joints whose targets count on a hold that is not there.

    The arm of a hand that is to hold the partner and does not touch them; where no hand does that should, all joints of
    both people.

    Args:
        forces: As `ObservedState.forces` [N], shape (N, 2, B, 3, 3).
        grips: Grips of the coming frame, 0-1, shape (N, 2, 2).
        pair: Body description.

    Returns:
        Shape (N, 2, J), bool.
    """
    felt = forces[:, :, list(pair.hand_rows), 0, :]
    meant = grips > 0.5
    touching = np.einsum("nphi,nphi->nph", felt, felt) > TOUCH**2
    alone = meant.any(axis=(1, 2)) & ~(meant & touching).any(axis=(1, 2))
    lost = np.repeat(alone, 2 * (len(pair.joints) - 1)).reshape(len(meant), 2, -1)
    for hand, rows in enumerate(limb_rows(pair, (*ARM, "wrist"))):
        lost[:, :, rows - 1] |= (meant & ~touching)[:, :, hand, None]
    return lost


def compensate_contact_loss(targets: np.ndarray, apart: np.ndarray, lost: np.ndarray) -> np.ndarray:
    """Return joint targets that carry the partner's part of the load only where they are held.

    Args:
        targets: Targets of the frame ahead [rad], shape (N, 2, J, 3) or without the N.
        apart: The same for people who get nothing from each other (`Reference.sharing`).
        lost: See `contact_lost`, shape (N, 2, J) or what goes with it.
    """
    return np.where(lost[..., None], apart, targets)
