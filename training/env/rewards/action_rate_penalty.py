"""Action rate penalty: the squared change of the action from one control step to the next."""

from __future__ import annotations

from array_api_compat import array_namespace

from controller_server.core.arrays import Array
from controller_server.terms import reward
from training.env.step_context import StepContext


@reward(group="prior")
def action_rate(c: StepContext) -> Array:
    """Return the action rate: the mean squared change of the action. A cost."""
    change = c.action - c.last_action
    return array_namespace(change).mean(change * change, axis=-1)
