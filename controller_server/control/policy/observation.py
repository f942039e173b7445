"""Observations of policies: named terms over the simulated pair and its reference, the same in training and in serving.

Every term (`terms.observation`) is a pure function of an `ObservationContext`, over the array API. Vectors are given in
the observer's heading frame: the world turned about its vertical until the observer's pelvis looks along x, and seen
from that pelvis where positions are concerned. Nothing tells where in the world, or which way, the pair stands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from controller_server.body.pair import PairBody
from controller_server.clip.interaction import ROLES
from controller_server.clip.skeleton import JOINT_NAMES
from controller_server.control.reference.reference_trajectory import Bodies, ReferenceTrajectory
from controller_server.core.arrays import Array
from controller_server.core.errors import AssistMimicError, BundleError
from controller_server.physics.backend import Backend
from controller_server.terms import BoundTerm, TermConfig, observation

ORIENTED = [
    JOINT_NAMES.index(name)
    for name in ("pelvis", "spine3", "head", "left_ankle", "right_ankle", "left_wrist", "right_wrist")
]
"""Bodies whose orientation is observed."""


class _Withheld:
    """Stand-in for an array that a term reads without saying that it needs it."""

    def __init__(self, need: str) -> None:
        self.need = need

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise BundleError(self.complaint)

    def __getitem__(self, index: Any) -> Any:
        raise BundleError(self.complaint)

    @property
    def complaint(self) -> str:
        return f"reads what it does not say it needs; write needs=({self.need!r},)"


NO_FORCES: Any = _Withheld("forces")
"""For `ObservedState.forces` where nobody needs any."""


@dataclass(frozen=True)
class ObservedState:
    """All that observations are made from.

    Attributes:
        now: The simulated pair.
        goal: The reference one control frame ahead; hand goals may have been retargeted.
        ahead: Gives the reference so many seconds ahead; beyond the clip's end the last frame holds.
        forces: Net contact force on each body from partner, floor, prop [N], shape (N, 2, B, 3, 3); nothing to be read
            where nobody needs forces.
        balance: How far ahead of its own reference the centre of mass is [m], and how much faster [m/s], (N, 2, 2, 3).
        action: The previous action, shape (N, 2, 3 J); zero at the start.
        grips: Grips of the coming frame, 0-1, shape (N, 2, 2).
        shift: How far the supporter's hand goals are displaced by retargeting [m], shape (N, 2, 3); nothing to be
            read where they never are.
        broken: Worlds that became non-finite, shape (N,); of all others terms have to give finite numbers.
            None where nobody knows, and then nothing is made sure of.
    """

    now: Bodies
    goal: Bodies
    ahead: Callable[[float], Bodies]
    forces: Array
    balance: Array
    action: Array
    grips: Array
    shift: Array = _Withheld("retargeting")
    broken: Array = None


def simulated(backend: Backend) -> Bodies:
    """Return the pairs of a backend as they are now, float32."""
    return Bodies(
        *(
            np.asarray(a, np.float32)
            for a in (backend.positions(), backend.quats(), backend.linear_velocity(), backend.angular_velocity())
        )
    )


def balance(backend: Backend, com: np.ndarray) -> np.ndarray:
    """Error of the centre of mass and of its velocity against `ReferenceTrajectory.com_at`, shape (N, 2, 2, 3)."""
    return np.stack([backend.com(), backend.com_velocity()], axis=2).astype(np.float32) - com


def observe_state(
    backend: Backend, track: ReferenceTrajectory, frames: np.ndarray, action: np.ndarray, *, felt: bool = True
) -> ObservedState:
    """Return the view of a backend whose worlds are at control frames of a track.

    Args:
        backend: N pair-worlds.
        track: Their reference.
        frames: Present control frame of each world, shape (N,).
        action: The previous action, shape (N, 2, 3 J).
        felt: Whether the backend is asked for forces.
    """
    return ObservedState(
        now=simulated(backend),
        goal=track.bodies(frames + 1),
        ahead=lambda seconds: track.bodies(frames + round(seconds * track.hz)),
        forces=np.asarray(backend.forces(), np.float32) if felt else NO_FORCES,
        balance=balance(backend, track.com_at(frames)),
        action=np.asarray(action, np.float32),
        grips=track.grips_at(frames),
        broken=np.asarray(backend.diverged()),
    )


class ObservationContext:
    """The input of an observation term: a view, and the heading of each observer in it.

    Attributes:
        view: State and reference.
        xp: The array library of the view.
    """

    def __init__(self, view: ObservedState) -> None:
        self.view = view
        xp = self.xp = array_namespace(view.now.positions)
        q = view.now.quats[:, :, 0, :]
        w, x, y, z = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
        # Twist about the vertical of the rotation from "upright and facing x" to the pelvis: unlike the direction of
        # the chest it is well defined for a person who lies on the back, and undefined only upside down.
        a, b = w + x + y + z, y + z - w - x
        norm = xp.maximum(a * a + b * b, 1e-12)
        self._cos, self._sin = ((a * a - b * b) / norm)[..., None], (2 * a * b / norm)[..., None]

    def turn(self, vectors: Array) -> Array:
        """Return world vectors (N, 2, k, 3) in the observer's heading frame, flat (N, 2, 3 k)."""
        xp, x, y = self.xp, vectors[..., 0], vectors[..., 1]
        cos, sin = self._cos, self._sin
        turned = xp.stack([cos * x + sin * y, cos * y - sin * x, vectors[..., 2]], axis=-1)
        return xp.reshape(turned, (*turned.shape[:2], -1))

    def partner(self, array: Array) -> Array:
        """Return what belongs to the other person."""
        return self.xp.flip(array, axis=1)

    @property
    def pelvis(self) -> Array:
        """The observer's position [m], shape (N, 2, 1, 3)."""
        return self.view.now.positions[:, :, :1, :]

    @cached_property
    def axes(self) -> tuple[Array, Array]:
        """First two axes of pelvis, chest, head, feet and hands, shape (N, 2, k, 3) each."""
        return _axes(self.xp, self.view.now.quats[:, :, ORIENTED, :])


