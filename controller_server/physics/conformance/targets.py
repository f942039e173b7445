"""Joint targets: reached from rest about any axis; torques within the muscles' limits."""

from __future__ import annotations

import numpy as np

from controller_server.body.drive import from_middles
from controller_server.body.muscles import JOINTS, human_range, muscle_group
from controller_server.clip.rotation import quat_conj, quat_from_rotvec, quat_mul, rotvec_from_quat
from controller_server.clip.skeleton import JOINT_NAMES

from .check import Finding, Subject
from .scenes import LYING, neutral_pair, on_floor, seconds, start

_SHARES = (0.3, 0.95)
"""Parts of each joint's range that are asked for."""
_SOON, _LATE = 2.0, 4.0  # s


def targets_reached(subject: Subject) -> Finding:
    """Check that a target within a joint's human range is reached from rest, one joint of a person at a time.

    Asked about every axis that muscles move, in both directions, and about all of them at once with half of each
    range. People fall freely meanwhile, where no joint carries weight: what is left is the drive's own error. Far
    beyond human ranges a rotation-vector drive with little damping orbits its target, since it pulls sideways with
    tan(angle / 2) of what it pulls ahead; no joint goes there. Fingers are not judged.
    """
    pair, rng = neutral_pair(subject.hands), np.random.default_rng(7)
    names = [JOINT_NAMES[j] for j in pair.joints[1:]]
    asked = [(row, target) for row, name in enumerate(names) for target in _within_reach(name, rng)]
    rest = np.zeros((2, len(names), 3))
    # The first half is tried on supporters, the second on recipients.
    half = -(-len(asked) // 2)
    targets, judged = np.zeros((half, *rest.shape)), np.zeros((half, *rest.shape[:2]), bool)
    for k, (row, target) in enumerate(asked):
        targets[k % half, k // half, row] = target
        judged[k % half, k // half, row] = muscle_group(names[row]) != "finger"
    backend = subject.make(pair, half)
    start(backend, on_floor(pair, LYING, rest, apart=5.0, above=100.0), targets)
    found = []
    for duration in (_SOON, _LATE - _SOON):
        backend.step(seconds(backend, duration))
        reached = backend.state().local_quats[:, :, 1:]
        error = rotvec_from_quat(quat_mul(quat_conj(quat_from_rotvec(targets)), reached))
        found.append(np.rad2deg(np.linalg.norm(error, axis=-1)))
    worst = np.where(judged, found[-1], 0)
    row = int(worst.max(axis=(0, 1)).argmax())
    return Finding(
        bool(worst.max() <= 0.5),
        float(worst.max()),
        f"<= 0.5 degrees after {_LATE:g} s",
        f"{len(asked)} targets; after {_SOON:g} s {np.where(judged, found[0], 0).max():.3f}; worst joint {names[row]}",
    )


def _within_reach(name: str, rng: np.random.Generator) -> list[np.ndarray]:
    """Return targets [rad] within a joint's range: axis by axis, then several axes at once."""
    reach = human_range(name)
    reach[[axis in JOINTS[muscle_group(name)].ligaments for axis in "xyz"]] = 0
    targets = []
    for axis in np.flatnonzero(np.ptp(reach, axis=1)):
        for share in _SHARES:
            targets += [np.eye(3)[axis] * share * end for end in reach[axis]]
    return targets + [0.5 * rng.uniform(reach[:, 0], reach[:, 1]) for _ in range(2)]


def torques_within_limits(subject: Subject) -> Finding:
    """Return no muscle gives more than its limit, and what asks for more gets all of it."""
    pair = neutral_pair(subject.hands)
    rest = np.zeros((2, len(pair.joints) - 1, 3))
    backend = subject.make(pair, 1)
    share, asked = np.zeros((2, *rest.shape)), np.zeros((2, *rest.shape), bool)
    for k, way in enumerate((-1, 1)):
        targets = rest + way * 1.4 / np.sqrt(3)
        wanted = way * pair.kp * (from_middles(targets, pair.middles) - from_middles(rest, pair.middles))
        # Only drives whose gain asks for more than the limit at the start can show it.
        asked[k] = wanted > 1.05 * pair.torque_limits[..., k]
        start(backend, on_floor(pair, LYING, rest, apart=5.0, above=10.0), targets)
        for _ in range(seconds(backend, 0.5)):
            backend.step()
            share[k] = np.maximum(share[k], way * backend.torques()[0] / pair.torque_limits[..., k])
    lowest = float(share[asked].min())
    return Finding(
        bool(share.max() <= 1 + 1e-6 and lowest >= 0.99),
        float(share.max()),
        "<= 1 of the limit, and 0.99 or more where more is asked for",
        f"{int(asked.sum())} of {asked.size} axes ask for more than their limit and get {lowest:.3f} of it or more, "
        "in both directions",
    )
