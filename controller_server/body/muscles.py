"""Torque limits, springs and dampers of an adult's joints, axis by axis and direction by direction.

Axes are those of the SMPL-X rest pose (a T-pose): x to the person's left, y up, z ahead. Rows describe the left side;
the right side is its mirror image, in which rotations about y and z change their sign. `docs/body.md` says where each
number comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from controller_server.clip.rotation import quat_from_rotvec, rotvec_from_quat

Span = tuple[float, float]
"""Of negative and of positive rotation about an axis."""

PASSIVE_DAMPING = 0.1
"""Share of the damping that belongs to tissue and stays where a muscle is weak or paralysed."""
STOP_GIVE = 0.15
"""How far a joint stop yields to a torque at the axis' limit [rad]."""


@dataclass(frozen=True)
class JointStrength:
    """One joint of an adult man of 20 to 50, on the left side.

    Attributes:
        torque: Largest torque about x, y, z, for each direction [N m per kg of body mass].
        reach: Human range about x, y, z, as components of the rotation vector [degrees].
        give: Error at which the spring asks for the geometric mean of the two limits [rad].
        armature: Inertia that tendons and muscle add about every axis [kg m2].
        ligaments: Axes held by ligaments: as stiff as the strongest axis, not counted as muscle.
        speed: At which the damper takes the geometric mean of the two limits [rad/s].
        stops: Axes whose ends of range are stops that carry load.
        middle: Rotation vector about which the spring measures angles, near the middle of the range [degrees]. A
            spring about three axes pulls sideways with tan(angle / 2) of what it pulls ahead, and orbits far from its
            middle if little damps it.
    """

    torque: tuple[Span, Span, Span]
    reach: tuple[Span, Span, Span]
    give: float
    armature: float
    speed: float = 13.0
    ligaments: str = ""
    stops: str = ""
    middle: tuple[float, float, float] = (0.0, 0.0, 0.0)


def _even(value: float) -> Span:
    return (value, value)


def _within(degrees: float) -> Span:
    return (-degrees, degrees)


JOINTS: Mapping[str, JointStrength] = {
    "hip": JointStrength(
        torque=((1.9, 2.8), _even(0.8), (1.7, 1.6)),  # flexion, extension; rotation in, out; adduction, abduction
        reach=((-125, 30), (-50, 55), (-35, 55)),
        give=0.2,
        armature=0.02,
        stops="x",
        middle=(-45.0, 0.0, 0.0),
    ),
    "knee": JointStrength(
        torque=((3.0, 1.3), _even(1.5), _even(1.5)),  # extension, flexion; ligaments
        reach=((-3, 150), _within(20), _within(15)),
        give=0.18,
        armature=0.02,
        ligaments="yz",
        stops="x",
        middle=(70.0, 0.0, 0.0),
    ),
    "ankle": JointStrength(
        torque=((0.6, 2.0), _even(0.4), _even(0.4)),  # dorsiflexion, plantarflexion; turning; inversion, eversion
        reach=((-35, 55), _within(30), _within(30)),
        give=0.07,
        speed=9.0,
        armature=0.01,
        stops="x",
    ),
    "toe": JointStrength(
        torque=((0.1, 0.25), _even(0.3), _even(0.3)),  # extension, flexion; ligaments
        reach=((-70, 45), _within(15), _within(15)),
        give=0.1,
        armature=0.004,
        ligaments="yz",
    ),
    "trunk": JointStrength(
        torque=((3.8, 2.2), _even(1.2), _even(2.0)),  # extension, flexion; rotation; bending to a side
        reach=((-30, 50), _within(35), _within(30)),
        give=0.25,
        armature=0.02,
    ),
    "neck": JointStrength(
        torque=((0.6, 0.35), _even(0.2), _even(0.4)),  # extension, flexion; rotation; bending to a side
        reach=((-50, 50), _within(60), _within(40)),
        give=0.25,
        armature=0.01,
    ),
    "collar": JointStrength(
        torque=(_even(1.2), _even(1.2), _even(1.4)),  # tilting; shoulder ahead, back; down, up
        reach=(_within(30), _within(35), (-25, 45)),
        give=0.25,
        armature=0.02,
    ),
    "shoulder": JointStrength(
        torque=((0.5, 0.7), (1.1, 1.2), (1.3, 0.9)),  # rotation out, in; flexion, extension; adduction, abduction
        reach=(_within(75), (-135, 60), (-100, 90)),
        give=0.2,
        speed=10.0,
        armature=0.02,
        middle=(0.0, -25.0, -40.0),
    ),
    "elbow": JointStrength(
        torque=(_even(0.25), (1.0, 0.75), _even(1.2)),  # forearm rotation; flexion, extension; ligaments
        reach=(_within(90), (-150, 5), _within(15)),
        give=0.2,
        armature=0.01,
        ligaments="z",
        stops="y",
        middle=(0.0, -70.0, 0.0),
    ),
    "wrist": JointStrength(
        torque=(_even(0.2), _even(0.2), (0.25, 0.18)),  # turning; towards thumb, little finger; flexion, extension
        reach=(_within(60), _within(45), _within(80)),
        give=0.2,
        armature=0.003,
    ),
    "finger": JointStrength(
        torque=(_even(0.05), _even(0.05), _even(0.05)),
        reach=(_within(60), _within(60), _within(110)),
        give=0.2,
        armature=0.001,
    ),
}
"""Joints by their muscle group."""

