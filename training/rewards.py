"""Reward terms: pure functions of a `Moment`, composed by name and weight.

Tracking has the paper's form; its contact term is mended: zero without touch, fed by the partner's force alone, at most
one a hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from array_api_compat import array_namespace

from controller_server.clip.rotation import quat_conj, quat_mul
from controller_server.clip.skeleton import HEAD, JOINT_NAMES, SUCCESS_JOINTS
from controller_server.control.observation import NO_FORCES, Bodies, View, observe

Array = Any

TOUCHABLE = [
    JOINT_NAMES.index(name)
    for name in (
        *("spine1", "spine2", "spine3", "neck", "left_collar", "right_collar", "left_shoulder", "right_shoulder"),
        *("left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_knee", "right_knee"),
    )
]
"""Recipient bodies a helping hand may look for: the paper's fourteen."""
MOTION = ("height", "positions", "rotations", "velocities", "spins")
"""Observation terms that tell how a person moves and nothing else: what style is judged by."""
_FIRM = 30.0  # force of a hand at which the contact reward reaches 1 - 1/e [N]
_FALLING = 3.3  # omega of a leg of 0.9 m [1/s]
_TIPSY = 0.1  # error of the extrapolated centre of mass at which the balance reward is down to 1/e [m]
_ASTRAY = 0.1  # distance of a hand to its goal at which the reach reward is down to 1/e [m]
_NEARNESS = 2.5  # fall-off of the contact reward with distance [1/m], the paper's


@dataclass(frozen=True)
class Moment:
    """What rewards are made from, after a control step. N pairs, B bodies, J joints.

    Attributes:
        now: The simulated pairs.
        goal: The reference of this frame, hands retargeted if the reward is to follow that.
        balance: Error of the centre of mass [m] and of its velocity [m/s], shape (N, 2, 2, 3).
        forces: Net contact force on each body from partner, floor, prop [N], shape (N, 2, B, 3, 3).
        torques: Of the muscles [N m], shape (N, 2, J, 3).
        joint_velocity: [rad/s], shape (N, 2, J, 3).
        action: The action taken, shape (N, 2, 3 J).
        last_action: The one before.
        hands: Rows of the two wrists.
        gate: Distance within which hands are rewarded for contact instead of tracking [m].
        contact: Whether anybody is.
        style: How much each person moves like the reference, to their discriminator: 0-1, shape (N, 2).
    """

    now: Bodies
    goal: Bodies
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

    def squared(self, name: str) -> Array:
        """Squared error of each body's positions, velocities or spins, shape (N, 2, B)."""
        error = getattr(self.now, name) - getattr(self.goal, name)
        return array_namespace(error).sum(error * error, axis=-1)

    def gated(self) -> Array:
        """Supporter hands within the gate, now and in the reference, shape (N, 2)."""
        return (_to_recipient(self.now, self.hands) <= self.gate) & (_to_recipient(self.goal, self.hands) <= self.gate)

    def mean(self, errors: Array) -> Array:
        """Mean over bodies, shape (N, 2), without the hands that are rewarded for contact."""
        xp = array_namespace(errors)
        total, count = xp.sum(errors, axis=-1), float(errors.shape[-1])
        if not self.contact:
            return total / count
        gated = xp.astype(self.gated(), errors.dtype)
        hands = errors[:, 0, list(self.hands)]
        supporter = (total[:, 0] - xp.sum(hands * gated, axis=-1)) / (count - xp.sum(gated, axis=-1))
        return xp.stack([supporter, total[:, 1] / count], axis=1)


def _to_recipient(bodies: Bodies, hands: tuple[int, int]) -> Array:
    """Distance of each supporter wrist to the nearest of the recipient's TOUCHABLE, shape (N, 2) [m]."""
    xp = array_namespace(bodies.positions)
    offsets = bodies.positions[:, 0, list(hands)][:, :, None] - bodies.positions[:, 1, TOUCHABLE][:, None]
    return xp.sqrt(xp.min(xp.sum(offsets * offsets, axis=-1), axis=-1))


def positions(m: Moment) -> Array:
    """exp(-100 e), e the mean over bodies and axes of squared position errors."""
    return _exp(-100 / 3 * m.mean(m.squared("positions")))


def rotations(m: Moment) -> Array:
    """exp(-10 e), e the mean over bodies of squared rotation angles."""
    error = quat_mul(m.goal.quats, quat_conj(m.now.quats))
    xp = array_namespace(error)
    vec = error[..., 1:]
    angle = 2 * xp.atan2(xp.sqrt(xp.sum(vec * vec, axis=-1)), xp.abs(error[..., 0]))
    return _exp(-10 * m.mean(angle * angle))


