"""Contacts in worlds of MuJoCo: the net forces on every body out of its sensors, and single contacts.

MuJoCo counts adhesion inside the contact force. Both readings take it out again, in equal shares of all contacts of the
palm that draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np

from controller_server.body.layout import PairLayout
from controller_server.body.mjcf import (
    FLOOR,
    SIDES,
    TOUCH_KINDS,
    force_sensor_name,
    palm_sensor_name,
    touchable_by_palm,
)
from controller_server.body.pair import PairBody

from .backend import ContactList


class TouchSensors:
    """Net forces out of sensordata. Needs a model with contact sensors.

    Args:
        model: Built by `compile_pair`.
        pair: What it was built from.
        layout: Of the model.
    """

    def __init__(self, model: mujoco.MjModel, pair: PairBody, layout: PairLayout) -> None:
        def address(name: str) -> int:
            return int(model.sensor(name).adr[0])

        force: Any = [
            [[address(force_sensor_name(p.role, j, kind)) for kind in TOUCH_KINDS] for j in p.joints]
            for p in pair.people
        ]
        palm: Any = [
            [
                [address(palm_sensor_name(person.role, side, name)) for name in touchable_by_palm(pair, partner)]
                for side in SIDES
            ]
            for person, partner in zip(pair.people, pair.people[::-1], strict=True)
        ]
        palm = np.array(palm)
        self.force = np.array(force)[..., None] + np.arange(3)
        self._found, self._normal = palm, palm[..., None] + np.arange(4, 7)
        self._hand_rows = pair.hand_rows

    def forces(self, sensordata: np.ndarray, adhesion: np.ndarray) -> np.ndarray:
        """Net contact force on each body from partner, floor, prop, adhesion taken out [N].

        Args:
            sensordata: Of any worlds or steps, shape (N, D).
            adhesion: With which left and right hand draw in the same steps [N], shape (N, 2, 2).

        Returns:
            Shape (N, 2, B, 3, 3).
        """
        forces = -sensordata[:, self.force]
        # Adhesion acts on every contact of a palm in equal shares, drawing palm and partner together along the normal.
        found, normal = sensordata[:, self._found], sensordata[:, self._normal]
        total = np.maximum(found.sum(axis=-1, keepdims=True), 1)
        pull = adhesion[..., None] * found / total
        pull = pull[..., None] * normal  # (N, person, hand, partner body, 3), from palm to partner
        for hand, row in enumerate(self._hand_rows):
            forces[:, :, row, 0] += pull[:, :, hand].sum(axis=2)
        forces[:, ::-1, :, 0] -= pull.sum(axis=2)
        return forces


@dataclass(frozen=True)
class RawContacts:
    """The contacts of one world in one step as MuJoCo has them, to be read later, together with others. C contacts.

    Attributes:
        geoms: Who touches whom, shape (C, 2).
        positions: In the world [m], shape (C, 3).
        frames: Axes of the contact frames as rows, normal first, shape (C, 9).
        forces: In the contact frame, adhesion included [N], shape (C, 3).
        adhesion: With which each person's hands draw [N], shape (2, 2).
    """

    geoms: np.ndarray
    positions: np.ndarray
    frames: np.ndarray
    forces: np.ndarray
    adhesion: np.ndarray


class ContactReader:
    """Single contacts with their net forces. Needs an elliptic cone.

    Args:
        model: Built by `compile_pair`.
        layout: Of the model.
    """

    def __init__(self, model: mujoco.MjModel, layout: PairLayout) -> None:
        rows = np.full(model.nbody, -2)
        rows[layout.body.ravel()] = np.arange(layout.body.size)
        rows[layout.palm] = rows[model.body_parentid[layout.palm]]
        self._body = model.geom_bodyid.copy()
        self._row = rows[self._body]
        self._row[model.geom(FLOOR).id] = -1
        self._n_bodies, self._palm = model.nbody, layout.palm

    def raw(self, data: mujoco.MjData, adhesion: np.ndarray) -> RawContacts:
        """Copy the contacts of the last step of an MjData, with what each hand draws with [N], shape (2, 2)."""
        contact = data.contact
        address = contact.efc_address
        active = np.flatnonzero(address >= 0)  # the others were found, and are too far apart to be solved for
        # In an elliptic cone the constraint forces of a contact are its force in the contact frame, normal first.
        forces = data.efc_force[address[active, None] + np.arange(3)]
        return RawContacts(contact.geom[active], contact.pos[active], contact.frame[active], forces, adhesion)

    def read(self, steps: Sequence[RawContacts], n_worlds: int) -> ContactList:
        """Return the contacts of all worlds of one step, then of the next; body rows as in `Recording`."""
        if not steps:
            none = np.zeros((0, 2), int)
            return ContactList(none[:, 0], none[:, 0], none, np.zeros((0, 3)), np.zeros((0, 3)))
        geoms, positions, frames, local = (
            np.concatenate([getattr(raw, name) for raw in steps]) for name in ("geoms", "positions", "frames", "forces")
        )
        step = np.repeat(np.arange(len(steps)), [len(raw.geoms) for raw in steps])[:, None]
        ends = self._body[geoms]
        touching = np.bincount((step * self._n_bodies + ends).ravel(), minlength=len(steps) * self._n_bodies)
        pull = np.zeros((len(steps), self._n_bodies))
        pull[:, self._palm] = np.stack([raw.adhesion for raw in steps])
        pull /= np.maximum(touching.reshape(pull.shape), 1)
        local[:, 0] -= pull[step, ends].sum(axis=1)
        on_second = np.einsum("cij,ci->cj", frames.reshape(-1, 3, 3), local)
        found = self._row[geoms]
        swap = found[:, 0] < 0
        found[swap] = found[swap, ::-1]
        forces = np.where(swap[:, None], on_second, -on_second)
        return ContactList(step[:, 0] // n_worlds, step[:, 0] % n_worlds, found, positions, forces)
