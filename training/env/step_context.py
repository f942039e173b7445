"""The context of rewards and terminations: everything about N pairs after a control step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from array_api_compat import array_namespace

from controller_server.clip.rotation import quat_conj, quat_mul
from controller_server.clip.skeleton import JOINT_NAMES, SUCCESS_JOINTS
from controller_server.control.policy.retarget import RetargetSettings
from controller_server.control.reference.reference_trajectory import Bodies
from controller_server.core.arrays import Array

TOUCHABLE = [
    JOINT_NAMES.index(name)
    for name in (
        *("spine1", "spine2", "spine3", "neck", "left_collar", "right_collar", "left_shoulder", "right_shoulder"),
        *("left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_knee", "right_knee"),
    )
]
"""Recipient bodies a helping hand may look for: the paper's fourteen."""


@dataclass(frozen=True)
class StepContext:
    """The input of reward and termination terms, after a control step. N pairs, B bodies, J joints.

    Attributes:
        now: The simulated pairs.
        reference: The reference of this frame.
        goal: The same, hands retargeted if rewards are to follow that.
        shift: How far the supporter's hand goals were displaced [m], shape (N, 2, 3); zero where they never are.
        grips: Grips of the reference in this frame, 0-1, shape (N, 2, 2).
        balance: Error of the centre of mass [m] and of its velocity [m/s], shape (N, 2, 2, 3).
        forces: Net contact force on each body from partner, floor, prop [N], shape (N, 2, B, 3, 3).
        torques: Torques of the muscles [N m], shape (N, 2, J, 3).
        joint_velocity: [rad/s], shape (N, 2, J, 3).
        action: The action taken, shape (N, 2, 3 J).
        last_action: The one before.
        hands: Rows of the two wrists.
        gate: Distance within which hands are rewarded for contact instead of tracking [m].
        contact: Whether anybody is.
        style: How much each person moves like the reference, to their discriminator: 0-1, shape (N, 2).
        retarget: How hand goals follow the recipient.
    """

    now: Bodies
    reference: Bodies
    goal: Bodies
    shift: Array
    grips: Array
    balance: Array
    forces: Array
    torques: Array
    joint_velocity: Array
    action: Array
    last_action: Array
    hands: tuple[int, int]
    gate: float
    contact: bool
    style: Array
    retarget: RetargetSettings

    def squared(self, name: str) -> Array:
        """Return the squared error of each body's positions, velocities or spins, shape (N, 2, B)."""
        error = getattr(self.now, name) - getattr(self.goal, name)
        return array_namespace(error).sum(error * error, axis=-1)

    @cached_property
    def gated(self) -> Array:
        """Supporter hands within the gate, now and in the reference, shape (N, 2)."""
        return (self.to_recipient(self.now) <= self.gate) & (self.to_recipient(self.goal) <= self.gate)

    def mean(self, errors: Array) -> Array:
        """Return the mean over bodies, shape (N, 2), without the hands that are rewarded for contact."""
        xp = array_namespace(errors)
        total, count = xp.sum(errors, axis=-1), float(errors.shape[-1])
        if not self.contact:
            return total / count
        gated = xp.astype(self.gated, errors.dtype)
        hands = errors[:, 0, list(self.hands)]
        supporter = (total[:, 0] - xp.sum(hands * gated, axis=-1)) / (count - xp.sum(gated, axis=-1))
        return xp.stack([supporter, total[:, 1] / count], axis=1)

    def to_recipient(self, bodies: Bodies) -> Array:
        """Return the distance of each supporter wrist to the nearest of the recipient's TOUCHABLE, (N, 2) [m]."""
        xp = array_namespace(bodies.positions)
        offsets = bodies.positions[:, 0, list(self.hands)][:, :, None] - bodies.positions[:, 1, TOUCHABLE][:, None]
        return xp.sqrt(xp.min(xp.sum(offsets * offsets, axis=-1), axis=-1))


def rotation_angles(goal: Bodies, now: Bodies) -> Array:
    """Return the angle of the turn from each body to its goal [rad], shape (N, 2, B)."""
    error = quat_mul(goal.quats, quat_conj(now.quats))
    xp = array_namespace(error)
    vec = error[..., 1:]
    return 2 * xp.atan2(xp.sqrt(xp.sum(vec * vec, axis=-1)), xp.abs(error[..., 0]))


def deviation(now: Bodies, goal: Bodies) -> Array:
    """Return the mean distance of the paper's 16 bodies to the reference [m], shape (N, 2): see `metrics.tracking`."""
    error = (now.positions - goal.positions)[:, :, list(SUCCESS_JOINTS)]
    xp = array_namespace(error)
    return xp.mean(xp.sqrt(xp.sum(error * error, axis=-1)), axis=-1)
