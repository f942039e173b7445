"""A person who falls: much lower than the reference, wherever the rest of them is."""

from __future__ import annotations

from controller_server.clip.skeleton import HEAD
from controller_server.core.arrays import Array
from controller_server.terms import termination
from training.env.step_context import StepContext


@termination(group="prior")
def fall(c: StepContext, *, pelvis: float = 0.3, head: float = 0.5) -> Array:
    """Return whose pelvis or head is lower than the reference's by more than so much [m]."""
    drop = (c.reference.positions - c.now.positions)[..., 2]
    return (drop[:, :, 0] > pelvis) | (drop[:, :, HEAD] > head)
