"""What the tests of training share: two people who stand, and runs small enough for a test."""

from __future__ import annotations

from functools import cache

from conftest import standing_pair

from training.config import BodyConfig, PpoConfig, RewardConfig, StartConfig, TrainConfig
from training.scene import Scene

WEIGHTS = {"positions": 0.6, "rotations": 0.3, "power": -0.05}


def tiny(**changes: object) -> TrainConfig:
    """A run of four pairs."""
    base = {
        "name": "tiny",
        "pairs": 4,
        "horizon": 4,
        "steps": 32,
        "coarse": 0.0,
        "hidden": (16, 8),
        "reward": RewardConfig(WEIGHTS, WEIGHTS),
        "start": StartConfig(first=0.5, kept=0.4, stride=2, slots=2),
        "ppo": PpoConfig(epochs=2, minibatches=2, critic_first=0, siblings=2),
    }
    return TrainConfig(**{**base, **changes})  # pyright: ignore[reportArgumentType]


@cache
def standing_scene() -> Scene:
    """One second of two people standing a metre apart, the recipient weak."""
    return Scene.of("standing", standing_pair(31), BodyConfig(), ready=True)
