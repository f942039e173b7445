"""The built-in engine: MuJoCo on the CPU, many worlds on the threads of `mujoco.batch`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from copy import copy
from functools import cache, partial
from pathlib import Path

import mujoco
import numpy as np
from mujoco import batch as mujoco_batch

from controller_server.body.compiled import compiled
from controller_server.body.drive import from_middles
from controller_server.body.mjcf import compile_pair
from controller_server.body.pair import PairBody
from controller_server.body.strength import Strength
from controller_server.clip.rotation import cross, quat_rotate, quat_rotate_inverse
from controller_server.core.errors import EngineError, SimulationDiverged

from .backend import Capabilities, EngineOptions, PairState, Steps
from .mujoco_pairs import WorldModels
from .mujoco_strength import strength_fields
from .mujoco_touch import ContactReader, RawContacts, TouchSensors

MAX_TARGET = np.deg2rad(150)
"""Longest joint target [rad]; near 180 degrees the length of a rotation-vector actuator wraps round."""

_PLANNING_TOLERANCE = 1e-4

_BROKEN = slice(int(mujoco.mjtWarning.mjWARN_BADQPOS), int(mujoco.mjtWarning.mjWARN_BADQACC) + 1)
"""MuJoCo's counts of positions, velocities and accelerations that are no numbers: three neighbours."""