_GROUP_OF_PART = {
    "hip": "hip",
    "knee": "knee",
    "ankle": "ankle",
    "foot": "toe",
    "spine1": "trunk",
    "spine2": "trunk",
    "spine3": "trunk",
    "neck": "neck",
    "head": "neck",
    "collar": "collar",
    "shoulder": "shoulder",
    "elbow": "elbow",
    "wrist": "wrist",
}
LEGS = ("hip", "knee", "ankle", "toe")
ARMS = ("collar", "shoulder", "elbow", "wrist", "finger")
SIDES = ("left", "right")


def muscle_group(joint_name: str) -> str:
    """Return the muscle group of an SMPL-X joint other than the pelvis ("left_knee" gives "knee")."""
    return _GROUP_OF_PART.get(joint_name.split("_")[-1], "finger")


def side_of(joint_name: str) -> str:
    """Return "left" or "right", or an empty text for joints in the middle."""
    side = joint_name.split("_")[0]
    return side if side in SIDES else ""


def _mirrored(spans: np.ndarray, joint_name: str, *, signed: bool) -> np.ndarray:
    """Return a left joint's spans, shape (3, 2), for the side that a joint is on."""
    if side_of(joint_name) != "right":
        return spans
    turned = spans.copy()
    turned[1:] = -spans[1:, ::-1] if signed else spans[1:, ::-1]
    return turned


def adult_torque(joint_name: str) -> np.ndarray:
    """Return an adult's largest torques about x, y, z in negative and positive direction [N m/kg], shape (3, 2)."""
    return _mirrored(np.array(JOINTS[muscle_group(joint_name)].torque), joint_name, signed=False)


def human_range(joint_name: str) -> np.ndarray:
    """Return the human range about x, y, z, as components of the rotation vector [rad], shape (3, 2)."""
    return np.deg2rad(_mirrored(np.array(JOINTS[muscle_group(joint_name)].reach, float), joint_name, signed=True))


def spring_middle(joint_name: str) -> np.ndarray:
    """Return the rotation about which a joint's spring measures angles, shape (4,)."""
    turn = np.deg2rad(JOINTS[muscle_group(joint_name)].middle)
    if side_of(joint_name) == "right":
        turn[1:] *= -1
    return quat_from_rotvec(turn)


@dataclass(frozen=True)
class Muscle:
    """The drive of one joint of one person: torque = clip(Kp (target - angle), limits) - Kd velocity, axis by axis.

    Angles are components of the rotation vector from `spring_middle`; axes are the child's.

    Attributes:
        kp: Stiffness about x, y, z [N m/rad].
        kd: Damping about x, y, z [N m s/rad].
        limit: Largest torque of the spring about x, y, z in negative and positive direction, both as positive
            numbers [N m].
        ligament: Whether ligaments hold an axis, not muscles.
    """

    kp: tuple[float, float, float]
    kd: tuple[float, float, float]
    limit: tuple[Span, Span, Span]
    ligament: tuple[bool, bool, bool]


def muscle_of(joint_name: str, mass: float, *, strength: float = 1.0, gain: float = 1.0, cap: float = np.inf) -> Muscle:
    """Return the drive of a joint.

    Kp and Kd follow the limits: Kp = sqrt(L- L+) / give, Kd = sqrt(L- L+) / speed, with L the adult's limits
    times the strength. Ligaments are as stiff as the joint's stiffest muscle axis and do not weaken.

    Args:
        joint_name: SMPL-X joint.
        mass: Body mass that the limits per kg belong to [kg].
        strength: Factor on an adult's limits; 0 is paralysed.
        gain: Further factor on Kp and Kd alone.
        cap: Bound of every muscle's torque [N m].
    """
    row = JOINTS[muscle_group(joint_name)]
    torque = adult_torque(joint_name) * mass
    ligament = np.array([axis in row.ligaments for axis in "xyz"])
    middle = np.sqrt(torque.prod(axis=1))
    stiffest = middle[~ligament].max()
    size = np.where(ligament, stiffest, middle * strength)
    tissue = np.where(ligament, stiffest, middle * (PASSIVE_DAMPING + (1 - PASSIVE_DAMPING) * strength))
    limit = np.where(ligament[:, None], torque, np.minimum(torque * strength, cap))
    factor = np.where(ligament, 1.0, gain)
    return Muscle(
        kp=_three(size / row.give * factor),
        kd=_three(tissue / row.speed * factor),
        limit=(_span(limit[0]), _span(limit[1]), _span(limit[2])),
        ligament=(bool(ligament[0]), bool(ligament[1]), bool(ligament[2])),
    )


def _three(values: np.ndarray) -> tuple[float, float, float]:
    return (float(values[0]), float(values[1]), float(values[2]))


def _span(values: np.ndarray) -> Span:
    return (float(values[0]), float(values[1]))


@dataclass(frozen=True)
class JointStop:
    """An end of a joint's range: a one-sided spring about one axis.

    Attributes:
        axis: 0, 1 or 2 for x, y, z.
        angle: Component of the rotation vector from `spring_middle` at which it begins [rad].
        upper: Whether it holds angles above it back, else those below.
        stiffness: [N m/rad].
        most: Largest torque [N m].
    """

    axis: int
    angle: float
    upper: bool
    stiffness: float
    most: float


def joint_stops(joint_name: str, mass: float) -> list[JointStop]:
    """Return the stops of a joint of somebody of a body mass [kg]; none for most joints."""
    row, reach = JOINTS[muscle_group(joint_name)], human_range(joint_name)
    torque = adult_torque(joint_name) * mass
    middle = rotvec_from_quat(spring_middle(joint_name))
    stops = []
    for axis, name in enumerate("xyz"):
        if name in row.stops:
            most = float(torque[axis].max())
            for upper in (False, True):
                angle = reach[axis, int(upper)] - middle[axis]
                stops.append(JointStop(axis, float(angle), upper, most / STOP_GIVE, 2 * most))
    return stops
