"""The one world that counts: it is steered frame by frame and everything that happens in it is recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.clip.rotation import quat_conj, quat_mul
from controller_server.core.errors import SimulationDiverged
from controller_server.physics.backend import ContactList, EngineOptions, PairState, Steps
from controller_server.physics.engines import BUILT_IN, make_backend
from controller_server.physics.recording import Recording

Disturbance = Callable[[float], np.ndarray]
"""Force and torque on each pelvis [N, N m, world axes], shape (2, 6), at a time [s]."""

_READINGS = ("time", "positions", "quats", "com", "torques", "damping_torques", "joint_velocity", "forces")
_ACTING = ("torques", "forces", "grips", "wrench")  # in a step, worked out in the state that it starts from
_NO_CONTACTS = ContactList(
    np.zeros(0, int), np.zeros(0, int), np.zeros((0, 2), int), np.zeros((0, 3)), np.zeros((0, 3))
)


@dataclass(frozen=True)
class _Stretch:
    """Some physics steps of the world.

    Attributes:
        values: Readings and commands by name, each with a leading axis of steps.
        contacts: Single contacts; `step` counts from the stretch's first.
    """

    values: dict[str, np.ndarray]
    contacts: ContactList

    @staticmethod
    def of(steps: Steps, **commands: np.ndarray) -> _Stretch:
        """Return what an engine recorded of a single world, with what was commanded all the time."""
        values = {name: array[:, 0] for name, array in steps.readings.items()}
        held = {name: np.repeat(given[None], len(values["time"]), axis=0) for name, given in commands.items()}
        return _Stretch(values | held, steps.contacts or _NO_CONTACTS)

    @property
    def length(self) -> int:
        """Number of steps."""
        return len(self.values["time"])


class RecordedSimulation:
    """A single recorded world.

    Args:
        pair: Body description.
        start: State at time zero, n = 1.
        engine: Name of the engine.

    Attributes:
        disturbance: What happens to people unforeseen: nothing that plans or steers is told, and no recording counts it
            as help. None by default.
    """

    def __init__(self, pair: PairBody, start: PairState, engine: str = BUILT_IN) -> None:
        self.pair, self._engine = pair, engine
        options = EngineOptions(threads=1, list_contacts=True)
        self.backend = make_backend(engine, pair, 1, options, needs=("contact_split", "contact_list"))
        self.backend.set_state(start)
        self._start, self._saved = start, [self.backend.save()]
        self._before = self._readings_before()
        self._stretches: list[_Stretch] = []
        self.disturbance: Disturbance | None = None

    def advance(self, targets: np.ndarray, grips: np.ndarray, wrench: np.ndarray | None = None) -> None:
        """Simulate and record one control frame.

        Args:
            targets: Joint targets [rad], shape (2, J, 3).
            grips: 0-1, shape (2, 2).
            wrench: On each pelvis, shape (2, 6); none by default.

        Raises:
            SimulationDiverged: see `Backend.step`.
        """
        grips, wrench = np.asarray(grips), np.zeros((2, 6)) if wrench is None else wrench
        self.backend.set_targets(targets[None])
        self.backend.set_grips(grips[None])
        self.backend.set_wrench(wrench[None])
        pushes = None if self.disturbance is None else wrench + self._unforeseen(self.disturbance)
        try:
            steps = self.backend.record(self.pair.substeps, _READINGS, wrenches=pushes)
        except SimulationDiverged as error:
            if error.steps is not None and error.steps.readings:
                self._stretches.append(_Stretch.of(error.steps, grips=grips, wrench=wrench))
            raise
        if pushes is not None:
            self.backend.set_wrench(wrench[None])  # whoever plans from here knows of nothing else
        saved = self.backend.save()
        self._stretches.append(_Stretch.of(steps, grips=grips, wrench=wrench))
        self._saved.append(saved)

    def _unforeseen(self, disturbance: Disturbance) -> np.ndarray:
        """Return what happens to people in each physics step of a control frame, shape (S, 1, 2, 6)."""
        hz, now = self.pair.physics_hz, float(self.backend.time()[0])
        times = accumulate([1 / hz] * (self.pair.substeps - 1), initial=now)
        return np.stack([disturbance(time)[None] for time in times])

    def back_at(self, frame: int) -> RecordedSimulation:
        """Another world that stands where this one stood at a control frame, with the same past."""
        simulation = RecordedSimulation(self.pair, self._start, self._engine)
        simulation.backend.restore(self._saved[frame])
        simulation.backend.refresh()
        simulation._stretches, simulation._saved = self._stretches[:frame], self._saved[: frame + 1]
        simulation.disturbance = self.disturbance
        return simulation

    def _readings_before(self) -> dict[str, np.ndarray]:
        """Return what can be read before the first step; nobody told the muscles anything yet."""
        backend, shape = self.backend, (1, 2, len(self.pair.joints))
        read = {name: getattr(backend, name)() for name in _READINGS if name not in _ACTING}
        nothing = {"torques": np.zeros((1, 2, shape[2] - 1, 3)), "forces": np.zeros((*shape, 3, 3))}
        return read | nothing | {"grips": np.zeros((1, 2, 2)), "wrench": np.zeros((1, 2, 6))}

    def _first(self) -> _Stretch:
        """Return time zero, with what acts in the first step."""
        if not self._stretches:
            return _Stretch(self._before, _NO_CONTACTS)
        following = self._stretches[0]
        acting = {name: following.values[name][:1] for name in _ACTING}
        found = following.contacts
        of_first = ContactList(*(array[found.step == 0] for array in vars(found).values()))
        return _Stretch(self._before | acting, of_first)

    def recording(self) -> Recording:
        """Return everything since time zero."""
        pair, stretches = self.pair, [self._first(), *self._stretches]
        values = {name: np.concatenate([s.values[name] for s in stretches]) for name in self._before}
        begins = accumulate((stretch.length for stretch in stretches[:-1]), initial=0)
        listed = [stretch.contacts for stretch in stretches]
        contact_step = np.concatenate([found.step + begin for found, begin in zip(listed, begins, strict=True)])
        parents = np.maximum(pair.supporter.parents, 0)
        local = quat_mul(quat_conj(values["quats"][:, :, parents]), values["quats"])
        local[:, :, 0] = values["quats"][:, :, 0]
        return Recording(
            joints=pair.joints,
            local_quats=local,
            damper_torques=values.pop("damping_torques"),
            # Ligaments are no muscles: nothing is ever near the limit of an axis that they hold.
            torque_limits=np.where(pair.ligaments[..., None], np.inf, pair.torque_limits),
            mass=np.array([person.mass for person in pair.people]),
            contact_step=contact_step,
            contact_bodies=np.concatenate([found.bodies for found in listed]),
            contact_positions=np.concatenate([found.positions for found in listed]),
            contact_forces=np.concatenate([found.forces for found in listed]),
            **values,
        )
