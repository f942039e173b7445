"""Feet that stand: how far they slide while they bear, how hard and how often they come down, who is in the air."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.clip.rotation import quat_rotate, quat_rotate_inverse
from controller_server.clip.skeleton import L_ANKLE, L_FOOT, R_ANKLE, R_FOOT
from controller_server.core.time_series import Interval, hysteresis, intervals
from controller_server.physics.recording import TOUCH_FLOOR, TOUCH_PARTNER, TOUCH_PROP, Recording

from .effort import GRAVITY, averaged

FEET = ((L_ANKLE, L_FOOT), (R_ANKLE, R_FOOT))
BEARING = 0.1
"""Load from which a sole bears, in body weights."""
OFF = 0.02
"""Load under which a sole is off the floor again, in body weights: between the two nothing changes."""
WINDOW = 1 / 30
"""Time loads are averaged over [s]: single steps of a stiff contact rattle, and nobody sees them."""
_BRIDGE = 0.05  # s: shorter gaps do not end a stance
_SHORTEST = 0.05  # s


@dataclass(frozen=True)
class Stance:
    """One foot bearing weight once.

    Attributes:
        person: 0 supporter, 1 recipient.
        side: 0 left, 1 right.
        start_s: [s].
        end_s: [s].
        slip_m: How far the sole moved on what it stands on, from where it came down [m].
        worst_s: When it was farthest off [s].
    """

    person: int
    side: int
    start_s: float
    end_s: float
    slip_m: float
    worst_s: float


@dataclass(frozen=True)
class Slip:
    """All stances in numbers.

    Attributes:
        stances: How many.
        mean_cm: Mean slip [cm]; 0 without a stance.
        worst_cm: Largest slip [cm].
        person: Row of whose it was; None without a stance.
        side: 0 left, 1 right.
        time_s: When [s].
    """

    stances: int = 0
    mean_cm: float = 0.0
    worst_cm: float = 0.0
    person: int | None = None
    side: int | None = None
    time_s: float | None = None


def steps_in(seconds: float, time: np.ndarray) -> int:
    """Return steps of evenly spaced times [s], shape (S,), in a stretch of time; at least one."""
    return max(1, round(seconds / float(time[1] - time[0]))) if len(time) > 1 else 1


def weights_of(recording: Recording) -> np.ndarray:
    """Body weight of each person [N], shape (2,)."""
    return recording.mass * GRAVITY


def sole_load(recording: Recording, pair: PairBody) -> np.ndarray:
    """Upward force on each sole from floor and furniture, averaged over WINDOW, in body weights, shape (S, 2, 2)."""
    rows = [[pair.joints.index(j) for j in foot] for foot in FEET]
    up = recording.forces[..., (TOUCH_FLOOR, TOUCH_PROP), 2].sum(axis=-1)
    load = np.stack([up[:, :, foot].sum(axis=-1) for foot in rows], axis=-1)
    return averaged(load, steps_in(WINDOW, recording.time)) / weights_of(recording)[:, None]


def floor_force(recording: Recording) -> np.ndarray:
    """Upward force on each person from floor and furniture, averaged over WINDOW, in body weights, shape (S, 2)."""
    up = recording.forces[..., (TOUCH_FLOOR, TOUCH_PROP), 2].sum(axis=(2, 3))
    return averaged(up, steps_in(WINDOW, recording.time)) / weights_of(recording)


def carried_force(recording: Recording) -> np.ndarray:
    """Upward force on each person from the partner, averaged over WINDOW, in body weights, shape (S, 2)."""
    up = recording.forces[..., TOUCH_PARTNER, 2].sum(axis=2)
    return averaged(up, steps_in(WINDOW, recording.time)) / weights_of(recording)


def sole_motion(recording: Recording, pair: PairBody) -> np.ndarray:
    """Return the motion of each sole's bearing points over the ground between steps [m], shape (S - 1, 2, 2, 2).

    The points are those of the foot that lie where it touches, followed to the next step and weighed by what they
    bear: a foot that rolls from heel to toe does not move by this, one that slides does.
    """
    steps, n_bodies = len(recording.time), len(pair.joints)
    first, second = recording.contact_bodies.T
    moved, weight = np.zeros((steps, 2, 2, 2)), np.zeros((steps, 2, 2))
    listed = np.flatnonzero((second < 0) & (recording.contact_step < steps - 1))
    person, row = np.divmod(first[listed], n_bodies)
    for side, foot in enumerate(FEET):
        here = np.isin(row, [pair.joints.index(j) for j in foot])
        at = listed[here]
        step, who, body = recording.contact_step[at], person[here], row[here]
        up = np.maximum(recording.contact_forces[at, 2], 0)
        where, turned = recording.positions[step, who, body], recording.quats[step, who, body]
        on_foot = quat_rotate_inverse(turned, recording.contact_positions[at] - where)
        later = recording.positions[step + 1, who, body] + quat_rotate(recording.quats[step + 1, who, body], on_foot)
        np.add.at(moved[:, :, side], (step, who), (later - recording.contact_positions[at])[:, :2] * up[:, None])
        np.add.at(weight[:, :, side], (step, who), up)
    return (moved / np.maximum(weight, 1e-9)[..., None])[:-1]


def corner_motion(corners: np.ndarray, height: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the same of a clip, which knows no forces.

    A sole bears by its corners that are low in two frames in a row.

    Args:
        corners: Of the foot boxes in the world [m], shape (T, 2, 2, C, 3).
        height: What is low [m].

    Returns:
        How far the bearing points move [m], shape (T - 1, 2, 2, 2), and which soles bear, shape (T, 2, 2).
    """
    low = corners[..., 2] < height
    both = low[1:] & low[:-1]
    step = np.diff(corners[..., :2], axis=0) * both[..., None]
    moved = step.sum(axis=-2) / np.maximum(both.sum(axis=-1), 1)[..., None]
    return moved, np.asarray(low.any(axis=-1))