def _axes(xp: Any, quats: Array) -> tuple[Array, Array]:
    """First two columns of rotation matrices, shape (N, 2, k, 4) to twice (N, 2, k, 3)."""
    w, x, y, z = quats[..., 0], quats[..., 1], quats[..., 2], quats[..., 3]
    first = xp.stack([1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)], axis=-1)
    second = xp.stack([2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)], axis=-1)
    return first, second


Terms = Sequence["str | BoundTerm"]


def bound(terms: Terms) -> list[BoundTerm]:
    """Return terms with their parameters; those that are named alone have their defaults. Raises AssistMimicError."""
    names = {term: TermConfig() for term in terms if isinstance(term, str)}
    found = dict(zip(names, observation.bind(names), strict=True))
    return [found[term] if isinstance(term, str) else term for term in terms]


def reads_forces(terms: Terms) -> bool:
    """Return whether any of the terms needs contact forces."""
    return any("forces" in term.term.needs for term in bound(terms))


def term_sizes(pair: PairBody, terms: Terms) -> tuple[tuple[str, int], ...]:
    """Name and size of the blocks in their order, as `NetworkSpec.inputs` takes them.

    Raises:
        AssistMimicError: there is no such term, or it reads what it does not say it needs.
    """
    return tuple((term.name, _size(pair, term)) for term in bound(terms))


def _size(pair: PairBody, term: BoundTerm) -> int:
    """Length of a term's block, found by trying it on a pair at the origin."""
    b, needs = len(pair.joints), term.term.needs
    quats = np.zeros((1, 2, b, 4), np.float32)
    quats[..., 0] = 1
    zero = np.zeros((1, 2, b, 3), np.float32)
    bodies = Bodies(zero, quats, zero, zero)
    view = ObservedState(
        now=bodies,
        goal=bodies,
        ahead=lambda seconds: bodies,
        forces=np.zeros((1, 2, b, 3, 3), np.float32) if "forces" in needs else NO_FORCES,
        balance=np.zeros((1, 2, 2, 3), np.float32),
        action=np.zeros((1, 2, 3 * (b - 1)), np.float32),
        grips=np.zeros((1, 2, 2), np.float32),
        shift=np.zeros((1, 2, 3), np.float32) if "retargeting" in needs else _Withheld("retargeting"),
    )
    block = _block(term, ObservationContext(view))
    return int(np.prod(block.shape[2:]))


def _block(term: BoundTerm, context: ObservationContext) -> Array:
    """Return what a term gives. Raises AssistMimicError where that is no block."""
    try:
        block = term(context)
    except AssistMimicError as error:
        where = f"observation: {term.name}: "
        raise BundleError(where + str(error).removeprefix(where)) from None
    people = tuple(context.view.now.positions.shape[:2])
    if not hasattr(block, "shape"):
        raise BundleError(f"observation: {term.name}: returned {block!r}, expected an array")
    if tuple(block.shape[:2]) != people or not (block.ndim == 3 or (block.ndim == 4 and block.shape[3] == 3)):
        expected = f"{(*people, 'k')} or {(*people, 'k', 3)}"
        raise BundleError(f"observation: {term.name}: has shape {tuple(block.shape)}, expected {expected}")
    return block


def observe(view: ObservedState, terms: Terms) -> Array:
    """Return the terms of both people side by side.

    Args:
        view: State and reference.
        terms: Names, or terms with their parameters, in the order wanted.

    Returns:
        Shape (N, 2, sum of sizes), in the view's dtype.

    Raises:
        AssistMimicError: a term gives no block, or numbers that are not finite; names it.
    """
    context, named = ObservationContext(view), bound(terms)
    blocks = [_block(term, context) for term in named]
    # Neighbours are turned in one go: for a single pair the calls cost more than the arithmetic.
    parts = []
    for vectors, run in groupby(blocks, key=lambda block: block.ndim == 4):
        together = list(run)
        parts += [context.turn(context.xp.concat(together, axis=2))] if vectors else together
    seen = context.xp.concat(parts, axis=-1)
    if view.broken is not None and not bool(context.xp.all(context.xp.isfinite(seen[~view.broken]))):
        raise BundleError(_not_finite(named, [np.asarray(b) for b in blocks], np.asarray(view.broken)))
    return seen


def _not_finite(terms: Sequence[BoundTerm], blocks: Sequence[Array], broken: Array) -> str:
    """Say which term gives numbers that are not finite, and where."""
    for term, block in zip(terms, blocks, strict=True):
        bad = ~np.isfinite(block).reshape(*block.shape[:2], -1).all(axis=-1) & ~broken[:, None]
        if bad.any():
            world, person = (int(index) for index in np.argwhere(bad)[0])
            of = term.name if term.term.file is None else f"{term.name}: {term.term.file.name}"
            return (
                f"observation: {of}: numbers that are not finite, of the {ROLES[person]} in world {world}; "
                "look for a division by zero"
            )
    return "observation: numbers that are not finite came of turning a person's view; is anybody's pelvis a rotation?"
