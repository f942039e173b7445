"""Tracking in the paper's form: the worse a kind of error, the nearer to zero its term.

The paper: Learning to Assist, CVPR 2026, arXiv 2603.11346.
"""

from __future__ import annotations

from array_api_compat import array_namespace

from controller_server.core.arrays import Array
from controller_server.terms import reward
from training.env.step_context import StepContext, rotation_angles


@reward(group="prior")
def positions(c: StepContext, *, sharpness: float = 100.0) -> Array:
    """Return exp(-sharpness e), e the mean over bodies and axes of squared position errors [m2]."""
    return _exp(-sharpness / 3 * c.mean(c.squared("positions")))


@reward(group="prior")
def rotations(c: StepContext, *, sharpness: float = 10.0) -> Array:
    """Return exp(-sharpness e), e the mean over bodies of squared rotation angles [rad2]."""
    angle = rotation_angles(c.goal, c.now)
    return _exp(-sharpness * c.mean(angle * angle))


@reward(group="prior")
def velocities(c: StepContext, *, sharpness: float = 1.0) -> Array:
    """Return exp(-sharpness e), e the mean over bodies and axes of squared velocity errors [m2/s2]."""
    return _exp(-sharpness / 3 * c.mean(c.squared("velocities")))


@reward(group="prior")
def spins(c: StepContext, *, sharpness: float = 0.1) -> Array:
    """Return exp(-sharpness e), e the mean over bodies and axes of squared errors of angular velocity [rad2/s2]."""
    return _exp(-sharpness / 3 * c.mean(c.squared("spins")))


def _exp(x: Array) -> Array:
    return array_namespace(x).exp(x)
