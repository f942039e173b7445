"""Effort of a simulation: forces between the people, outside help, muscle torque."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller_server.physics.recording import TOUCH_PARTNER

GRAVITY = 9.81
MAX_MEAN_HELP = 0.15
"""Outside force of a successful clip, mean over its steps in body weights, for either person."""
CONTACT_FORCE = 1.0
"""Net force from which the partner counts as felt [N]."""
SATURATED = 0.999
"""Share of its limit from which a muscle counts as saturated."""
BRAKING = 1.25
"""Share of its limit that a muscle may bear while it lengthens."""
FORCE_WINDOW = 0.1
"""Time contact forces are averaged over before their peak is taken [s]: single steps of a stiff contact rattle."""


@dataclass(frozen=True)
class PartnerForce:
    """Net contact force one person gets from the other.

    Attributes:
        peak_n: Largest magnitude of the force averaged over FORCE_WINDOW [N].
        peak_step_n: Largest magnitude at a single physics step [N].
        mean_n: Mean magnitude of the averaged force where it is over CONTACT_FORCE [N]; 0 without contact.
        peak_upward_n: Largest upward part of the averaged force [N]; 0 if it never points up.
        mean_upward_n: Mean upward part where there is contact [N]; negative for who bears the other's weight.
        contact_share: Share of steps with contact force, 0-1.
    """

    peak_n: float
    peak_step_n: float
    mean_n: float
    peak_upward_n: float
    mean_upward_n: float
    contact_share: float


@dataclass(frozen=True)
class Wrench:
    """Outside help on one person's pelvis. All zero unless assisted.

    Attributes:
        max_n: Largest force [N].
        max_nm: Largest torque [N m].
        max_body_weights: Largest force in body weights.
        mean_body_weights: Mean force over all steps in body weights.
    """

    max_n: float
    max_nm: float
    max_body_weights: float
    mean_body_weights: float


@dataclass(frozen=True)
class Torque:
    """Muscle torque against its limit.

    Attributes:
        max_share: Largest |torque| / limit of any joint axis at any step. The torque is the spring's: how hard a
            muscle is driven; its damper is the force that it loses by shortening or gains by lengthening.
        saturated_share: Share of steps in which some joint axis is at its limit (SATURATED).
        hardest_joint: Row (in `Recording.joints`) of the joint that is at its limit longest, else nearest to it.
        hardest_saturated_share: Share of steps that joint is at its limit.
        beyond_share: Share of steps in which spring and damper together are beyond the limits (`beyond_limits`).
    """

    max_share: float
    saturated_share: float
    hardest_joint: int
    hardest_saturated_share: float
    beyond_share: float = 0.0


def partner_force(forces: np.ndarray) -> np.ndarray:
    """Net force on each person from the other: the sum over their bodies [N, world].

    Args:
        forces: `Recording.forces` [N], shape (S, 2, B, 3 kinds, 3).

    Returns:
        Shape (S, 2, 3).
    """
    return forces[:, :, :, TOUCH_PARTNER].sum(axis=2)


def averaged(values: np.ndarray, window: int) -> np.ndarray:
    """Centred moving average over at most `window` steps, fewer at the ends. Shape (S, ...) to the same."""
    total = np.concatenate([np.zeros_like(values[:1]), np.cumsum(values, axis=0)])
    steps = np.arange(len(values))
    first, last = np.maximum(steps - window // 2, 0), np.minimum(steps - window // 2 + window, len(values))
    count = (last - first).reshape(-1, *[1] * (values.ndim - 1))
    return (total[last] - total[first]) / count


def force_window(time: np.ndarray) -> int:
    """Return steps in FORCE_WINDOW. Times of evenly spaced steps [s], shape (S,)."""
    return max(1, round(FORCE_WINDOW / float(time[1] - time[0]))) if len(time) > 1 else 1


def summarise_partner_force(force: np.ndarray, *, window: int = 1, threshold: float = CONTACT_FORCE) -> PartnerForce:
    """Peak and mean of one person's partner force.

    Args:
        force: At every step [N], shape (S, 3).
        window: Steps to average over (see `force_window`).
        threshold: Size from which the averaged force counts as contact [N].
    """
    peak_step = np.linalg.norm(force, axis=-1).max(initial=0)
    force = averaged(force, window)
    size = np.linalg.norm(force, axis=-1)
    touching = size > threshold
    any_touch = bool(touching.any())
    return PartnerForce(
        peak_n=float(size.max(initial=0)),
        peak_step_n=float(peak_step),
        mean_n=float(size[touching].mean()) if any_touch else 0.0,
        peak_upward_n=float(force[:, 2].max(initial=0)),
        mean_upward_n=float(force[touching, 2].mean()) if any_touch else 0.0,
        contact_share=float(touching.mean()),
    )


def summarise_wrench(wrench: np.ndarray, mass: float) -> Wrench:
    """Size of one person's outside wrench.

    Args:
        wrench: Force [N] and torque [N m], shape (S, 6).
        mass: Of the person [kg]; a body weight is mass * 9.81 m/s2.
    """
    force, torque = np.linalg.norm(wrench[:, :3], axis=-1), np.linalg.norm(wrench[:, 3:], axis=-1)
    weight = mass * GRAVITY
    return Wrench(
        max_n=float(force.max()),
        max_nm=float(torque.max()),
        max_body_weights=float(force.max() / weight),
        mean_body_weights=float(force.mean() / weight),
    )


def torque_share(torques: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Return |torque| / limit in the direction of the torque, for every axis.

    Args:
        torques: Per axis [N m], shape (S, ..., J, 3).
        limits: In negative and positive direction, `Recording.torque_limits` [N m], shape (..., J, 3, 2). An axis with
            limit 0 has no muscle and one with an infinite limit is held by ligaments: both count as 0.

    Returns:
        Shape (S, ..., J, 3).
    """
    limit = np.where(torques < 0, limits[..., 0], limits[..., 1])
    return np.divide(np.abs(torques), limit, out=np.zeros_like(torques), where=limit > 0)