def find_stances(moved: np.ndarray, bears: np.ndarray, time: np.ndarray) -> list[Stance]:
    """Return every stance of every foot, and how far the sole goes in it.

    Formula: slip = max over t of |sum of the moves from touchdown to t|.

    Args:
        moved: Of the bearing points between steps [m], shape (S - 1, 2, 2, 2).
        bears: Whether a sole bears, shape (S, 2, 2).
        time: Of the steps [s], shape (S,).
    """
    shortest, bridge = steps_in(_SHORTEST, time), steps_in(_BRIDGE, time)
    found = []
    for person in range(bears.shape[1]):
        for side in range(2):
            for a, b in intervals(bears[:, person, side], shortest=shortest, bridge=bridge):
                path = np.cumsum(moved[a : b - 1, person, side], axis=0)
                off = np.concatenate([[0.0], np.linalg.norm(path, axis=-1)])
                at = int(off.argmax())
                times = float(time[a]), float(time[b - 1])
                found.append(Stance(person, side, *times, float(off[at]), float(time[a + at])))
    return found


def summarise_slip(stances: Sequence[Stance]) -> Slip:
    """Mean and worst of some stances."""
    if not stances:
        return Slip()
    worst = max(stances, key=lambda stance: stance.slip_m)
    mean = float(np.mean([stance.slip_m for stance in stances]))
    return Slip(len(stances), 100 * mean, 100 * worst.slip_m, worst.person, worst.side, worst.worst_s)


def touchdowns(load: np.ndarray, time: np.ndarray, *, enter: float = BEARING, leave: float = OFF) -> list[Interval]:
    """Return runs in which one sole is down: from bearing until it is off, first step and one past the last.

    A sole that is off for less than 0.05 s has not left the floor, as for stances.

    Args:
        load: In body weights, shape (S,).
        time: Of the steps [s], shape (S,).
        enter: It is down from here on.
        leave: And up under this.
    """
    down = hysteresis(load > enter, load > leave)
    return intervals(down, bridge=steps_in(_BRIDGE, time))


def drawn_touchdowns(heights: np.ndarray, *, enter: float = 0.01, leave: float = 0.02) -> list[Interval]:
    """Return the same of a drawn foot, from the height of its lowest corner over the floor [m], shape (T,)."""
    return intervals(hysteresis(heights < enter, heights < leave))
