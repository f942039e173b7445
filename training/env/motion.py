"""Motion features for the style discriminators."""

from __future__ import annotations

from typing import Any

from controller_server.control.policy.observation import NO_FORCES, ObservedState, bound, observe
from controller_server.control.reference.reference_trajectory import Bodies

MOTION = bound(("height", "positions", "rotations", "velocities", "spins"))
"""Observation terms that tell how a person moves, nothing about place, partner or clip time."""


def motion(bodies: Bodies) -> Any:
    """Return how people move, each seen from their own heading frame: the terms of `MOTION`, shape (N, 2, D)."""
    view = ObservedState(
        bodies, bodies, ahead=lambda seconds: bodies, forces=NO_FORCES, balance=None, action=None, grips=None
    )
    return observe(view, MOTION)
