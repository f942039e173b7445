"""The paper's termination: somebody is too far from the reference on average.

The paper: Learning to Assist, CVPR 2026, arXiv 2603.11346.
"""

from __future__ import annotations

import numpy as np

from controller_server.core.arrays import Array
from controller_server.metrics.tracking import SUCCESS_LIMIT
from controller_server.terms import termination
from training.env.step_context import StepContext
from training.env.step_context import deviation as mean_deviation


@termination(group="prior")
def deviation(c: StepContext, *, limit: float = SUCCESS_LIMIT) -> Array:
    """Return who deviates by more than the limit [m]; a supporter by what hands were moved more, if so chosen."""
    apart = mean_deviation(c.now, c.reference)
    limits = np.full(apart.shape, limit, np.float32)
    if c.retarget.enabled and c.retarget.termination:
        limits[:, 0] += np.linalg.norm(c.shift, axis=-1).mean(axis=-1)
    return ~(apart <= limits)  # not a number is too far too