class BackendMujoco:
    """N pair-worlds in MuJoCo.

    Args:
        pair: Body description, shared by all worlds until `hold_pairs`.
        n_worlds: Number of worlds.
        threads: Worker threads; 0 takes every core.
        planning: Whether a coarser solver tolerance will do, 8 % faster. Coarser physics does not pay: plans made at
            60 Hz, or by projected Gauss-Seidel, are lost as soon as hands carry weight.
        impratio: Stiffness of friction against that of normal contact, 10 by default. At 1 steps take two thirds of
            the time and feet creep: good enough to begin learning with.
        sensors: Whether contact forces can be read. Without them the physics is the same and 11 % faster.
        list_contacts: Whether `record` lists contacts; copies all data at every step, meant for one world at a time.
        dump_dir: Where the state of a diverged world is written; the system's temporary folder by default.
    """

    def __init__(
        self,
        pair: PairBody,
        n_worlds: int,
        *,
        threads: int = 0,
        planning: bool = False,
        impratio: float | None = None,
        sensors: bool = True,
        list_contacts: bool = False,
        dump_dir: Path | None = None,
    ) -> None:
        self.pair, self.n_worlds, self._threads = pair, n_worlds, threads
        self._tolerance, self._impratio = _PLANNING_TOLERANCE if planning else None, impratio
        found = compiled(pair, sensors=sensors)
        self.layout = found.layout
        self.capabilities = Capabilities(
            contact_split=sensors,
            grip=True,
            exact_restore=True,
            per_world_model=True,
            full_hands=True,
            contact_list=list_contacts,
            move_person=True,
            per_world_pair=True,
        )
        self._dump_dir = dump_dir
        self._worlds: WorldModels | None = None
        self._build(self._as_asked(copy(found.model)))

    def _as_asked(self, model: mujoco.MjModel) -> mujoco.MjModel:
        """Set in a model what the worlds are for."""
        if self._tolerance is not None:
            model.opt.tolerance = self._tolerance
        if self._impratio is not None:
            model.opt.impratio = self._impratio
        return model

    def _build(self, model: mujoco.MjModel) -> None:
        """Make the worlds of a model, and all that reads them."""
        self.model = model
        sensors, list_contacts = self.capabilities.contact_split, self.capabilities.contact_list
        self._batch = mujoco_batch.Batch(model, self.n_worlds, self._threads, persistent=True)
        self._reader = ContactReader(self.model, self.layout) if list_contacts else None
        self._scratch = mujoco.MjData(self.model) if list_contacts else None
        self._contacts: list[RawContacts] = []
        self._qpos, self._qvel, self._ctrl = (self._batch.bind(name) for name in ("qpos", "qvel", "ctrl"))
        self._wrench = self._batch.bind("xfrc_applied")
        self._clock = self._batch.bind("time")
        self._xpos, self._xquat, self._cvel = (self._batch.bind(name) for name in ("xpos", "xquat", "cvel"))
        self._com, self._muscle = self._batch.bind("subtree_com"), self._batch.bind("actuator_force")
        self._damper = self._batch.bind("qfrc_damper")
        self._sensordata = self._batch.bind("sensordata") if sensors else None
        self._xipos = self._batch.bind("xipos")
        self._sensors = TouchSensors(self.model, self.pair, self.layout) if sensors else None
        self._broken = self._batch.warning[:, _BROKEN, 1]
        self._forgiven = np.zeros(self._broken.shape, int)
        self._failed = np.zeros(self.n_worlds, bool)
        self._batch.forward()

    # -- pairs that differ -----------------------------------------------------------------------------------------

    def hold_pairs(self, pairs: Sequence[PairBody]) -> None:
        """See `HoldsPairs.hold_pairs`."""
        room, sensors = max((len(pair.props) for pair in pairs), default=0), self.capabilities.contact_split
        made = partial(compile_pair, sensors=sensors, room=room)
        models = WorldModels(pairs, self.n_worlds, self.layout, lambda pair: self._as_asked(made(pair)))
        self.pair, self._worlds = pairs[0], models
        self._build(models.plain(0))

    def set_pairs(self, numbers: Sequence[int], worlds: Sequence[int] | None = None) -> None:
        """See `HoldsPairs.set_pairs`."""
        if self._worlds is None:
            raise EngineError("pairs: hold_pairs has to come first")
        self._worlds.hold(np.asarray(numbers, int), self._ids(worlds))

    def _ids(self, worlds: Sequence[int] | None) -> np.ndarray:
        """Return the numbers of some worlds, by default of all."""
        return np.arange(self.n_worlds) if worlds is None else np.asarray(worlds, int)

    def _use_models(self) -> None:
        """Let the batch know what was written into the worlds' models."""
        if self._worlds is not None and self._worlds.edited:
            self._batch.set_models(self._worlds.models)
            self._worlds.edited = False

    # -- writing ---------------------------------------------------------------------------------------------------

    def set_state(self, state: PairState, worlds: Sequence[int] | None = None) -> None:
        """See `Backend.set_state`."""
        ids = self._ids(worlds)
        self._use_models()
        self._batch.reset(ids, stage=int(mujoco.mjtStage.mjSTAGE_NONE))
        self._forgiven[ids], self._failed[ids] = 0, False
        qpos, qvel = np.zeros((len(ids), self.model.nq)), np.zeros((len(ids), self.model.nv))
        for person in range(2):
            self._place(person, state, qpos, qvel)
        self._qpos[ids], self._qvel[ids] = qpos, qvel
        self._batch.forward(ids)

    def set_person(self, person: int, state: PairState) -> None:
        """See `MovesPerson.set_person`."""
        self._place(person, state, self._qpos, self._qvel)
        self.refresh()

    def _place(self, person: int, state: PairState, qpos: np.ndarray, qvel: np.ndarray) -> None:
        """Write one person's part of a state into coordinates, shapes (n, nq) and (n, nv)."""
        layout = self.layout
        a, v = layout.root_qpos[person], layout.root_qvel[person]
        qpos[:, a : a + 3] = state.root_position[:, person]
        qpos[:, a + 3 : a + 7] = state.local_quats[:, person, 0]
        qpos[:, layout.joint_qpos[person]] = layout.joint_coordinates(state.local_quats[:, :, 1:])[:, person]
        qvel[:, v : v + 3] = state.root_velocity[:, person]
        qvel[:, v + 3 : v + 6] = quat_rotate_inverse(state.local_quats[:, person, 0], state.root_spin[:, person])
        qvel[:, layout.joint_qvel[person]] = state.joint_velocity[:, person]

    def set_targets(self, targets: np.ndarray) -> None:
        """See `Backend.set_targets`."""
        targets = from_middles(targets, self.pair.middles)
        angle = np.sqrt(np.einsum("...i,...i->...", targets, targets))
        if angle.max(initial=0) > MAX_TARGET:
            targets = targets * np.minimum(1.0, MAX_TARGET / np.maximum(angle, MAX_TARGET))[..., None]
        self._ctrl[:, self.layout.target] = targets

    def set_grips(self, grips: np.ndarray) -> None:
        """See `Backend.set_grips`."""
        self._ctrl[:, self.layout.grip] = grips

    def set_wrench(self, wrench: np.ndarray) -> None:
        """See `Backend.set_wrench`."""
        # MuJoCo applies xfrc at the body's centre of mass; moving the force there from the joint would add the torque
        # of its small offset, which the 100 N m bound of assistance covers and reports do not need.
        self._wrench[:, self.layout.body[:, 0]] = wrench

    def set_strength(self, people: Sequence[Strength], worlds: Sequence[int] | None = None) -> None:
        """See `Backend.set_strength`."""
        ids = self._ids(worlds)
        if self._worlds is not None:
            self._worlds.set_strength(people, ids)
            return
        for name, where, values in strength_fields(self.pair, self.model, self.layout, people):
            of_world = ids.reshape(-1, *[1] * where[0].ndim)
            self._batch.expand(name)[(of_world, *where)] = values
        self._batch.set_const(ids)

    def set_friction(self, factors: np.ndarray, worlds: Sequence[int] | None = None) -> None:
        """See `Backend.set_friction`."""
        ids = self._ids(worlds)
        factors = np.asarray(factors, float)
        if self._worlds is not None:
            self._worlds.set_friction(factors, ids)
            return
        sliding = self._batch.expand("geom_friction")
        sliding[ids, :, 0] = self.model.geom_friction[:, 0] * factors[:, None]

    # -- stepping --------------------------------------------------------------------------------------------------

    def step(self, n: int = 1) -> None:
        """See `Backend.step`."""
        before = self._batch.state.copy()
        self.step_unchecked(n)
        diverged = self.diverged()
        if diverged.any():
            raise self._divergence(before, int(diverged.argmax()), int(diverged.sum()), n)

    def step_unchecked(self, n: int = 1) -> None:
        """See `Backend.step_unchecked`."""
        if self._reader is None:
            # A persistent batch continues from this stage, so that current readings cost nothing.
            self._advance(n, stage=int(mujoco.mjtStage.mjSTAGE_VEL))
            return
        self._advance(n)
        data = (self._batch.get_data(world, self._scratch) for world in range(self.n_worlds))
        pull = self._adhesion()
        self._contacts = [self._reader.raw(one, pull[world]) for world, one in enumerate(data)]
        self._batch.forward(stage=int(mujoco.mjtStage.mjSTAGE_VEL))

    def record(
        self, n: int, readings: Sequence[str], *, wrenches: np.ndarray | None = None, checked: bool = True
    ) -> Steps:
        """See `Backend.record`."""
        read = {name: getattr(self, name) for name in readings if name != "forces"}
        steps: list[dict[str, np.ndarray]] = []
        touch: list[np.ndarray] = []
        contacts: list[RawContacts] = []
        try:
            for k in range(n):
                if wrenches is not None:
                    self.set_wrench(wrenches[k])
                if checked:
                    self.step()
                else:
                    self.step_unchecked()
                contacts += self._contacts
                if "forces" in readings:
                    touch.append(self._sensor_readings().copy())
                steps.append({name: reading() for name, reading in read.items()})
        except SimulationDiverged as error:
            error.steps = self._steps(readings, steps, touch, contacts)
            raise
        return self._steps(readings, steps, touch, contacts)

    def _steps(
        self,
        readings: Sequence[str],
        steps: list[dict[str, np.ndarray]],
        touch: list[np.ndarray],
        contacts: list[RawContacts],
    ) -> Steps:
        """Return readings of some steps; forces and contacts of all at once.

        One by one, calls cost more than arithmetic.
        """
        found = {name: np.stack([step[name] for step in steps]) for name in readings if steps and name != "forces"}
        if touch:
            pull = np.repeat(self._adhesion()[None], len(touch), axis=0)
            assert self._sensors is not None
            forces = self._sensors.forces(np.concatenate(touch), pull.reshape(-1, *pull.shape[2:]))
            found["forces"] = forces.reshape(len(touch), self.n_worlds, *forces.shape[1:])
        return Steps(found, self._reader.read(contacts, self.n_worlds) if self._reader is not None else None)

    def _advance(self, n: int, ids: Sequence[int] | None = None, **options: int) -> None:
        self._use_models()
        try:
            self._batch.step(ids, nstep=n, **options)
        except mujoco_batch.SimulationError as error:
            # Bodies strewn into each other by a divergence can exhaust MuJoCo's memory for contacts. Such a world
            # keeps the state it had before the call, the others have done their steps.
            self._failed[error.ids] = True

    def diverged(self) -> np.ndarray:
        """See `Backend.diverged`."""
        warned = self._broken > self._forgiven
        return self._failed | warned.any(axis=-1) | ~np.isfinite(self._qpos).all(axis=-1)

    def _divergence(self, before: np.ndarray, world: int, count: int, n: int) -> SimulationDiverged:
        """Return the error for a world that broke within the last n steps, which `before` preceded."""
        last_good = self._last_good(before[world], world, n)
        time = float(self._clock[world])
        message = f"world {world} of {self.n_worlds} diverged at {time:.3f} s ({count} in all)"
        try:
            dump = _dump_file(self._dump_dir)
            np.savez_compressed(
                dump,
                state=last_good,
                time=time,
                world=world,
                qpos=self._qpos[world],
                qvel=self._qvel[world],
                ctrl=self._ctrl[world],
                wrench=self._wrench[world],
            )
        except OSError as error:
            unwritten = f"{message}; its state could not be written ({error.strerror or error})"
            return SimulationDiverged(unwritten, world=world, time=time)
        return SimulationDiverged(f"{message}; its state is in {dump}", world=world, time=time, dump=dump)

    def _last_good(self, before: np.ndarray, world: int, n: int) -> np.ndarray:
        """Repeat a broken world's steps one by one up to the first that broke it; returns the state before that."""
        self.restore(before, [world])
        good = before
        for _ in range(n):
            good = self._batch.state[world].copy()
            self._advance(1, [world])
            if self.diverged()[world]:
                break
        return good

    def save(self) -> np.ndarray:
        """See `Backend.save`."""
        return self._batch.state.copy()

    def restore(self, rows: np.ndarray, worlds: Sequence[int] | None = None) -> None:
        """See `Backend.restore`."""
        ids = self._ids(worlds)
        self._batch.state[ids] = rows
        # MuJoCo counts warnings, and a restored world is not to answer for those of its former life.
        self._forgiven[ids], self._failed[ids] = self._broken[ids], False

    def refresh(self) -> None:
        """See `Backend.refresh`."""
        self._use_models()
        self._batch.forward(stage=int(mujoco.mjtStage.mjSTAGE_VEL))

    # -- reading ---------------------------------------------------------------------------------------------------

    def state(self) -> PairState:
        """See `Backend.state`."""
        layout = self.layout
        root, spin = layout.root_qpos[:, None], layout.root_qvel[:, None]
        root_quat = self._qpos[:, root + np.arange(3, 7)]
        return PairState(
            root_position=self._qpos[:, root + np.arange(3)],
            local_quats=np.concatenate([root_quat[:, :, None], layout.local_quats(self._qpos)], axis=2),
            root_velocity=self._qvel[:, spin + np.arange(3)],
            root_spin=quat_rotate(root_quat, self._qvel[:, spin + np.arange(3, 6)]),
            joint_velocity=self._qvel[:, layout.joint_qvel],
        )

    def time(self) -> np.ndarray:
        """See `Backend.time`."""
        return self._clock.copy()

    def positions(self) -> np.ndarray:
        """See `Backend.positions`."""
        return self._xpos[:, self.layout.body]

    def quats(self) -> np.ndarray:
        """See `Backend.quats`."""
        return self._xquat[:, self.layout.body]

    def linear_velocity(self) -> np.ndarray:
        """See `Backend.linear_velocity`."""
        # cvel is taken at the person's centre of mass; carry it over to the joint.
        velocity = self._cvel[:, self.layout.body]
        arm = self.positions() - self.com()[:, :, None]
        return velocity[..., 3:] + cross(velocity[..., :3], arm)

    def angular_velocity(self) -> np.ndarray:
        """See `Backend.angular_velocity`."""
        return self._cvel[:, self.layout.body][..., :3]

    def joint_velocity(self) -> np.ndarray:
        """See `Backend.joint_velocity`."""
        return self._qvel[:, self.layout.joint_qvel]

    def com(self) -> np.ndarray:
        """See `Backend.com`."""
        return self._com[:, self.layout.body[:, 0]]

    def com_velocity(self) -> np.ndarray:
        """See `Backend.com_velocity`."""
        # cvel of a body is the velocity of the point of that body at the person's centre of mass; the mass-weighted
        # mean needs each body's own centre.
        velocity = self._cvel[:, self.layout.body]
        arm = self._xipos[:, self.layout.body] - self.com()[:, :, None]
        own = velocity[..., 3:] + cross(velocity[..., :3], arm)
        if self._worlds is not None:
            return np.einsum("npbi,npb->npi", own, self._worlds.mass_share)
        mass = self.model.body_mass[self.layout.body]
        return np.einsum("npbi,pb->npi", own, mass / mass.sum(axis=1, keepdims=True))

    def torques(self) -> np.ndarray:
        """See `Backend.torques`."""
        return self._muscle[:, self.layout.target]

    def damping_torques(self) -> np.ndarray:
        """See `Backend.damping_torques`."""
        return self._damper[:, self.layout.joint_qvel]

    def forces(self) -> np.ndarray:
        """See `Backend.forces`."""
        sensors = self._sensor_readings()
        assert self._sensors is not None
        return self._sensors.forces(sensors, self._adhesion())

    def _adhesion(self) -> np.ndarray:
        """Return what each hand draws with [N], shape (N, 2, 2)."""
        most = self.model.actuator_gainprm[self.layout.grip, 0] if self._worlds is None else self._worlds.adhesion
        return self._ctrl[:, self.layout.grip] * most

    def _sensor_readings(self) -> np.ndarray:
        """Return the contact sensors of every world after the last physics step, shape (N, D)."""
        if self._sensordata is None:
            raise RuntimeError("this backend was built without contact sensors")
        return self._sensordata


def make(pair: PairBody, n_worlds: int, options: EngineOptions) -> BackendMujoco:
    """Return the built-in engine as `engines` makes it."""
    return BackendMujoco(pair, n_worlds, **vars(options))


@cache
def _dump_file(folder: Path | None) -> str:
    """Return the one file in which this process leaves diverged worlds.

    Nobody else's, and not one for every divergence.
    """
    handle, path = tempfile.mkstemp(prefix="assistmimic_diverged_", suffix=".npz", dir=folder)
    os.close(handle)
    return path