def velocities(m: Moment) -> Array:
    """exp(-e), e the mean over bodies and axes of squared velocity errors."""
    return _exp(-1 / 3 * m.mean(m.squared("velocities")))


def spins(m: Moment) -> Array:
    """exp(-0.1 e), e the mean over bodies and axes of squared errors of angular velocity."""
    return _exp(-0.1 / 3 * m.mean(m.squared("spins")))


def stability(m: Moment) -> Array:
    """One while the head is as high as the reference's, falling to zero half a metre below it."""
    xp = array_namespace(m.now.positions)
    drop = m.goal.positions[:, :, HEAD, 2] - m.now.positions[:, :, HEAD, 2]
    return 1 - xp.clip(2 * drop, 0, 1)


def balance(m: Moment) -> Array:
    """exp(-d / 0.1 m), d the error on the floor plane of the extrapolated centre of mass x + v / omega.

    Formula: Hof, Gazendam and Sinke (2005); omega = sqrt(g / l) is the rate at which a person of leg length l falls
    over. Tracking terms hardly feel a small d, but what is not put right grows e-fold in 1 / omega = 0.3 s.
    """
    xp = array_namespace(m.balance)
    off = (m.balance[:, :, 0] + m.balance[:, :, 1] / _FALLING)[..., :2]
    return _exp(-xp.sqrt(xp.sum(off * off, axis=-1)) / _TIPSY)


def contact(m: Moment) -> Array:
    """Supporter's hands inside the gate that press on the partner, nearer is better: zero without touch, at most 1."""
    xp = array_namespace(m.forces)
    near = _to_recipient(m.now, m.hands)
    force = m.forces[:, 0, list(m.hands), 0, :]
    firm = 1 - xp.exp(-xp.sqrt(xp.sum(force * force, axis=-1)) / _FIRM)
    value = firm * xp.exp(-_NEARNESS * near) * xp.astype(m.gated(), firm.dtype)
    supporter = xp.sum(value, axis=-1) / 2
    return xp.stack([supporter, xp.zeros_like(supporter)], axis=1)


def reach(m: Moment) -> Array:
    """Supporter's hands inside the gate where they belong, on the partner if goals are retargeted: exp(-d / 0.1 m).

    The same for both people, who both have to hold still for it. What leads a hand that lost its hold back to it: the
    contact reward is zero until it is there.
    """
    xp, rows = array_namespace(m.now.positions), list(m.hands)
    off = m.now.positions[:, 0, rows] - m.goal.positions[:, 0, rows]
    near = xp.exp(-xp.sqrt(xp.sum(off * off, axis=-1)) / _ASTRAY) * xp.astype(m.gated(), off.dtype)
    value = xp.sum(near, axis=-1) / 2
    return xp.stack([value, value], axis=1)


def power(m: Moment) -> Array:
    """Mechanical power of the muscles [kW]: sum over axes of |torque x joint velocity|. A cost."""
    xp = array_namespace(m.torques)
    return xp.sum(xp.sum(xp.abs(m.torques * m.joint_velocity), axis=-1), axis=-1) / 1000


def jerk(m: Moment) -> Array:
    """Mean squared change of the action. A cost."""
    change = m.action - m.last_action
    return array_namespace(change).mean(change * change, axis=-1)


def style(m: Moment) -> Array:
    """Motion that a discriminator takes for the reference's, wherever and whenever it happens: see `style.py`."""
    return m.style


def _exp(x: Array) -> Array:
    return array_namespace(x).exp(x)


_ALL = (positions, rotations, velocities, spins, stability, balance, contact, reach, power, jerk, style)
TERMS: Mapping[str, Callable[[Moment], Array]] = {term.__name__: term for term in _ALL}


def motion(bodies: Bodies) -> Array:
    """How people move, each seen from their own heading frame: the terms of `MOTION`, shape (N, 2, D)."""
    view = View(bodies, bodies, ahead=lambda seconds: bodies, forces=NO_FORCES, balance=None, action=None, grips=None)
    return observe(view, MOTION)


def deviation(now: Bodies, goal: Bodies) -> Array:
    """Mean distance of the paper's 16 bodies to the reference [m], shape (N, 2): see `measure.tracking`."""
    error = (now.positions - goal.positions)[:, :, list(SUCCESS_JOINTS)]
    xp = array_namespace(error)
    return xp.mean(xp.sqrt(xp.sum(error * error, axis=-1)), axis=-1)
