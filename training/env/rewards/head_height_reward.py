"""The paper's assistive stability: the recipient's head, and the supporter's, no lower than the reference has it.

The paper: Learning to Assist, CVPR 2026, arXiv 2603.11346.
"""

from __future__ import annotations

from array_api_compat import array_namespace

from controller_server.clip.skeleton import HEAD
from controller_server.core.arrays import Array
from controller_server.terms import reward
from training.env.step_context import StepContext


@reward(group="prior")
def stability(c: StepContext, *, drop: float = 0.5) -> Array:
    """Return one while the head is as high as the reference's, falling to zero where it is a drop [m] below it."""
    xp = array_namespace(c.now.positions)
    low = c.goal.positions[:, :, HEAD, 2] - c.now.positions[:, :, HEAD, 2]
    return 1 - xp.clip(low / drop, 0, 1)
