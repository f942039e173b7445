"""Weight, free fall, friction: what the floor does to a person."""

from __future__ import annotations

import numpy as np

from .check import Finding, Subject
from .scenes import (
    FLOOR,
    GRAVITY,
    LYING,
    STANDING,
    arms_down,
    mean_forces,
    neutral_pair,
    on_floor,
    seconds,
    start,
    weight,
)

_DROP = 1.0  # m
_PUSHES = 2 * np.pi * np.arange(4) / 4 + 0.3  # rad, directions of the pushes, one a world


def fall_time(subject: Subject) -> Finding:
    """Return both people, held rigid by their joint targets, fall one metre in sqrt(2 h / g)."""
    pair = neutral_pair(subject.hands)
    targets = np.zeros((2, len(pair.joints) - 1, 3))
    backend = subject.make(pair, 1)
    start(backend, on_floor(pair, LYING, targets, apart=3.0, above=2 * _DROP), targets)
    heights, times = [backend.positions()[0, :, 0, 2]], [0.0]
    for _ in range(seconds(backend, 0.6)):
        backend.step()
        heights.append(backend.positions()[0, :, 0, 2])
        times.append(float(backend.time()[0]))
    fallen = heights[0] - np.array(heights)
    measured = np.array([np.interp(_DROP, fallen[:, person], times) for person in range(2)])
    expected = np.sqrt(2 * _DROP / GRAVITY)
    error = float(np.abs(measured - expected).max()) * 1e3
    step = 1e3 / pair.physics_hz
    return Finding(
        error <= step,
        error,
        f"<= {step:.1f} ms, one physics step",
        f"fell {_DROP:g} m in {measured[0]:.4f} and {measured[1]:.4f} s, sqrt(2h/g) = {expected:.4f} s",
    )


def landing_time(subject: Subject) -> Finding:
    """Check that the floor is first felt when the lowest point of the body has fallen to it.

    It is felt neither before nor later.
    """
    pair = neutral_pair(subject.hands)
    targets = np.zeros((2, len(pair.joints) - 1, 3))
    backend = subject.make(pair, 1)
    start(backend, on_floor(pair, LYING, targets, apart=3.0, above=_DROP), targets)
    landed = np.full(2, np.nan)
    for _ in range(seconds(backend, 0.6)):
        backend.step()
        felt = np.linalg.norm(backend.forces()[0, :, :, FLOOR].sum(axis=1), axis=-1) > 1.0
        landed = np.where(np.isnan(landed) & felt, float(backend.time()[0]), landed)
    expected = np.sqrt(2 * _DROP / GRAVITY)
    error = float(np.nan_to_num(np.abs(landed - expected), nan=np.inf).max()) * 1e3
    # The step that first touches starts after the fall's end and its force is read at its own end.
    limit = 2e3 / pair.physics_hz
    return Finding(
        error <= limit,
        error,
        f"<= {limit:.1f} ms, two physics steps",
        f"floor felt at {landed[0]:.4f} and {landed[1]:.4f} s, sqrt(2h/g) = {expected:.4f} s",
    )


def resting_weight(subject: Subject) -> Finding:
    """Check that the floor carries the weight of somebody lying on the back and of somebody standing."""
    pair, worst, words = neutral_pair(subject.hands), 0.0, []
    for name, quat in (("lying", LYING), ("standing", STANDING)):
        targets = np.stack([arms_down(pair)] * 2)
        backend = subject.make(pair, 1)
        start(backend, on_floor(pair, quat, targets, apart=2.0, above=0.005), targets)
        backend.step(seconds(backend, 2.0))
        forces = mean_forces(backend, 1.0)[0]
        share = forces[:, :, FLOOR].sum(axis=1) / weight(pair)[:, None]
        others = float(np.linalg.norm(np.delete(forces, FLOOR, axis=2), axis=-1).max())
        error = float(np.abs(share - [0, 0, 1]).max()) if others < 1e-9 else np.inf
        worst = max(worst, error)
        words.append(f"{name} {share[0, 2]:.5f} and {share[1, 2]:.5f} of the weight")
    return Finding(worst <= 0.02, worst * 100, "<= 2 % of the weight, any axis", "; ".join(words))


