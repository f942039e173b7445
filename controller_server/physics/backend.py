"""The door every physics engine stands behind: a batch of pair-worlds over one body description.

Everything that goes in or comes out is an array, a number or a dataclass of arrays, and a control step needs one answer
at most: targets, grips and wrenches are written, then `step` or `record` advances. An engine may live in a process of
its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from controller_server.body.pair import PairBody
from controller_server.body.strength import Strength
from controller_server.core.arrays import Array


@dataclass(frozen=True)
class Capabilities:
    """What an engine can do beyond the bare protocol. The conformance suite runs what is declared here.

    Attributes:
        contact_split: Contact forces are split by partner, floor and prop.
        grip: Palms can hold the partner.
        exact_restore: Saved state continues bit for bit, and worlds of a batch do not touch each other.
        per_world_model: Strength, mass and friction can differ from world to world.
        full_hands: Bodies with all finger joints.
        contact_list: `record` lists single contacts, where `EngineOptions.list_contacts` asks for them.
        move_person: One person can be put somewhere between two steps (`MovesPerson`).
        per_world_pair: Worlds of one batch can hold different pairs (`HoldsPairs`).
    """

    contact_split: bool = False
    grip: bool = False
    exact_restore: bool = False
    per_world_model: bool = False
    full_hands: bool = False
    contact_list: bool = False
    move_person: bool = False
    per_world_pair: bool = False

    def missing(self) -> list[str]:
        """Return names of what is not there."""
        return [name for name, there in vars(self).items() if not there]


@dataclass(frozen=True)
class EngineOptions:
    """How an engine is built; one that has no such choice takes no notice.

    Attributes:
        threads: Worker threads; 0 takes every core.
        planning: Whether a coarser solver tolerance will do: for worlds that only plan.
        impratio: Stiffness of friction against that of normal contact; None is the engine's own.
        sensors: Whether contact forces will be read.
        list_contacts: Whether `record` has to list single contacts.
    """

    threads: int = 0
    planning: bool = False
    impratio: float | None = None
    sensors: bool = True
    list_contacts: bool = False


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
        """Return the states of some of the worlds."""
        return PairState(*(getattr(self, name)[index] for name in PairState.__dataclass_fields__))


@dataclass(frozen=True)
class ContactList:
    """Single contacts in some physics steps. C contacts; see `Recording` for the conventions of body rows.

    Attributes:
        step: Index of the step, ascending, shape (C,).
        world: Index of the world, ascending within a step, shape (C,).
        bodies: Shape (C, 2).
        positions: In the world [m], shape (C, 3).
        forces: On the first participant, adhesion taken out [N, world], shape (C, 3).
    """

    step: Array
    world: Array
    bodies: Array
    positions: Array
    forces: Array


@dataclass(frozen=True)
class Steps:
    """What was read after each of S physics steps.

    Attributes:
        readings: By the name of the reading, shape (S, N, ...).
        contacts: Single contacts, where the engine was built to list them.
    """

    readings: dict[str, Array]
    contacts: ContactList | None = None


class Backend(Protocol):
    """N worlds, each one pair (supporter, recipient), floor and props.

    Nothing else of an engine is used anywhere, but for optional protocols that `Capabilities` declare.
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
        """Set joint targets as rotation vectors [rad], shape (N, 2, J, 3)."""
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
            SimulationDiverged: a world became non-finite; names the world and the time.
        """
        ...

    def step_unchecked(self, n: int = 1) -> None:
        """Step without looking for divergence: for those who discard a broken world by `diverged`."""
        ...

    def record(self, n: int, readings: Sequence[str], *, wrenches: Array | None = None, checked: bool = True) -> Steps:
        """Advance all worlds by n physics steps and read after each of them.

        Args:
            n: Number of steps.
            readings: Names of array readings below.
            wrenches: External force and torque of each step as `set_wrench` takes it, shape (n, N, 2, 6).
            checked: Whether a world that diverges ends it.

        Raises:
            SimulationDiverged: as `step`, if checked; `steps` are those before the first broken one.
        """
        ...

    def diverged(self) -> Array:
        """Worlds that became non-finite since they were last set or restored, shape (N,)."""
        ...

    def save(self) -> Array:
        """Return the full state of every world, one row each.

        `restore` of any batch of the same pair and engine takes it.
        """
        ...

    def restore(self, rows: Array, worlds: Sequence[int] | None = None) -> None:
        """Put worlds back into saved rows; a single row goes to all of them. Readings are old until the next step."""
        ...

    def refresh(self) -> None:
        """Make restored worlds readable before their next step."""
        ...

    def state(self) -> PairState:
        """Return the worlds' states as `set_state` takes them."""
        ...

    def time(self) -> Array:
        """Return simulated time of each world [s], shape (N,)."""
        ...

    def positions(self) -> Array:
        """Return joint positions [m], shape (N, 2, B, 3)."""
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

    def joint_velocity(self) -> Array:
        """Of each joint relative to its parent, in the child's axes [rad/s], shape (N, 2, J, 3)."""
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


@runtime_checkable
class MovesPerson(Protocol):
    """An engine that declares `move_person`."""

    def set_person(self, person: int, state: PairState) -> None:
        """Put one person where a state has them, in every world, between two steps.

        The partner stays as they are, and so do targets and grips, and what the last step told of forces and torques.
        """
        ...


@runtime_checkable
class HoldsPairs(Backend, Protocol):
    """An engine that declares `per_world_pair`: worlds whose proportions, strengths, friction and props differ."""

    def hold_pairs(self, pairs: Sequence[PairBody]) -> None:
        """Take in all pairs that worlds may hold; every world begins with the first of them, in no particular state.

        Number of props and grip force may differ from pair to pair, hands and rates may not. `Backend.pair` is the
        first from then on. Rows of `save` are those of any batch with the same pairs.

        Raises:
            AssistMimicError: there are no pairs, or they differ in what they may not.
        """
        ...

    def set_pairs(self, numbers: Sequence[int], worlds: Sequence[int] | None = None) -> None:
        """Let worlds hold other pairs, by their numbers, between two steps.

        State, targets and grips stay as they are, strength and friction become the pair's own. Readings are old until
        the next step or `refresh`.

        Raises:
            AssistMimicError: there is no pair of such a number, or not one number for each world.
        """
        ...
