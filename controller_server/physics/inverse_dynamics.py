"""Inverse dynamics of two people who touch: the muscle torques and contact forces a motion needs.

A PD drive whose target is the reference sags under load: 100 N m at 800 N m/rad are 7 degrees. The torque a motion
needs, divided by the gain, is the offset of the target that carries the load without an error. It depends on who bears
what, so contact forces are found first: of all that floor, furniture and partner can give, those with which nobody
needs a residual root wrench and muscles work least against their limits. A weak person is so held by a strong one.

MuJoCo's collision detection and rigid-body algorithms are used, whichever engine simulates.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import mujoco
import numpy as np

from controller_server.body.compiled import compiled
from controller_server.body.layout import PairLayout, clip_qpos
from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip
from controller_server.core.time_series import gaussian

_REACH = 0.01  # m: surfaces nearer than this may press on each other
_FIRM, _STILL = 0.003, 0.15  # m and m/s at which a contact's force costs twice as much
_FRICTION_SHARE = 0.7  # of the cone: what is planned at its edge slips
_ROOT_FORCE, _ROOT_TORQUE = 5.0, 2.0  # N and N m of residual root wrench that cost as much as a muscle at its limit
_CONTACT_FORCE = 2000.0  # N that cost as much
_ITERATIONS = 300
_CHUNK = 64  # frames solved at once
_OPENING = 5  # frames whose torques are averaged into those of the first two
_SMOOTH = 1.0  # frames


@dataclass(frozen=True)
class Load:
    """What a motion of K frames asks for.

    Attributes:
        torques: Of the muscles, damping overcome, within their limits [N m, child's axes], shape (K, 2, J, 3).
        residual: What nothing in reach can give: force [N, world] and torque [N m, pelvis axes] on each pelvis, shape
            (K, 2, 6).
        partner: Force each person gets from the partner [N, world], shape (K, 2, 3).
    """

    torques: np.ndarray
    residual: np.ndarray
    partner: np.ndarray


@dataclass(frozen=True)
class _Contacts:
    """C places where a force may act.

    Attributes:
        bodies: The two bodies, shape (C, 2).
        frames: Rows are the normal from first to second and two tangents, shape (C, 3, 3).
        jacobian: Generalised force of a newton on the second body along each row, shape (C, 3, nv).
        price: What a newton costs, shape (C,).
        friction: Slope of the cone, shape (C,).
        pull: What adhesion adds to the normal force that a cone allows [N], shape (C,).
    """

    bodies: np.ndarray
    frames: np.ndarray
    jacobian: np.ndarray
    price: np.ndarray
    friction: np.ndarray
    pull: np.ndarray


SPARING = 3.0
"""Effort weight of the recipient's muscles, 1 for the supporter's: the supporter is there to spare them."""


class Motion:
    """A motion whose inverse dynamics are solved when somebody asks for them, once for each way to share the load.

    Args:
        pair: Whose motion.
        qpos: MuJoCo positions, shape (K, nq).
        grips: 0-1, shape (K, 2, 2).
        hz: Frames per second.
    """

    def __init__(self, pair: PairBody, qpos: np.ndarray, grips: np.ndarray, hz: float) -> None:
        self.pair, self._qpos, self._grips, self._hz = pair, qpos, grips, hz
        self._solved: dict[tuple[float, bool], Load] = {}

    @staticmethod
    def of(clip: InteractionClip, pair: PairBody, grips: np.ndarray, hz: float) -> Motion:
        """Return the motion of a clip at the control rate."""
        body = compiled(pair)
        return Motion(pair, clip_qpos(clip, pair, body.layout, body.model.nq), grips, hz)

    def centre_of_mass(self) -> np.ndarray:
        """Return where that of both bodies is [m], shape (K, 2, 3)."""
        body = compiled(self.pair)
        data, com = mujoco.MjData(body.model), np.zeros((len(self._qpos), 2, 3))
        for frame, row in enumerate(self._qpos):
            data.qpos[:] = row
            mujoco.mj_kinematics(body.model, data)
            mujoco.mj_comPos(body.model, data)
            com[frame] = data.subtree_com[body.layout.body[:, 0]]
        return com

    def load(self, sparing: float, *, apart: bool) -> Load:
        """Return what the motion asks for, with the load shared out so (`inverse_dynamics`)."""
        if (sparing, apart) not in self._solved:
            self._solved[sparing, apart] = self._inverse_dynamics(sparing, apart)
        return self._solved[sparing, apart]

    def opening(self, sparing: float, *, apart: bool) -> np.ndarray:
        """Return the torques of `load` in the first two frames [N m], which take less time than those of all."""
        if (sparing, apart) in self._solved:
            return self._solved[sparing, apart].torques[:2]
        return self._inverse_dynamics(sparing, apart, only=_OPENING).torques[:2]

    def _inverse_dynamics(self, sparing: float, apart: bool, only: int | None = None) -> Load:
        motion = (self.pair, self._qpos, self._grips, self._hz)
        return inverse_dynamics(*motion, sparing=sparing, apart=apart, only=only)


def inverse_dynamics(
    pair: PairBody,
    qpos: np.ndarray,
    grips: np.ndarray,
    hz: float,
    *,
    sparing: float = SPARING,
    apart: bool = False,
    frames: np.ndarray | None = None,
    only: int | None = None,
) -> Load:
    """Muscle torques and contact forces of a motion.

    Args:
        pair: Whose motion.
        qpos: MuJoCo positions, shape (K, nq).
        grips: 0-1, shape (K, 2, 2).
        hz: Frames per second.
        sparing: Effort weight of the recipient's muscles, 1 for the supporter's.
        apart: Whether the two people get nothing from each other.
        frames: Which frames to solve, in order, K of them; all by default. Torques are averaged over neighbours.
        only: Solve only so many of these, 64 at most; what comes out for them is the same but for that average.
    """
    found = compiled(pair)
    model, layout, wide = found.model, found.layout, _with_margin(found.model)
    data = mujoco.MjData(wide)
    velocity, acceleration = _derivatives(model, qpos, hz)
    price = _price(layout, pair, model.nv, (1.0, sparing))
    frames = np.arange(len(qpos)) if frames is None else frames
    size = len(frames) if only is None else min(only, len(frames))
    torques = np.zeros((size, *layout.joint_qvel.shape))
    residual, partner = np.zeros((size, 2, 6)), np.zeros((size, 2, 3))
    for start in range(0, size, _CHUNK):
        # What is solved together decides the last digit: so a whole chunk is looked at, whatever is wanted of it.
        chunk = range(start, min(start + _CHUNK, len(frames)))
        needed, contacts = np.zeros((len(chunk), model.nv)), []
        for i, k in enumerate(chunk):
            frame = frames[k]
            data.qpos[:], data.qvel[:] = qpos[frame], velocity[frame]
            needed[i] = _needed(wide, data, acceleration[frame])
            contacts.append(_contacts(wide, data, layout, pair.grip_force * grips[frame], apart=apart))
        for i, (k, force) in enumerate(zip(chunk, _solve(contacts, needed, price, only), strict=False)):
            needed[i] -= np.einsum("cin,ci->n", contacts[i].jacobian, force)
            torques[k], residual[k] = needed[i, layout.joint_qvel], needed[i, layout.root_qvel[:, None] + np.arange(6)]
            partner[k] = _between(wide, layout, contacts[i], force)
    limits = pair.torque_limits
    return Load(np.clip(gaussian(torques, _SMOOTH), -limits[..., 0], limits[..., 1]), residual, partner)


def _with_margin(model: mujoco.MjModel) -> mujoco.MjModel:
    """Return the same pair with surfaces that notice each other from afar."""
    wide = copy(model)
    wide.geom_margin[:] = _REACH / 2  # MuJoCo adds the margins of both
    return wide


def _derivatives(model: mujoco.MjModel, qpos: np.ndarray, hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Generalised velocity and acceleration by central differences, each shape (K, nv)."""
    between = np.zeros((len(qpos) + 1, model.nv))
    for k in range(len(qpos) - 1):
        mujoco.mj_differentiatePos(model, between[k + 1], 1 / hz, qpos[k], qpos[k + 1])
    between[0], between[-1] = between[1], between[-2]
    return (between[1:] + between[:-1]) / 2, np.diff(between, axis=0) * hz


def _price(layout: PairLayout, pair: PairBody, nv: int, care: tuple[float, float]) -> np.ndarray:
    """Return what a unit of generalised force costs in each degree of freedom, shape (nv,)."""
    price = np.zeros(nv)
    for person, root in enumerate(layout.root_qvel):
        price[root : root + 3], price[root + 3 : root + 6] = 1 / _ROOT_FORCE, 1 / _ROOT_TORQUE
        # Both directions' mean: which of them an axis will need is not known yet.
        limits = pair.torque_limits[person].mean(axis=-1)
        price[layout.joint_qvel[person]] = care[person] / np.maximum(limits, 1e-3)
    return price


def _needed(model: mujoco.MjModel, data: mujoco.MjData, acceleration: np.ndarray) -> np.ndarray:
    """Generalised force for the acceleration, against gravity and damping, shape (nv,)."""
    mujoco.mj_fwdPosition(model, data)
    mujoco.mj_fwdVelocity(model, data)
    force = np.zeros(model.nv)
    mujoco.mj_mulM(model, data, force, acceleration)
    return force + data.qfrc_bias - data.qfrc_passive


def _contacts(
    model: mujoco.MjModel, data: mujoco.MjData, layout: PairLayout, adhesion: np.ndarray, *, apart: bool
) -> _Contacts:
    """Return where forces may act now, if `apart` without those between people.

    Adhesion [N] of each hand, shape (2, 2).
    """
    bodies = model.geom_bodyid[data.contact.geom].reshape(-1, 2)
    between = np.isin(model.body_rootid[bodies], layout.body[:, 0]).all(axis=1)
    used = np.flatnonzero(~between) if apart else np.arange(data.ncon)
    found, bodies, n = data.contact, bodies[used], len(used)
    frames = found.frame[used].reshape(n, 3, 3).copy()
    jacobian, one = np.zeros((n, 3, model.nv)), np.zeros((3, model.nv))
    for c in range(n):
        for sign, body in zip((-1, 1), bodies[c], strict=True):
            if not model.body_weldid[body]:  # floor and furniture do not move
                continue
            mujoco.mj_jac(model, data, one, None, found.pos[used[c]], body)
            jacobian[c] += sign * frames[c] @ one
    slip = np.linalg.norm((jacobian @ data.qvel)[:, 1:], axis=-1)
    gap = np.maximum(found.dist[used], 0)
    pull = np.zeros(n)
    for palm, force in zip(layout.palm.ravel(), adhesion.ravel(), strict=True):
        held = (bodies == palm).any(axis=1)
        pull[held] += force / max(held.sum(), 1)
    return _Contacts(
        bodies=bodies,
        frames=frames,
        jacobian=jacobian,
        price=(1 + (gap / _FIRM) ** 2 + (slip / _STILL) ** 2) / _CONTACT_FORCE,
        friction=_FRICTION_SHARE * found.friction[used, 0],
        pull=pull,
    )


def _solve(
    contacts: list[_Contacts], needed: np.ndarray, price: np.ndarray, only: int | None = None
) -> list[np.ndarray]:
    """Cheapest contact forces along each contact's rows [N] for every frame or the first few, each shape (C, 3).

    Least squares over friction cones by accelerated projected gradient, with restarts (O'Donoghue and Candes, 2015),
    all frames at once: `needed` has shape (F, nv).
    """
    most = max((len(c.bodies) for c in contacts), default=0)
    contacts = contacts[:only]
    hessian, linear = np.zeros((len(contacts), 3 * most, 3 * most)), np.zeros((len(contacts), 3 * most))
    friction, pull, step = (np.zeros((len(contacts), most)), np.zeros((len(contacts), most)), np.ones(len(contacts)))
    for f, found in enumerate(contacts):
        n = len(found.bodies)
        if not n:
            continue
        rows = found.jacobian.reshape(3 * n, -1) * price
        own = rows @ rows.T + np.diag(np.repeat(found.price**2, 3))
        hessian[f, : 3 * n, : 3 * n], linear[f, : 3 * n] = own, rows @ (needed[f] * price)
        friction[f, :n], pull[f, :n] = found.friction, found.pull
        step[f] = 1 / np.linalg.eigvalsh(own)[-1]
    force = ahead = np.zeros_like(linear)
    momentum = np.ones(len(contacts))
    for _ in range(_ITERATIONS if most else 0):
        moved = ahead - step[:, None] * ((hessian @ ahead[..., None])[..., 0] - linear)
        fresh = _into_cones(moved.reshape(-1, most, 3), friction, pull).reshape(force.shape)
        momentum[((ahead - fresh) * (fresh - force)).sum(axis=-1) > 0] = 1.0
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = fresh + ((momentum - 1) / following)[:, None] * (fresh - force)
        force, momentum = fresh, following
    return [force[f, : 3 * len(found.bodies)].reshape(-1, 3) for f, found in enumerate(contacts)]


def _into_cones(force: np.ndarray, friction: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """Return the nearest forces with |tangent| <= friction (normal + pull), shape (..., C, 3)."""
    normal, tangent = force[..., 0] + pull, force[..., 1:]
    size = np.hypot(tangent[..., 0], tangent[..., 1])
    edge = np.maximum(friction * size + normal, 0) / (1 + friction**2)
    inside = size <= friction * normal
    shrink = np.where(inside, 1, friction * edge / np.maximum(size, 1e-12))
    return np.concatenate([(np.where(inside, normal, edge) - pull)[..., None], tangent * shrink[..., None]], axis=-1)


def _between(model: mujoco.MjModel, layout: PairLayout, contacts: _Contacts, force: np.ndarray) -> np.ndarray:
    """Force of the partner on each person [N, world], shape (2, 3)."""
    world = np.einsum("ci,cij->cj", force, contacts.frames)
    pelvis = model.body_rootid[contacts.bodies]
    out = np.zeros((2, 3))
    for person, own in enumerate(layout.body[:, 0]):
        partner = layout.body[1 - person, 0]
        out[person] = world[(pelvis == [partner, own]).all(1)].sum(0) - world[(pelvis == [own, partner]).all(1)].sum(0)
    return out
