"""Recording of a simulation, step by step: the raw material of results and measures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

TOUCH_PARTNER, TOUCH_FLOOR, TOUCH_PROP = 0, 1, 2


@dataclass(frozen=True)
class Recording:
    """One simulated pair at every physics step. S steps, 2 people (supporter, recipient), B bodies, J = B - 1 joints.

    Torques, forces, contacts, grips and wrench are those of the step that led to its time; at time zero, which no step
    led to, those of the first.

    Attributes:
        joints: SMPL-X joint index of each body.
        time: Since the clip's first frame [s], shape (S,).
        positions: Joint positions in the world [m], shape (S, 2, B, 3).
        quats: World rotations, shape (S, 2, B, 4).
        local_quats: Pelvis in the world, other joints relative to their parent, shape (S, 2, B, 4).
        com: Centre of mass [m], shape (S, 2, 3).
        torques: Torques of the joints' springs per axis [N m], shape (S, 2, J, 3).
        damper_torques: Torques of their dampers [N m], same shape. Spring and damper together are what muscles do.
        joint_velocity: Relative to the parent, in the child's axes [rad/s], same shape.
        torque_limits: Largest possible about each axis in negative and positive direction, both as positive numbers
            [N m], shape (2, J, 3, 2); infinite where ligaments hold an axis.
        forces: Net contact force on each body from partner, floor, prop (TOUCH_*), adhesion taken out [N, world],
            shape (S, 2, B, 3 kinds, 3).
        grips: Commanded grip of left and right hand, 0-1, shape (S, 2, 2).
        wrench: External force [N] and torque [N m] on the pelvis, world axes, shape (S, 2, 6). Zero unless assisted.
        mass: Of each person [kg], shape (2,).
        contact_step: Step index of each listed contact, shape (C,).
        contact_bodies: Body row of the first and second participant plus B for the recipient; -1 floor, -2 prop.
            Shape (C, 2); the first is always a person.
        contact_positions: In the world [m], shape (C, 3).
        contact_forces: Net force on the first participant [N, world], shape (C, 3).
    """

    joints: tuple[int, ...]
    time: np.ndarray
    positions: np.ndarray
    quats: np.ndarray
    local_quats: np.ndarray
    com: np.ndarray
    torques: np.ndarray
    damper_torques: np.ndarray
    joint_velocity: np.ndarray
    torque_limits: np.ndarray
    forces: np.ndarray
    grips: np.ndarray
    wrench: np.ndarray
    mass: np.ndarray
    contact_step: np.ndarray
    contact_bodies: np.ndarray
    contact_positions: np.ndarray
    contact_forces: np.ndarray


OnMotion = Callable[[str, Callable[[], "Recording"]], None]
"""Called with the attempt at work and a function that gives the motion as far as it is simulated."""
