"""InterMimic's interaction early termination: what was to be held is not, or people are not as far apart as they were.

Formula: Xu, Ling, Wang and Gui, "InterMimic" (2025): a contact that the reference has, missing for more than 10 frames;
a distance that is off by more than 0.5 m.

InterMimic: arXiv 2502.20390.
"""

from __future__ import annotations

import numpy as np

from controller_server.control.contact_loss import TOUCH
from controller_server.core.arrays import Array
from controller_server.terms import termination
from training.env.contact_labels import PROMOTE, contact_labels, partner_force
from training.env.step_context import StepContext


@termination(group="assist", needs=("forces",), memory={"missing": (2, 2)})
def lost_contact(
    c: StepContext, memory: dict[str, Array], *, frames: int = 10, touch: float = TOUCH, near: float = 0.12
) -> Array:
    """Return both people where a hand of either has not touched for more than so many frames in a row, and is to.

    A hand is to touch that grips in the reference, or is as near to the partner there as `near` [m]; it does at a force
    of `touch` [N].
    """
    hands = list(c.hands)
    meant = contact_labels(c, near=near, far=np.inf)[:, :, hands] == PROMOTE
    missing = meant & ~(partner_force(c)[:, :, hands] > touch)
    memory["missing"] = np.where(missing, memory["missing"] + 1, 0)
    lost = (memory["missing"] > frames).any(axis=(1, 2))
    return np.stack([lost, lost], axis=1)


@termination(group="assist")
def lost_distance(c: StepContext, *, limit: float = 0.5) -> Array:
    """Return both people where the distance of their pelvises is off by more than the limit [m]."""
    now, wanted = (
        np.linalg.norm(bodies.positions[:, 0, 0] - bodies.positions[:, 1, 0], axis=-1)
        for bodies in (c.now, c.reference)
    )
    off = ~(np.abs(now - wanted) <= limit)
    return np.stack([off, off], axis=1)
