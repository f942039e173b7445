"""The one world that counts: it is steered frame by frame and everything that happens in it is recorded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..body.pair import PairBody
from ..clip.rotation import quat_conj, quat_mul
from ..physics.backend import PairState
from ..physics.mujoco_backend import BackendMujoco
from ..physics.mujoco_touch import RawContacts
from ..physics.recording import Recording

Disturbance = Callable[[float], np.ndarray]
"""Force and torque on each pelvis [N, N m, world axes], shape (2, 6), at a time [s]."""


class Plant:
    """A single recorded world.

    Args:
        pair: Body description.
        start: State at time zero, n = 1.

    Attributes:
        disturbance: What happens to people unforeseen: nothing that plans or steers is told, and no recording counts it
            as help. None by default.
    """

    def __init__(self, pair: PairBody, start: PairState) -> None:
        self.pair = pair
        self.backend = BackendMujoco(pair, 1, threads=1, list_contacts=True)
        self.backend.set_state(start)
        self._start, self._saved = start, [self.backend.save()]
        self._steps: list[dict[str, np.ndarray]] = []
        self._contacts: list[RawContacts] = []
        self.disturbance: Disturbance | None = None
        self._record(grips=np.zeros((2, 2)), wrench=np.zeros((2, 6)))

    def advance(self, targets: np.ndarray, grips: np.ndarray, wrench: np.ndarray | None = None) -> None:
        """One control frame.

        Args:
            targets: Joint targets [rad], shape (2, J, 3).
            grips: 0-1, shape (2, 2).
            wrench: On each pelvis, shape (2, 6); none by default.

        Raises:
            SimulationDiverged: see `Backend.step`.
        """
        commands = {"grips": np.asarray(grips), "wrench": np.zeros((2, 6)) if wrench is None else wrench}
        self.backend.set_targets(targets[None])
        self.backend.set_grips(commands["grips"][None])
        self.backend.set_wrench(commands["wrench"][None])
        for _ in range(self.pair.substeps):
            if self.disturbance is not None:
                unforeseen = self.disturbance(float(self.backend.time()[0]))
                self.backend.set_wrench((commands["wrench"] + unforeseen)[None])
            self.backend.step()
            self._record(**commands)
            if len(self._steps) == 2:
                self._act_from_the_start()
        self.backend.set_wrench(commands["wrench"][None])  # whoever plans from here knows of nothing else
        self._saved.append(self.backend.save())

    def back_at(self, frame: int) -> Plant:
        """Another world that stands where this one stood at a control frame, with the same past."""
        plant = Plant(self.pair, self._start)
        plant.backend.restore(self._saved[frame])
        plant.backend.refresh()
        kept = slice(frame * self.pair.substeps + 1)
        plant._steps, plant._contacts = self._steps[kept], self._contacts[kept]
        plant._saved, plant.disturbance = self._saved[: frame + 1], self.disturbance
        return plant

    def _record(self, grips: np.ndarray, wrench: np.ndarray) -> None:
        backend = self.backend
        contacts = backend.raw_contacts()
        step = {
            "time": backend.time()[0],
            "positions": backend.positions()[0],
            "quats": backend.quats()[0],
            "com": backend.com()[0],
            "torques": backend.torques()[0],
            "damper_torques": backend.damping_torques()[0],
            "joint_velocity": backend.state().joint_velocity[0],
            "sensors": backend.sensors()[0],
            "grips": grips,
            "wrench": wrench,
        }
        if not self._steps:  # nobody told the muscles anything yet: what a fresh engine reads of them means nothing
            step |= {"torques": np.zeros_like(step["torques"]), "sensors": np.zeros_like(step["sensors"])}
        self._contacts.append(contacts)  # nothing between these two: Ctrl-C may come at any time
        self._steps.append(step)

    def _act_from_the_start(self) -> None:
        """Give time zero what acts in the first step: an engine works it out in the state that the step starts from."""
        acting = ("torques", "sensors", "grips", "wrench")
        self._steps[0] = self._steps[0] | {name: self._steps[1][name] for name in acting}
        self._contacts[0] = self._contacts[1]

    def recording(self) -> Recording:
        """Everything since time zero."""
        pair = self.pair
        steps = {name: np.stack([step[name] for step in self._steps]) for name in self._steps[0]}
        forces = self.backend.forces_from(steps.pop("sensors"), steps["grips"])
        contacts = self.backend.read_contacts(self._contacts)
        parents = np.maximum(pair.supporter.parents, 0)
        local = quat_mul(quat_conj(steps["quats"][:, :, parents]), steps["quats"])
        local[:, :, 0] = steps["quats"][:, :, 0]
        return Recording(
            joints=pair.joints,
            local_quats=local,
            # Ligaments are no muscles: nothing is ever near the limit of an axis that they hold.
            torque_limits=np.where(pair.ligaments[..., None], np.inf, pair.torque_limits),
            mass=np.array([person.mass for person in pair.people]),
            forces=forces,
            contact_step=np.repeat(np.arange(len(self._contacts)), [len(raw.geoms) for raw in self._contacts]),
            contact_bodies=contacts.bodies,
            contact_positions=contacts.positions,
            contact_forces=contacts.forces,
            **steps,
        )
