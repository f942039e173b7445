"""Two bodies, a floor and props as one description every physics engine can build from."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from controller_server.clip.interaction import InteractionClip, Prop
from controller_server.clip.skeleton import JOINT_NAMES, L_WRIST, PARENTS, R_WRIST, Skeleton

from .muscles import JointStop, Muscle, joint_stops, spring_middle
from .shape import Hands, Shape, body_shapes, simulated_joints
from .strength import Strength


@dataclass(frozen=True)
class PersonBody:
    """One person as a simulated body.

    Attributes:
        role: "supporter" or "recipient".
        skeleton: Rest pose.
        hands: Simulated detail of the hands.
        strength: Gains, limits and mass against strength 1.
    """

    role: str
    skeleton: Skeleton
    hands: Hands = Hands.MITTEN
    strength: Strength = field(default_factory=Strength)

    @cached_property
    def joints(self) -> tuple[int, ...]:
        """SMPL-X joint index of each body, parents first. The first is the pelvis."""
        return simulated_joints(self.hands)

    @cached_property
    def parents(self) -> tuple[int, ...]:
        """Row of each body's parent in `joints`; -1 for the pelvis."""
        return tuple(-1 if PARENTS[j] < 0 else self.joints.index(PARENTS[j]) for j in self.joints)

    @cached_property
    def shapes(self) -> list[Shape]:
        """The flesh at mass factor 1."""
        return body_shapes(self.skeleton, self.hands)

    @cached_property
    def muscles(self) -> list[Muscle]:
        """The drive of each actuated joint, in the order of `joints[1:]`."""
        return self.with_strength(self.strength)

    def with_strength(self, strength: Strength) -> list[Muscle]:
        """Return the drive that each actuated joint would have at another strength."""
        return [strength.muscle(JOINT_NAMES[j], self._adult_mass) for j in self.joints[1:]]

    @cached_property
    def stops(self) -> list[list[JointStop]]:
        """The ends of range of each actuated joint, in the order of `joints[1:]`."""
        return [joint_stops(JOINT_NAMES[j], self._adult_mass) for j in self.joints[1:]]

    @cached_property
    def mass(self) -> float:
        """Simulated mass [kg]."""
        return self.strength.mass * self._adult_mass

    @cached_property
    def _adult_mass(self) -> float:
        return sum(shape.mass for shape in self.shapes)


@dataclass(frozen=True)
class PairBody:
    """What is simulated: supporter, recipient, props, and the physics they live in.

    Attributes:
        supporter: First person of every array.
        recipient: Second person of every array.
        props: Static boxes.
        friction: Sliding friction of everything.
        grip_force: What one gripping hand holds with [N]; never over 450.
        physics_hz: Physics steps per second.
        control_hz: Joint targets per second.
    """

    supporter: PersonBody
    recipient: PersonBody
    props: tuple[Prop, ...] = ()
    friction: float = 1.0
    grip_force: float = 300.0
    physics_hz: int = 240
    control_hz: int = 30

    def __post_init__(self) -> None:
        if not 0 <= self.grip_force <= 450:
            raise ValueError(f"grip_force {self.grip_force} N is outside 0-450, what a human hand can hold")
        if self.supporter.hands is not self.recipient.hands:
            raise ValueError("both people need the same hands")
        if self.physics_hz % self.control_hz:
            raise ValueError("physics_hz must be a multiple of control_hz")

    @property
    def people(self) -> tuple[PersonBody, PersonBody]:
        """Supporter, recipient."""
        return (self.supporter, self.recipient)

    @property
    def joints(self) -> tuple[int, ...]:
        """SMPL-X joint index of each body of a person."""
        return self.supporter.joints

    @cached_property
    def hand_rows(self) -> tuple[int, int]:
        """Rows of the left and right wrist in `joints`."""
        return (self.joints.index(L_WRIST), self.joints.index(R_WRIST))

    @property
    def substeps(self) -> int:
        """Physics steps per control step."""
        return self.physics_hz // self.control_hz

    @cached_property
    def kp(self) -> np.ndarray:
        """Stiffness about each axis [N m/rad], shape (2, J, 3)."""
        return np.array([[m.kp for m in person.muscles] for person in self.people])

    @cached_property
    def kd(self) -> np.ndarray:
        """Damping about each axis [N m s/rad], shape (2, J, 3)."""
        return np.array([[m.kd for m in person.muscles] for person in self.people])

    @cached_property
    def torque_limits(self) -> np.ndarray:
        """Largest spring torque about each axis, negative and positive, without sign [N m], shape (2, J, 3, 2)."""
        return np.array([[m.limit for m in person.muscles] for person in self.people])

    @cached_property
    def middles(self) -> np.ndarray:
        """The rotations about which the joints' springs measure angles, shape (J, 4)."""
        return np.array([spring_middle(JOINT_NAMES[j]) for j in self.joints[1:]])

    @cached_property
    def ligaments(self) -> np.ndarray:
        """Axes that ligaments hold, not muscles, shape (2, J, 3)."""
        return np.array([[m.ligament for m in person.muscles] for person in self.people])

    @staticmethod
    def from_clip(
        clip: InteractionClip,
        *,
        hands: Hands = Hands.MITTEN,
        supporter: Strength | None = None,
        recipient: Strength | None = None,
        grip_force: float = 300.0,
    ) -> PairBody:
        """Return the bodies of a clip's people, at the proportions the clip gives them."""
        people = [
            PersonBody(role, motion.skeleton, hands, strength or Strength())
            for (role, motion), strength in zip(clip.people, (supporter, recipient), strict=True)
        ]
        return PairBody(people[0], people[1], clip.props, grip_force=grip_force)
