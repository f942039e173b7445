"""The door every physics engine stands behind: a batch of pair-worlds over one body description."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..body.pair import PairBody
from ..body.strength import Strength

Array = Any


@dataclass(frozen=True)
class Capabilities:
    """What an engine can do beyond the bare protocol. The conformance suite runs what is declared here.

    Attributes:
        contact_split: Contact forces are split by partner, floor and prop.
        grip: Palms can hold the partner.
        exact_restore: Saved state continues bit for bit, and worlds of a batch do not touch each other.
        per_world_model: Strength, mass and friction can differ from world to world.
        full_hands: Bodies with all finger joints.
        contact_list: Single contacts of one world can be listed.
    """

    contact_split: bool = False
    grip: bool = False
    exact_restore: bool = False
    per_world_model: bool = False
    full_hands: bool = False
    contact_list: bool = False

    def missing(self) -> list[str]:
        """Names of what is not there."""
        return [name for name, there in vars(self).items() if not there]


@dataclass(frozen=True)
class PairState:
    """States of n pair-worlds, 2 people, B bodies, J = B - 1 joints.

    Attributes:
        root_position: Pelvis joint in the world [m], shape (n, 2, 3).
        local_quats: Pelvis in the world, joints relative to their parent, shape (n, 2, B, 4).
        root_velocity: Of the pelvis joint, world axes [m/s], shape (n, 2, 3).
        root_spin: Angular velocity of the pelvis, world axes [rad/s], shape (n, 2, 3).
        joint_velocity: Of each joint relative to its parent, in the child's axes [rad/s], shape (n, 2, J, 3).
    """

    root_position: Array
    local_quats: Array
    root_velocity: Array
    root_spin: Array
    joint_velocity: Array

    def __getitem__(self, index: Any) -> PairState:
        """The states of some of the worlds."""
        return PairState(*(getattr(self, name)[index] for name in PairState.__dataclass_fields__))


@dataclass(frozen=True)
class ContactList:
    """The single contacts of one world. C contacts; see `Recording` for the conventions of body rows.

    Attributes:
        bodies: Shape (C, 2).
        positions: In the world [m], shape (C, 3).
        forces: On the first participant, adhesion taken out [N, world], shape (C, 3).
    """

    bodies: Array
    positions: Array
    forces: Array


class Backend(Protocol):
    """N worlds, each one pair (supporter, recipient), floor and props.

    Every array read has the leading shape (N, 2). Joint targets are rotation vectors; the engine clips them to 150
    degrees, beyond which a rotation vector wraps round and the torque would turn the wrong way.
    """

    pair: PairBody
    n_worlds: int
    capabilities: Capabilities

    def set_state(self, state: PairState, worlds: Sequence[int] | None = None) -> None:
        """Put worlds into states (of as many worlds, or of one for all); clocks and solver memory start anew."""
        ...

    def set_targets(self, targets: Array) -> None:
        """Joint targets as rotation vectors [rad], shape (N, 2, J, 3)."""
        ...

    def set_grips(self, grips: Array) -> None:
        """Grip of the left and right hand, 0-1, shape (N, 2, 2) or broadcastable."""
        ...

    def set_wrench(self, wrench: Array) -> None:
        """External force [N] and torque [N m] on each pelvis, world axes, shape (N, 2, 6). Stays until set again."""
        ...

    def set_strength(self, people: Sequence[Strength], worlds: Sequence[int] | None = None) -> None:
        """Strength and mass of (supporter, recipient) in some worlds, against those of the pair's own."""
        ...

    def set_friction(self, factors: Array, worlds: Sequence[int] | None = None) -> None:
        """Sliding friction of everything in some worlds, as factors on the pair's own, shape of the worlds."""
        ...

    def step(self, n: int = 1) -> None:
        """Advance all worlds by n physics steps.

        Raises:
            SimulationDiverged: a world left the realm of numbers; names the world and the time.
        """
        ...

    def save(self) -> Array:
        """The full state of every world, one row each."""
        ...

    def restore(self, rows: Array, worlds: Sequence[int] | None = None) -> None:
        """Put worlds back into saved rows; a single row goes to all of them."""
        ...

    def state(self) -> PairState:
        """The worlds' states as `set_state` takes them."""
        ...

    def time(self) -> Array:
        """Simulated time of each world [s], shape (N,)."""
        ...

    def positions(self) -> Array:
        """Joint positions [m], shape (N, 2, B, 3)."""
        ...

    def quats(self) -> Array:
        """World rotations of the bodies, shape (N, 2, B, 4)."""
        ...

    def linear_velocity(self) -> Array:
        """Of the joint positions, world axes [m/s], shape (N, 2, B, 3)."""
        ...

    def angular_velocity(self) -> Array:
        """Of the bodies, world axes [rad/s], shape (N, 2, B, 3)."""
        ...

    def com(self) -> Array:
        """Centre of mass of each person [m], shape (N, 2, 3)."""
        ...

    def com_velocity(self) -> Array:
        """Of the centre of mass [m/s], shape (N, 2, 3)."""
        ...

    def torques(self) -> Array:
        """Muscle torques of the last physics step per axis [N m], shape (N, 2, J, 3)."""
        ...

    def damping_torques(self) -> Array:
        """Passive damping torques of the last physics step per axis [N m], shape (N, 2, J, 3)."""
        ...

    def forces(self) -> Array:
        """Net contact force on each body from partner, floor, prop in the last physics step [N], (N, 2, B, 3, 3)."""
        ...

    def contacts(self, world: int = 0) -> ContactList:
        """The single contacts of one world in the last physics step."""
        ...
