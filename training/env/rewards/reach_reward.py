"""Hands where they belong on the partner: what leads a hand that lost its hold back to it."""

from __future__ import annotations

from array_api_compat import array_namespace

from controller_server.core.arrays import Array
from controller_server.terms import reward
from training.env.step_context import StepContext


@reward(group="assist")
def reach(c: StepContext, *, width: float = 0.1) -> Array:
    """Return exp(-d / width) of the supporter's hands inside the gate, d the distance to their goals [m].

    The same for both people, who both have to hold still for it; the goals are on the partner if they are retargeted.
    The contact reward is zero until a hand is there.
    """
    xp, rows = array_namespace(c.now.positions), list(c.hands)
    off = c.now.positions[:, 0, rows] - c.goal.positions[:, 0, rows]
    near = xp.exp(-xp.sqrt(xp.sum(off * off, axis=-1)) / width) * xp.astype(c.gated, off.dtype)
    value = xp.sum(near, axis=-1) / 2
    return xp.stack([value, value], axis=1)
