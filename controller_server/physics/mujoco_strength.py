"""Strength and mass of two people in a compiled MuJoCo model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import mujoco
import numpy as np

from controller_server.body.layout import PairLayout
from controller_server.body.pair import PairBody
from controller_server.body.strength import Strength


def strength_fields(
    pair: PairBody, model: mujoco.MjModel, layout: PairLayout, people: Sequence[Strength]
) -> Iterator[tuple[str, tuple[Any, ...], np.ndarray]]:
    """Give the model fields that change with the strength of (supporter, recipient), where in them, and their values.

    Args:
        pair: What the model was compiled from.
        model: With the pair's own strength.
        layout: Of the model.
        people: Their strength now.
    """
    for person, (body, strength) in enumerate(zip(pair.people, people, strict=True)):
        factor, bodies = strength.mass / body.strength.mass, layout.body[person]
        yield "body_mass", (bodies,), model.body_mass[bodies] * factor
        yield "body_inertia", (bodies,), model.body_inertia[bodies] * factor
        muscles, target = body.with_strength(strength), layout.target[person]
        stiffness = np.array([muscle.kp for muscle in muscles])
        limit = np.array([muscle.limit for muscle in muscles])
        yield "actuator_gainprm", (target, 0), stiffness
        yield "actuator_biasprm", (target, 1), -stiffness
        yield "actuator_forcerange", (target,), np.stack([-limit[..., 0], limit[..., 1]], axis=-1)
        yield "dof_damping", (layout.joint_qvel[person],), np.array([muscle.kd for muscle in muscles])
