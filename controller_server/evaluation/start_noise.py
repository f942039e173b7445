"""Noise of start states: place, heading, joints, velocities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.clip.rotation import quat_from_rotvec, quat_mul
from controller_server.clip.skeleton import forward_kinematics
from controller_server.core.errors import AssistMimicError
from controller_server.physics.backend import PairState


@dataclass(frozen=True)
class Noise:
    """Standard deviations of what is added to the first frame, each person by themselves.

    Attributes:
        place: Pelvis on the floor plane [m].
        heading: About the vertical [rad].
        joint: Each axis of each joint [rad].
        velocity: Pelvis [m/s].
        joint_velocity: [rad/s].
        friction: Half the width of the uniform distribution of the friction factor.
    """

    place: float = 0.01
    heading: float = 0.02
    joint: float = 0.02
    velocity: float = 0.05
    joint_velocity: float = 0.2
    friction: float = 0.2

    def of_start(self, factor: float) -> Noise:
        """Return the same with starts that differ by a factor; the friction is not of the start.

        Raises:
            AssistMimicError: the factor is out of range.
        """
        if not 0 <= factor <= 10:
            raise AssistMimicError(f"start noise: {factor:g} is outside 0-10; 1 is the usual one, 0 none")
        scaled = {name: factor * value for name, value in vars(self).items()}
        return Noise(**{**scaled, "friction": self.friction})


def noisy_start(start: PairState, pair: PairBody, trials: int, rng: np.random.Generator, noise: Noise) -> PairState:
    """Return states with noise, `trials` for each given; the lowest joint of each person stays at its height."""
    quats = np.repeat(start.local_quats, trials, axis=0)
    total = len(quats)
    turn = noise.joint * rng.standard_normal((*quats.shape[:-1], 3))
    turn[:, :, 0] = 0
    noisy = quat_mul(quats, quat_from_rotvec(turn))
    heading = np.zeros((total, 2, 3))
    heading[..., 2] = noise.heading * rng.standard_normal((total, 2))
    noisy[:, :, 0] = quat_mul(quat_from_rotvec(heading), noisy[:, :, 0])
    root = np.repeat(start.root_position, trials, axis=0)
    root[..., :2] += noise.place * rng.standard_normal((total, 2, 2))
    for person, body in enumerate(pair.people):
        offsets = body.skeleton.offsets
        lowest = [
            forward_kinematics(offsets, root[:, person], q[:, person], pair.joints)[0][..., 2].min(axis=-1)
            for q in (quats, noisy)
        ]
        root[:, person, 2] += lowest[0] - lowest[1]
    velocity = np.repeat(start.root_velocity, trials, axis=0)
    spin = np.repeat(start.joint_velocity, trials, axis=0)
    return PairState(
        root_position=root,
        local_quats=noisy,
        root_velocity=velocity + noise.velocity * rng.standard_normal(velocity.shape),
        root_spin=np.repeat(start.root_spin, trials, axis=0),
        joint_velocity=spin + noise.joint_velocity * rng.standard_normal(spin.shape),
    )
