"""The paper's power penalty, counted once.

The paper: Learning to Assist, CVPR 2026, arXiv 2603.11346.
"""

from __future__ import annotations

from array_api_compat import array_namespace

from controller_server.core.arrays import Array
from controller_server.terms import reward
from training.env.step_context import StepContext


@reward(group="prior")
def power(c: StepContext) -> Array:
    """Return the mechanical power of the muscles [kW]: sum over axes of |torque x joint velocity|. A cost."""
    xp = array_namespace(c.torques)
    return xp.sum(xp.sum(xp.abs(c.torques * c.joint_velocity), axis=-1), axis=-1) / 1000
