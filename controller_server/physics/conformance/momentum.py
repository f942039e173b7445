"""Contact forces under load: they explain the motion, and the single contacts add up to them."""

from __future__ import annotations

import numpy as np

from controller_server.physics.recording import TOUCH_PARTNER

from .check import Finding, Subject
from .scenes import FLOOR, GRAVITY, neutral_pair, weight
from .struggle import Struggle


def forces_explain_motion(subject: Subject) -> Finding:
    """Newton's second law: contact forces, weight and pushes are the change of momentum, while two people struggle.

    Compared over every control frame, against the size of the forces in it (their sum over kinds) or the weight,
    whichever is larger. Integrators in joint space conserve momentum only as far as their step is short against the
    motion, hence a bound on the mean: forces read double, or from another step, are off by far more.
    """
    pair, n = neutral_pair(subject.hands), 4
    struggle, worlds = Struggle(pair, n, spread=0.1), np.arange(n)
    backend = subject.make(pair, n)
    struggle.begin(backend, worlds)
    mass, frame_time = np.array([person.mass for person in pair.people]), 1 / pair.control_hz
    errors, partner = [], []
    for frame in range(struggle.frames):
        struggle.command(backend, frame, worlds)
        before, forces, size = backend.com_velocity(), np.zeros((n, 2, 3)), np.zeros((n, 2))
        for _ in range(pair.substeps):
            backend.step()
            now = backend.forces().sum(axis=2)
            forces += now.sum(axis=2) / pair.substeps
            size += np.linalg.norm(now, axis=-1).sum(axis=-1) / pair.substeps
            partner.append(np.linalg.norm(now[:, :, TOUCH_PARTNER], axis=-1))
        gained = mass[:, None] * ((backend.com_velocity() - before) / frame_time + [0, 0, GRAVITY])
        missing = forces + struggle.wrench[frame, :, :, :3] - gained
        errors.append(np.linalg.norm(missing, axis=-1) / np.maximum(size, weight(pair)))
    mean = float(np.mean(errors))
    return Finding(
        mean <= 0.05,
        mean * 100,
        "<= 5 % of the forces' size, mean of control frames",
        f"worst frame {np.max(errors) * 100:.1f} %; force from the partner mean {np.mean(partner):.0f} N, "
        f"largest {np.max(partner):.0f} N",
    )


def list_matches_split(subject: Subject) -> Finding:
    """Check that the listed contacts of a world add up to the split forces.

    They do so body by body, at every step of a struggle.
    """
    pair = neutral_pair(subject.hands)
    struggle, world = Struggle(pair, 2), np.array([1])
    backend = subject.make(pair, 1)
    struggle.begin(backend, world)
    n_bodies, worst, count, gripped = len(pair.joints), 0.0, 0, 0.0
    for frame in range(struggle.frames):
        struggle.command(backend, frame, world)
        for _ in range(pair.substeps):
            steps = backend.record(1, ("forces",))
            listed, total = steps.contacts, np.zeros((2 * n_bodies, 3, 3))
            assert listed is not None
            for (first, second), force in zip(listed.bodies, listed.forces, strict=True):
                kind = {-1: FLOOR, -2: 2}.get(int(second), TOUCH_PARTNER)
                total[first, kind] += force
                if kind == TOUCH_PARTNER:
                    total[second, kind] -= force
            split = steps.readings["forces"][0, 0]
            worst = max(worst, float(np.abs(total.reshape(split.shape) - split).max()))
            count += len(listed.forces)
            hands = split[:, list(pair.hand_rows), TOUCH_PARTNER]
            gripped = max(gripped, float(np.linalg.norm(hands, axis=-1).max()))
    return Finding(
        worst <= 1e-6 and count > 0,
        worst,
        "<= 1e-6 N on any body",
        f"{count} contacts in {struggle.frames} control frames; largest force on a hand {gripped:.0f} N",
    )
