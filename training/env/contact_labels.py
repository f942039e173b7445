"""Three-level contact labels, in the manner of InterMimic: contacts to promote, to leave alone, to penalise.

Formula: Xu, Ling, Wang and Gui, "InterMimic: Towards Universal Whole-Body Control for Physics-Based Human-Object
Interactions" (2025). Between what surely touches in the reference and what surely does not there is a band in which a
contact neither pays nor costs: captured bodies are thicker or thinner than simulated ones.

InterMimic: arXiv 2502.20390.
"""

from __future__ import annotations

from array_api_compat import array_namespace

from controller_server.core.arrays import Array

from .step_context import StepContext

PROMOTE, NEUTRAL, PENALISE = 1.0, 0.0, -1.0


def contact_labels(c: StepContext, *, near: float, far: float) -> Array:
    """Return the label of every body in the reference, shape (N, 2, B).

    Args:
        c: The step.
        near: A body whose joint is that near to one of the partner's is to touch [m]; so is a hand that grips.
        far: One that is farther than this from all of them is not to [m].
    """
    distance = to_partner(c.reference.positions)
    xp = array_namespace(distance)
    label = xp.where(distance <= near, PROMOTE, xp.where(distance > far, PENALISE, NEUTRAL))
    label = xp.astype(label, distance.dtype)
    label[:, :, list(c.hands)] = xp.where(c.grips > 0.5, PROMOTE, label[:, :, list(c.hands)])
    return label


def to_partner(positions: Array) -> Array:
    """Return the distance of every body's joint to the partner's nearest [m], shape (N, 2, B) of (N, 2, B, 3)."""
    xp = array_namespace(positions)
    offsets = positions[:, 0, :, None] - positions[:, 1, None, :]
    squared = xp.sum(offsets * offsets, axis=-1)
    return xp.sqrt(xp.stack([xp.min(squared, axis=2), xp.min(squared, axis=1)], axis=1))


def partner_force(c: StepContext) -> Array:
    """Return the size of the force from the partner on every body [N], shape (N, 2, B)."""
    forces = c.forces[:, :, :, 0]
    xp = array_namespace(forces)
    return xp.sqrt(xp.sum(forces * forces, axis=-1))