def _pushed(subject: Subject, share: float, friction: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Check that what people do who are pushed with a share of the cone's limit, in four worlds by direction.

    Args:
        subject: The engine.
        share: Of the limit at the pair's own friction.
        friction: Factor on the friction of each world; the pair's own everywhere by default.

    Returns:
        Speed of the centre of mass from 1 to 2 s [m/s] and its distance within the first 0.5 s [m], shapes (4, 2).
    """
    pair = neutral_pair(subject.hands)
    targets = np.stack([arms_down(pair)] * 2)
    backend = subject.make(pair, len(_PUSHES))
    if friction is not None:
        backend.set_friction(friction)
    start(backend, on_floor(pair, LYING, targets, apart=3.0, above=0.005), targets)
    backend.step(seconds(backend, 2.0))
    wrench = np.zeros((len(_PUSHES), 2, 6))
    force = share * pair.friction * weight(pair)
    wrench[:, :, 0], wrench[:, :, 1] = np.outer(np.cos(_PUSHES), force), np.outer(np.sin(_PUSHES), force)
    # With the torque that makes it act in line with the centre of mass: otherwise people turn where they lie.
    wrench[:, :, 3:] = np.cross(backend.com() - backend.positions()[:, :, 0], wrench[:, :, :3])
    wrench[:, :, 3:5] = 0
    backend.set_wrench(wrench)
    at = [backend.com()[..., :2].copy()]
    for _ in range(4):
        backend.step(seconds(backend, 0.5))
        at.append(backend.com()[..., :2].copy())
    return np.linalg.norm(at[4] - at[2], axis=-1), np.linalg.norm(at[1] - at[0], axis=-1)


def friction_holds(subject: Subject) -> Finding:
    """Check that a lying person who is pushed with half of what friction can hold creeps no faster than 3 mm/s."""
    speed, distance = _pushed(subject, 0.5)
    return Finding(
        bool(speed.max() <= 0.003),
        float(speed.max()) * 1e3,
        "<= 3 mm/s at 0.5 of the cone",
        f"4 directions, 2 people; the pelvis' give moves the centre of mass by {distance.max() * 1e3:.1f} mm at first",
    )


def friction_slips(subject: Subject) -> Finding:
    """Check that the same person slips when pushed with 1.1 times of what friction can hold."""
    _, distance = _pushed(subject, 1.1)
    # A rigid block gains 0.1 g; a limp body bends and tumbles forwards, so this is the least it moves.
    rigid = 0.5 * 0.1 * GRAVITY * 0.5**2
    return Finding(
        bool(distance.min() >= 0.75 * rigid),
        float(distance.min()),
        f">= {0.75 * rigid:.3f} m in 0.5 s at 1.1 of the cone",
        f"farthest {distance.max():.3f} m; a rigid block would move {rigid:.3f} m",
    )


def friction_of_worlds(subject: Subject) -> Finding:
    """Pushed with half of what friction can hold, people slip in the worlds with 0.4 of it and only in those."""
    factors = np.where(np.arange(len(_PUSHES)) % 2, 0.4, 1.0)
    _, distance = _pushed(subject, 0.5, factors)
    slippery, plain = distance[factors < 1].min(), distance[factors == 1].max()
    rigid = 0.5 * 0.1 * GRAVITY * 0.5**2
    return Finding(
        bool(slippery >= 0.75 * rigid > plain),
        float(slippery),
        f">= {0.75 * rigid:.3f} m in 0.5 s where slippery, less elsewhere",
        f"at full friction at most {plain:.3f} m",
    )