def beyond_limits(net: np.ndarray, velocity: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Return the steps in which spring and damper together are beyond what muscles can do.

    Muscles that lengthen bear more than they lift: where they brake, up to `BRAKING` of the limit counts as human.

    Args:
        net: Torque of spring and damper [N m], shape (S, J, 3).
        velocity: Of the joints [rad/s], same shape.
        limits: See `torque_share`.

    Returns:
        Shape (S,), bool.
    """
    share = torque_share(net, limits)
    over = share > np.where(net * velocity < 0, BRAKING, 1.0) + 1e-3
    return np.asarray(over.any(axis=(-2, -1)))


@dataclass(frozen=True)
class Work:
    """Mechanical work of one person's joints over the whole recording.

    Attributes:
        muscle_j: Of the springs where they drive: positive power, joint by joint [J].
        braking_j: Of the springs where they brake [J]; negative.
        damper_j: Of the dampers [J]; negative.
        net_j: Positive power of spring and damper together, joint by joint [J].
    """

    muscle_j: float
    braking_j: float
    damper_j: float
    net_j: float


def work(torques: np.ndarray, damper_torques: np.ndarray, velocity: np.ndarray, step: float) -> Work:
    """Return the work of one person's joints.

    Args:
        torques: Of the springs [N m], shape (S, J, 3).
        damper_torques: Of the dampers [N m], same shape.
        velocity: Of the joints [rad/s], same shape.
        step: Time between two steps [s].
    """
    spring = (torques * velocity).sum(axis=-1)
    damper = (damper_torques * velocity).sum(axis=-1)
    return Work(
        muscle_j=float(np.maximum(spring, 0).sum() * step),
        braking_j=float(np.minimum(spring, 0).sum() * step),
        damper_j=float(damper.sum() * step),
        net_j=float(np.maximum(spring + damper, 0).sum() * step),
    )


def summarise_torque(share: np.ndarray, beyond: np.ndarray | None = None) -> Torque:
    """Return how near one person's muscles came to their limits.

    Args:
        share: `torque_share` of the springs, the largest axis of each joint, shape (S, J).
        beyond: `beyond_limits`, shape (S,); none by default.
    """
    saturated = share >= SATURATED
    time_at_limit = saturated.mean(axis=0)
    peak = share.max(axis=0)
    hardest = max(range(share.shape[1]), key=lambda j: (time_at_limit[j], peak[j]))
    return Torque(
        max_share=float(share.max()),
        saturated_share=float(saturated.any(axis=1).mean()),
        hardest_joint=hardest + 1,
        hardest_saturated_share=float(time_at_limit[hardest]),
        beyond_share=0.0 if beyond is None else float(beyond.mean()),
    )
