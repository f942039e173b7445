"""A trained policy stepped by hand through the physics engine: python examples/play_policy.py [CLIP] [BUNDLE]."""

import sys

import numpy as np

from controller_server.clip.io.formats import read_clip
from controller_server.control.policy.bundle import read_bundle
from controller_server.control.policy.bundle_store import find_bundle
from controller_server.control.policy.policy import PolicyBase
from controller_server.control.reference.reference import Reference
from controller_server.control.reference.start import settled_start
from controller_server.physics.backend import EngineOptions
from controller_server.physics.engines import make_backend
from controller_server.pipeline.convert import pair_of
from controller_server.pipeline.settings import ConvertSettings
from controller_server.prepare import prepare


def main(clip_name: str = "pull_up", bundle_name: str = "helpers") -> None:
    """Play a policy frame by frame and print how far both people are from the clip, every half second."""
    settings = ConvertSettings(recipient_strength="paper_interx")
    clip = prepare(read_clip([clip_name]).clip, settings.prepare).clip
    pair = pair_of(clip, settings)
    reference = Reference.of(clip, pair)
    policy = PolicyBase(pair, reference, read_bundle(find_bundle(bundle_name).folder))
    world = make_backend("mujoco", pair, 1, EngineOptions(threads=1))
    world.set_state(settled_start(pair, reference))
    for frame in range(reference.n_frames - 1):
        targets = policy.targets(world, frame)  # joint targets [rad], shape (1, 2, J, 3)
        policy.executed(targets)
        world.set_targets(targets)
        world.set_grips(reference.grips[frame][None])
        world.step(pair.substeps)
        if frame % 15 == 14:
            apart = np.linalg.norm(world.positions()[0] - reference.positions[frame + 1], axis=-1).mean(axis=-1)
            supporter, recipient = 1000 * apart
            print(f"{(frame + 1) / reference.hz:4.1f} s: supporter {supporter:3.0f} mm, recipient {recipient:3.0f} mm")


if __name__ == "__main__":
    main(*sys.argv[1:])
