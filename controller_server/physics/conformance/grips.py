"""Grip: net forces, the partner only, a human limit."""

from __future__ import annotations

import numpy as np

from controller_server.body.muscles import muscle_group
from controller_server.body.pair import PairBody
from controller_server.clip.interaction import Prop
from controller_server.clip.skeleton import JOINT_NAMES, R_WRIST
from controller_server.physics.backend import Backend
from controller_server.physics.recording import TOUCH_PARTNER, TOUCH_PROP

from .check import Finding, Subject
from .scenes import (
    FLOOR,
    LYING,
    STANDING,
    at_rest,
    bent_wrists,
    mean_forces,
    neutral_pair,
    on_floor,
    palm_to_palm,
    pose_targets,
    seconds,
    start,
    weight,
)

_BOTH = np.array([[1.0, 0], [0, 1]])  # supporter's left, recipient's right hand
_ONE = np.array([[1.0, 0], [0, 0]])


def unloaded_grip(subject: Subject) -> Finding:
    """Return two hands that grip each other and carry nothing read nothing, and yet they hold.

    They lie on a floor without friction, so that nothing but the hands could hold them in place.
    """
    pair = neutral_pair(subject.hands, friction=0.0)
    backend = _joined(subject, pair, _BOTH)
    backend.step(seconds(backend, 1.0))
    forces = mean_forces(backend, 1.0)[0]
    felt = np.linalg.norm(forces[[0, 1], list(pair.hand_rows), TOUCH_PARTNER], axis=-1)
    before = _gap(backend)
    _settle(backend, 50.0, 1.0)
    drawn = _gap(backend) - before
    return Finding(
        bool(felt.max() <= 5.0 and drawn < 0.05),
        float(felt.max()),
        "<= 5 N on either hand, both grips on",
        f"grips of {pair.grip_force:g} N; then drawn apart with 50 N for 1 s the wrists part by {drawn * 1e3:.0f} mm",
    )


def weight_with_grips(subject: Subject) -> Finding:
    """With grips on the floor still carries each person's weight, standing and lying hand in hand."""
    pair, share = neutral_pair(subject.hands), []
    for quat in (STANDING, LYING):
        backend = _joined(subject, pair, _BOTH, quat)
        backend.step(seconds(backend, 1.0))
        forces = mean_forces(backend, 1.0)[0]
        share.append(forces[:, :, [TOUCH_PARTNER, FLOOR], 2].sum(axis=(1, 2)) / weight(pair))
        share.append(forces[:, :, FLOOR, 2].sum(axis=1) / weight(pair))
    error = float(np.abs(np.stack(share) - 1).max())
    words = [f"{name} {s[0]:.4f} and {s[1]:.4f}" for name, s in zip(("standing", "lying"), share[1::2], strict=True)]
    return Finding(error <= 0.02, error * 100, "<= 2 % of the weight", f"floor carries {', '.join(words)}")


def grip_reads_load(subject: Subject) -> Finding:
    """Check that a hand pulled with 150 N reads what its person's motion leaves of the 150 N (Newton's second law)."""
    pair, load = neutral_pair(subject.hands, friction=0.0), 150.0
    backend = _joined(subject, pair, _ONE)
    for share in np.linspace(0, 1, seconds(backend, 1.0)):
        _pull(backend, share * load)
        backend.step()
    steps, duration = seconds(backend, 0.5), 0.5
    total, before = np.zeros((2, 3)), backend.com_velocity()[0]
    for _ in range(steps):
        _pull(backend, load)
        backend.step()
        total += backend.forces()[0, :, :, TOUCH_PARTNER].sum(axis=1) / steps
    mass = np.array([person.mass for person in pair.people])
    gained = mass * (backend.com_velocity()[0] - before)[:, 0] / duration
    expected = gained - np.array([-load, load])
    error = float(np.abs(total[:, 0] - expected).max())
    return Finding(
        bool(error <= 5.0 and np.abs(total[:, 0]).min() > 0.8 * load),
        error,
        "within 5 N of the load",
        f"supporter reads {total[0, 0]:.2f} N of {expected[0]:.2f}, recipient {total[1, 0]:.2f} N of {expected[1]:.2f}",
    )


