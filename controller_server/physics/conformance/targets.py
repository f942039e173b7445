"""Joint targets: reached from rest about any axis; torques within the muscles' limits."""

from __future__ import annotations

import numpy as np

from ...body.strength import muscle_group
from ...clip.rotation import quat_conj, quat_from_rotvec, quat_mul, rotvec_from_quat
from ...clip.skeleton import JOINT_NAMES
from .check import Finding, Subject
from .scenes import LYING, neutral_pair, on_floor, seconds, start

_ANGLES = np.deg2rad([5, 60, 90, 140, 150])
_QUICK, _SURE = np.deg2rad(90.1), np.deg2rad(140.1)
_SOON, _LATE = 2.0, 4.0  # s


def targets_reached(subject: Subject) -> Finding:
    """A rotation-vector target about a random axis is reached from rest, one joint of a person at a time.

    People fall freely meanwhile, where no joint carries weight: what is left is the drive's own error. Up to 90
    degrees it has 2 s, up to 140 it has 4: human limits bound the speed at limit / Kd, and a rotation-vector drive
    pulls towards a far target by (angle / 2) cot(angle / 2) only, 0.48 at 140 and 0.35 at 150 degrees, and sideways
    by angle / 2. What is heavy for its damping orbits a target of 150 degrees; that is measured and may be 5 degrees.
    Fingers move at 0.5 rad/s at most and are not judged.
    """
    pair, rng = neutral_pair(subject.hands), np.random.default_rng(7)
    n_joints = len(pair.joints) - 1
    slow = np.array([muscle_group(JOINT_NAMES[j]) == "finger" for j in pair.joints[1:]])
    rest = np.zeros((2, n_joints, 3))
    # World (angle, k) tries joint k on the supporter and joint k + half on the recipient.
    half = -(-n_joints // 2)
    targets = np.zeros((len(_ANGLES), half, *rest.shape))
    for k in range(half):
        for person, row in enumerate((k, (k + half) % n_joints)):
            axes = rng.standard_normal((len(_ANGLES), 3))
            targets[:, k, person, row] = axes / np.linalg.norm(axes, axis=-1, keepdims=True) * _ANGLES[:, None]
    targets = targets.reshape(-1, *rest.shape)
    backend = subject.make(pair, len(targets))
    start(backend, on_floor(pair, LYING, rest, apart=5.0, above=100.0), targets)
    found, fingers = [], []
    for duration in (_SOON, _LATE - _SOON):
        backend.step(seconds(backend, duration))
        reached = backend.state().local_quats[:, :, 1:]
        error = rotvec_from_quat(quat_mul(quat_conj(quat_from_rotvec(targets)), reached))
        angle = np.rad2deg(np.linalg.norm(error, axis=-1))
        fingers.append(angle[:, :, slow].max(initial=0))
        found.append(angle[:, :, ~slow].reshape(len(_ANGLES), -1).max(axis=1))
    soon, late = found
    worst = float(max(soon[_ANGLES < _QUICK].max(), late[_ANGLES < _SURE].max()))
    words = [f"{np.rad2deg(a):.0f}: {s:.3f} / {t:.3f}" for a, s, t in zip(_ANGLES, soon, late, strict=True)]
    return Finding(
        bool(worst <= 0.5 and late.max() <= 5.0),
        worst,
        f"<= 0.5 degrees: to 90 degrees after {_SOON:g} s, to 140 after {_LATE:g} s",
        f"worst of {int((~slow).sum())} joints by angle after {_SOON:g} / {_LATE:g} s: {', '.join(words)}"
        + (f"; fingers, not judged, are up to {fingers[0]:.0f} / {fingers[1]:.0f} short" if slow.any() else ""),
    )


def torques_within_limits(subject: Subject) -> Finding:
    """No muscle gives more than its limit, and what asks for more gets all of it."""
    pair = neutral_pair(subject.hands)
    rest = np.zeros((2, len(pair.joints) - 1, 3))
    backend = subject.make(pair, 1)
    targets = rest + [1.4, 0, 0]
    start(backend, on_floor(pair, LYING, rest, apart=5.0, above=10.0), targets)
    peak = np.zeros(rest.shape)
    for _ in range(seconds(backend, 0.5)):
        backend.step()
        peak = np.maximum(peak, np.abs(backend.torques()[0]))
    share = peak.max(axis=-1) / pair.torque_limits
    # Only drives whose gain asks for more than the limit at the start can show it.
    gains = np.array([[muscle.kp for muscle in person.muscles] for person in pair.people])
    asked = gains * 1.4 > 1.05 * pair.torque_limits
    lowest = float(share[asked].min())
    return Finding(
        bool(share.max() <= 1 + 1e-6 and lowest >= 0.99),
        float(share.max()),
        "<= 1 of the limit, and 0.99 or more where more is asked for",
        f"{int(asked.sum())} of {asked.size} joints ask for more than their limit and get {lowest:.3f} of it or more",
    )
