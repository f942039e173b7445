"""What the tests of the controllers share: searches small enough for a test, worlds moved off the reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.rotation import quat_from_rotvec, quat_mul
from controller_server.control.reference.reference import Reference
from controller_server.control.search.search import SearchSettings
from controller_server.physics.mujoco_backend import BackendMujoco
from helpers.standing import standing_pair

TINY = SearchSettings(samples=16, iterations=1, horizon=4, execute=3, hold=3)

NOTHING = np.zeros(3)


def standing(n_frames: int = 5) -> tuple[InteractionClip, PairBody, Reference]:
    """Two people who stand still a metre apart: the supporter looks along +X, the recipient along -X."""
    clip = standing_pair(n_frames)
    pair = PairBody.from_clip(clip)
    return clip, pair, Reference.of(clip, pair)


def displaced(
    pair: PairBody,
    reference: Reference,
    *,
    supporter: ArrayLike = NOTHING,
    recipient: ArrayLike = NOTHING,
    turn: ArrayLike = NOTHING,
    velocity: ArrayLike = NOTHING,
    sensors: bool = False,
) -> BackendMujoco:
    """One world at the reference's first frame with the people put elsewhere.

    Args:
        pair: Whose bodies.
        reference: What they are moved off.
        supporter: How far the supporter is moved [m].
        recipient: How far the recipient is moved [m].
        turn: Rotation of the supporter about the pelvis, world axes [rad].
        velocity: Added to the supporter's pelvis [m/s].
        sensors: Whether contact forces can be read.
    """
    backend = BackendMujoco(pair, 1, threads=1, sensors=sensors)
    start = reference.state[:1]
    quats = start.local_quats.copy()
    quats[:, 0, 0] = quat_mul(quat_from_rotvec(np.asarray(turn, float)), quats[:, 0, 0])
    moved = np.stack([np.asarray(supporter, float), np.asarray(recipient, float)])
    pushed = np.stack([np.asarray(velocity, float), NOTHING])
    backend.set_state(
        replace(
            start,
            root_position=start.root_position + moved,
            root_velocity=start.root_velocity + pushed,
            local_quats=quats,
        )
    )
    return backend
