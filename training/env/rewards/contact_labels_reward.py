"""InterMimic's contact reward: touch what touches in the reference, and nothing that surely does not."""

from __future__ import annotations

from array_api_compat import array_namespace

from controller_server.core.arrays import Array
from controller_server.terms import reward
from training.env.contact_labels import PENALISE, PROMOTE, contact_labels, partner_force
from training.env.step_context import StepContext


@reward(group="assist", needs=("forces",))
def labelled_contacts(
    c: StepContext,
    *,
    near: float = 0.12,
    far: float = 0.35,
    force: float = 30.0,
    missing: float = 1.0,
    unwanted: float = 1.0,
) -> Array:
    """Return exp(-e), e the contacts that are missing and those that ought not to be, over the bodies of each person.

    Formula: t = 1 - exp(-|F| / force) says how much a body touches, F the partner's force on it [N]; e is the sum of
    missing x (1 - t) over bodies labelled promote and unwanted x t over those labelled penalise (`contact_labels`).
    """
    label = contact_labels(c, near=near, far=far)
    xp = array_namespace(label)
    touch = 1 - xp.exp(-partner_force(c) / force)
    wrong = missing * (1 - touch) * (label == PROMOTE) + unwanted * touch * (label == PENALISE)
    return xp.exp(-xp.sum(wrong, axis=-1))
