"""What the tests of training share: two people who stand, and runs small enough for a test."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from controller_server.control.policy.retarget import RetargetSettings
from controller_server.terms import expand_terms
from helpers.standing import standing_pair
from training.env.scene import Scene
from training.env.step_context import StepContext
from training.settings.config import BodyConfig, PpoConfig, RewardConfig, StartConfig, TrainConfig

WEIGHTS = {"positions": 0.6, "rotations": 0.3, "power": -0.05}


def weighed(supporter: dict[str, float], recipient: dict[str, float], **more: float) -> RewardConfig:
    """Rewards that are weights alone."""
    return RewardConfig(expand_terms(supporter, "supporter"), expand_terms(recipient, "recipient"), **more)


def tiny(**changes: object) -> TrainConfig:
    """A run of four pairs."""
    base = {
        "name": "tiny",
        "pairs": 4,
        "horizon": 4,
        "steps": 32,
        "coarse": 0.0,
        "hidden": (16, 8),
        "reward": weighed(WEIGHTS, WEIGHTS),
        "start": StartConfig(first=0.5, kept=0.4, stride=2, slots=2),
        "ppo": PpoConfig(epochs=2, minibatches=2, critic_first=0, group_size=2),
    }
    return TrainConfig(**{**base, **changes})  # pyright: ignore[reportArgumentType]


@cache
def standing_scene() -> Scene:
    """One second of two people standing a metre apart, the recipient weak."""
    return Scene.of("standing", standing_pair(31), BodyConfig(), ready=True)


def moment(*, shift: float = 0.0, gate: float = 0.4, contact: bool = False) -> StepContext:
    """The standing pair, the supporter moved sideways, the recipient within reach of the right hand."""
    track = standing_scene().track
    goal = track.bodies(np.zeros(1, int))
    positions = goal.positions.copy()
    positions[:, 1] += positions[:, 0, 21:22] - positions[:, 1, 16:17] + 0.1  # a shoulder comes to the right hand
    goal = replace(goal, positions=positions)
    moved = positions.copy()
    moved[:, 0, :, 1] += shift
    joints, bodies = standing_scene().reference.targets.shape[2], positions.shape[2]
    nothing = np.zeros((1, 2, joints, 3), np.float32)
    return StepContext(
        now=replace(goal, positions=moved),
        reference=goal,
        goal=goal,
        shift=np.zeros((1, 2, 3), np.float32),
        grips=np.zeros((1, 2, 2), np.float32),
        balance=np.zeros((1, 2, 2, 3), np.float32),
        forces=np.zeros((1, 2, bodies, 3, 3), np.float32),
        torques=nothing,
        joint_velocity=nothing,
        action=nothing.reshape(1, 2, -1),
        last_action=nothing.reshape(1, 2, -1),
        hands=(20, 21),
        gate=gate,
        contact=contact,
        style=np.zeros((1, 2), np.float32),
        retarget=RetargetSettings(),
    )
