"""The observation terms that come with this project; each gives vectors (N, 2, k, 3) in world axes or (N, 2, k).

A bundle names its input blocks by these names: a term may be added here, but none renamed or changed.
"""

from __future__ import annotations

from typing import Any

from controller_server.clip.rotation import quat_conj, quat_mul
from controller_server.clip.skeleton import JOINT_NAMES, N_BODY_JOINTS
from controller_server.control.contact_loss import TOUCH
from controller_server.core.arrays import Array
from controller_server.terms import observation

from .observation import ORIENTED, ObservationContext

_FORCE_SCALE = 50.0  # forces are given as asinh(force / 50 N): linear when small, logarithmic when large
_BODY = slice(0, N_BODY_JOINTS)  # rows of pelvis to wrists: fingers, where simulated, come after


def _rows(*names: str) -> list[int]:
    return [JOINT_NAMES.index(name) for name in names]


_PAIRED = {part: [f"left_{part}", f"right_{part}"] for part in ("shoulder", "elbow", "wrist", "knee", "ankle", "foot")}
_LIMBS = [name for part in ("shoulder", "elbow", "wrist", "knee", "ankle") for name in _PAIRED[part]]
_SEEN = _rows("pelvis", "spine3", "head", *_LIMBS)
_FEET = _rows(*_PAIRED["ankle"], *_PAIRED["foot"])
_HANDS = _rows(*_PAIRED["wrist"])
_PRESSED = (
    _rows("left_wrist"),
    _rows("right_wrist"),
    _rows("left_collar", "left_shoulder", "left_elbow"),
    _rows("right_collar", "right_shoulder", "right_elbow"),
    _rows("pelvis", "spine1", "spine2", "spine3", "neck", "head"),
    _rows("left_hip", "left_knee", "left_ankle", "left_foot", "right_hip", "right_knee", "right_ankle", "right_foot"),
)


@observation(group="prior")
def height(c: ObservationContext) -> Array:
    """Return the height of the pelvis above the floor [m]."""
    return c.pelvis[:, :, 0, 2:]


@observation(group="prior")
def positions(c: ObservationContext) -> Array:
    """Return own joints from the pelvis [m]."""
    return c.view.now.positions[:, :, 1:N_BODY_JOINTS, :] - c.pelvis


@observation(group="prior")
def rotations(c: ObservationContext) -> Array:
    """Return two axes of pelvis, chest, head, hands and feet."""
    return c.xp.concat(c.axes, axis=2)


@observation(group="prior")
def velocities(c: ObservationContext) -> Array:
    """Return velocities of own joints [m/s]."""
    return c.view.now.velocities[:, :, _BODY, :]


@observation(group="prior")
def spins(c: ObservationContext) -> Array:
    """Return angular velocities of pelvis, chest, head, hands and feet [rad/s]."""
    return c.view.now.spins[:, :, ORIENTED, :]


@observation(group="prior", needs=("forces",))
def support(c: ObservationContext) -> Array:
    """Return forces of the floor under feet and toes, and of a seat: asinh(N / 50)."""
    forces = c.view.forces
    seat = c.xp.sum(forces[:, :, :, 2, :], axis=2)[:, :, None, :]
    return _squashed(c.xp, c.xp.concat([forces[:, :, _FEET, 1, :], seat], axis=2))


@observation(group="prior")
def balance(c: ObservationContext) -> Array:
    """Return centre of mass and its velocity against the reference [m, m/s]."""
    return c.view.balance


@observation(group="prior")
def goal_positions(c: ObservationContext) -> Array:
    """Return the next reference minus own joints [m]."""
    return (c.view.goal.positions - c.view.now.positions)[:, :, _BODY, :]


@observation(group="prior")
def goal_velocities(c: ObservationContext) -> Array:
    """Return velocities of the next reference minus own [m/s]."""
    return (c.view.goal.velocities - c.view.now.velocities)[:, :, _BODY, :]


@observation(group="prior")
def goal_rotations(c: ObservationContext) -> Array:
    """Return the turn to the next reference [rad]."""
    goal, now = c.view.goal.quats[:, :, ORIENTED, :], c.view.now.quats[:, :, ORIENTED, :]
    return _turn_needed(c.xp, goal, now)


@observation(group="prior")
def goal_ahead(c: ObservationContext, *, seconds: float = 1 / 3) -> Array:
    """Return the reference some seconds ahead minus own joints [m]."""
    return (c.view.ahead(seconds).positions - c.view.now.positions)[:, :, _BODY, :]


@observation(group="assist")
def partner_positions(c: ObservationContext) -> Array:
    """Return the partner's joints from own pelvis [m]."""
    return c.partner(c.view.now.positions)[:, :, _SEEN, :] - c.pelvis


@observation(group="assist")
def partner_velocities(c: ObservationContext) -> Array:
    """Return velocities of the partner's joints [m/s]."""
    return c.partner(c.view.now.velocities)[:, :, _SEEN, :]


@observation(group="assist")
def partner_facing(c: ObservationContext) -> Array:
    """Return two axes of the partner's pelvis."""
    return c.partner(c.xp.concat([axis[:, :, :1, :] for axis in c.axes], axis=2))


@observation(group="assist")
def partner_goal(c: ObservationContext) -> Array:
    """Return the partner's next reference minus their joints [m]."""
    return c.partner((c.view.goal.positions - c.view.now.positions)[:, :, _SEEN, :])


@observation(group="assist", needs=("forces",))
def partner_forces(c: ObservationContext) -> Array:
    """Return forces from the partner on hands, arms, trunk and legs: asinh(N / 50)."""
    forces = c.view.forces[:, :, :, 0, :]
    groups = [c.xp.sum(forces[:, :, rows, :], axis=2) for rows in _PRESSED]
    return _squashed(c.xp, c.xp.stack(groups, axis=2))


@observation(group="assist", needs=("forces",))
def hand_contacts(c: ObservationContext) -> Array:
    """Return which of own and partner's hands touch the other, 0 or 1."""
    hands = c.view.forces[:, :, _HANDS, 0, :]
    own = c.xp.astype(c.xp.sum(hands * hands, axis=-1) > TOUCH**2, hands.dtype)
    return c.xp.concat([own, c.partner(own)], axis=-1)


@observation(group="assist")
def grips(c: ObservationContext) -> Array:
    """Return own and partner's grips, 0 to 1."""
    return c.xp.concat([c.view.grips, c.partner(c.view.grips)], axis=-1)


@observation(group="assist")
def previous_action(c: ObservationContext) -> Array:
    """Return the action before."""
    return c.view.action


def _turn_needed(xp: Any, goal: Array, now: Array) -> Array:
    """Return twice the vector part of the rotation from now to goal: a rotation vector for small turns, at most 2."""
    error = quat_mul(goal, quat_conj(now))
    return error[..., 1:] * (2.0 - 4.0 * xp.astype(error[..., :1] < 0, error.dtype))


def _squashed(xp: Any, forces: Array) -> Array:
    """Return forces as a network can take them: their direction, their size through asinh; 0 where there are none."""
    size = xp.sqrt(xp.sum(forces * forces, axis=-1, keepdims=True)) / _FORCE_SCALE
    return forces * (xp.asinh(size) / xp.maximum(size, 1e-9) / _FORCE_SCALE)
