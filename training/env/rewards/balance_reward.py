"""Balance: where the centre of mass is heading, against the reference."""

from __future__ import annotations

from array_api_compat import array_namespace

from controller_server.core.arrays import Array
from controller_server.terms import reward
from training.env.step_context import StepContext


@reward(group="prior")
def balance(c: StepContext, *, width: float = 0.1, rate: float = 3.3) -> Array:
    """Return exp(-d / width), d the error on the floor plane of the extrapolated centre of mass x + v / rate [m].

    Formula: Hof, Gazendam and Sinke (2005); rate = sqrt(g / l) [1/s], that of a leg of length l = 0.9 m, is how fast a
    person falls over. Tracking terms hardly feel a small d, but what is not put right grows e-fold in 1 / rate.
    """
    xp = array_namespace(c.balance)
    off = (c.balance[:, :, 0] + c.balance[:, :, 1] / rate)[..., :2]
    return xp.exp(-xp.sqrt(xp.sum(off * off, axis=-1)) / width)