def grip_capacity(subject: Subject) -> Finding:
    """Return one gripping hand holds a growing pull up to a human limit and then lets go."""
    pair = neutral_pair(subject.hands, friction=0.0)
    backend, rate = _joined(subject, pair, _ONE), 100.0  # N/s
    start_gap = _gap(backend)
    force = 0.0
    for k in range(seconds(backend, 6.0)):
        force = rate * k / pair.physics_hz
        _pull(backend, force)
        backend.step()
        if _gap(backend) - start_gap > 0.05:
            break
    else:
        force = np.inf
    return Finding(
        200 <= force <= 450,
        force,
        "lets go between 200 and 450 N",
        f"grip_force {pair.grip_force:g} N, one of the hands grips; the pull across the palms grows by {rate:g} N/s",
    )


def _joined(subject: Subject, pair: PairBody, grips: np.ndarray, root_quat: np.ndarray = LYING) -> Backend:
    """Return a pair with arms out, palms touching, settled for a second; lying unless told."""
    backend = subject.make(pair, 1)
    start(backend, palm_to_palm(pair, root_quat), bent_wrists(pair), grips)
    backend.step(seconds(backend, 1.0))
    return backend


def _pull(backend: Backend, force: float) -> None:
    """Draw the pelves apart along X, with the torque that makes each force act in line with the joined hands."""
    positions = backend.positions()[0]
    hands = positions[[0, 1], list(backend.pair.hand_rows)].mean(axis=0)
    forces = np.array([[-force, 0, 0], [force, 0, 0]])
    wrench = np.concatenate([forces, np.cross(hands - positions[:, 0], forces)], axis=-1)
    backend.set_wrench(wrench[None])


def _settle(backend: Backend, force: float, duration: float) -> None:
    for _ in range(seconds(backend, duration)):
        _pull(backend, force)
        backend.step()


def _gap(backend: Backend) -> float:
    """Distance of the joined wrists [m]."""
    wrists = backend.positions()[0, [0, 1], list(backend.pair.hand_rows)]
    return float(np.linalg.norm(wrists[0] - wrists[1]))


def grip_partner_only(subject: Subject) -> Finding:
    """Check that a gripping hand that lies on the floor or on a prop is not held by it.

    Forces are those of an open hand.
    """
    plain = neutral_pair(subject.hands)
    rest = bent_wrists(plain)
    press = pose_targets(plain, left_shoulder=(0, 0.8, 0), right_shoulder=(0, -0.4, 0))
    roots = on_floor(plain, LYING, rest, apart=4.0, above=0.1).root_position[0]
    wrist = roots[0] + plain.supporter.skeleton.rest_joints[R_WRIST] - plain.supporter.skeleton.rest_joints[0]
    # Under the right hand alone, not under its forearm.
    box = Prop("block", np.array([wrist[0] - 0.07, wrist[1] - 0.05, 0.05]), np.array([0.14, 0.3, 0.1]))
    pair = neutral_pair(subject.hands, props=(box,))
    state, targets = at_rest(roots, LYING, rest), rest + press
    forces = []
    for grip in (0.0, 1.0):
        backend = subject.make(pair, 1)
        start(backend, state, targets, grip)
        backend.step(seconds(backend, 2.0))
        forces.append(mean_forces(backend, 1.0)[0])
    wrist_row = pair.hand_rows[1]
    left_hand = [row for row, j in enumerate(pair.joints) if _is_hand(JOINT_NAMES[j], "left")]
    floor = float(np.linalg.norm(forces[1][0, left_hand, FLOOR].sum(axis=0)))
    prop = float(np.linalg.norm(forces[1][0, wrist_row, TOUCH_PROP]))
    change = float(np.abs(forces[1] - forces[0]).max())
    return Finding(
        change <= 1.0 and floor > 5 and prop > 5,
        change,
        "<= 1 N of change by gripping",
        f"hand on the floor {floor:.0f} N, hand on the block {prop:.0f} N; both must be over 5 N for this to count",
    )


def _is_hand(joint: str, side: str) -> bool:
    return joint.startswith(side) and muscle_group(joint) in ("wrist", "finger")
