"""The paper's style reward (AMP), made by the discriminators of `training/learning/style.py`.

The paper: Learning to Assist, CVPR 2026, arXiv 2603.11346.
"""

from __future__ import annotations

from controller_server.core.arrays import Array
from controller_server.terms import reward
from training.env.step_context import StepContext


@reward(group="prior")
def style(c: StepContext) -> Array:
    """Return how much a discriminator takes the last frames for the reference's, whenever it happens there."""
    return c.style
