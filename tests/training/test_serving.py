"""Training and serving are one: a policy sees and does in the server what it saw and did in the environment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.policy_cases import untrained
from helpers.standing import standing_pair

from controller_server.body.drive import from_middles
from controller_server.control.policy.action import ActionSpec
from controller_server.control.policy.network import forward
from controller_server.control.policy.policy import PolicyBase
from controller_server.physics.mujoco_backend import BackendMujoco
from training.env.environment import PairEnvironment
from training.env.scene import Scene
from training.settings.config import BodyConfig, StartConfig, config_from_dict

FROM_THE_START = StartConfig(first=1.0, kept=0.0)


@pytest.mark.parametrize(
    "action",
    [ActionSpec(balance=True), ActionSpec(balance=True, slack=True), ActionSpec(), ActionSpec("absolute", 0.7, 1.0)],
)
def test_the_environment_and_the_player_agree(action: ActionSpec):
    """Give people who hold each other the same joint targets in both, frame after frame, memory and retargeting too."""
    clip = standing_pair(10)
    recipient = replace(clip.recipient, trans=clip.recipient.trans - np.array([0.5, 0.0, 0.0]))
    clip = replace(clip, recipient=recipient, grips=np.ones((10, 2, 2)))
    scene = Scene.of("near", clip, BodyConfig(), ready=True)
    defaults = config_from_dict({"name": "test", "reward": {"supporter": {"positions": 1.0}}}, "test")
    config = replace(
        defaults,
        pairs=defaults.ppo.group_size,
        action=action,
        start=FROM_THE_START,
        events={},
        coarse=0.0,
    )
    environment = PairEnvironment(config, [scene], threads=1)
    bundle = untrained(
        clip, scene.pair, last=3.0, terms=tuple(config.observation), action=action, retarget=config.retarget
    )
    assert config.retarget.enabled
    part = environment.worlds
    base = PolicyBase(scene.pair, scene.reference, bundle, n_worlds=config.pairs)
    seen = environment.reset()
    networks = [(bundle.card.networks[role], bundle.parameters[role]) for role in ("supporter", "recipient")]
    assert isinstance(part.backend, BackendMujoco)
    for frame in range(6):
        served = base.targets(part.backend, frame)
        base.executed(served)
        actions = np.stack([forward(*network, seen[:, person]) for person, network in enumerate(networks)], axis=1)
        seen = environment.step(actions).observation
        # What the environment really told the engine; nothing reads targets back through the protocol.
        trained = part.backend._ctrl[:, part.backend.layout.target]
        np.testing.assert_allclose(from_middles(served, scene.pair.middles), trained, atol=2e-5)
        assert np.abs(actions).max() > 0.01
    assert np.abs(seen[:, 0] - seen[:, 1]).max() > 0.01
