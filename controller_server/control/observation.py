"""What a policy sees: named terms over the simulated pair and its reference, the same in training and in serving.

Every term is a pure function of a `View`, over the array API. Vectors are given in the observer's heading frame: the
world turned about its vertical until the observer's pelvis looks along x, and seen from that pelvis where positions
are concerned. Nothing tells where in the world, or which way, the pair stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from ..body.pair import PairBody
from ..clip.rotation import quat_conj, quat_heading, quat_mul
from ..clip.skeleton import JOINT_NAMES, N_BODY_JOINTS
from ..errors import AssistMimicError
from ..physics.backend import Backend
from .hold import TOUCH
from .reference import Reference

Array = Any

LOOK_AHEAD = 1 / 3
"""How far ahead of the present the far goal lies [s]."""
_FORCE_SCALE = 50.0  # forces are given as asinh(force / 50 N): linear when small, logarithmic when large
_BODY = slice(0, N_BODY_JOINTS)  # rows of pelvis to wrists: fingers, where simulated, come after


def _rows(*names: str) -> list[int]:
    return [JOINT_NAMES.index(name) for name in names]


_PAIRED = {part: [f"left_{part}", f"right_{part}"] for part in ("shoulder", "elbow", "wrist", "knee", "ankle", "foot")}
_ORIENTED = _rows("pelvis", "spine3", "head", *_PAIRED["ankle"], *_PAIRED["wrist"])
_LIMBS = [name for part in ("shoulder", "elbow", "wrist", "knee", "ankle") for name in _PAIRED[part]]
_SEEN = _rows("pelvis", "spine3", "head", *_LIMBS)
_FEET = _rows(*_PAIRED["ankle"], *_PAIRED["foot"])
_HANDS = _rows(*_PAIRED["wrist"])
_FELT = (
    _rows("left_wrist"),
    _rows("right_wrist"),
    _rows("left_collar", "left_shoulder", "left_elbow"),
    _rows("right_collar", "right_shoulder", "right_elbow"),
    _rows("pelvis", "spine1", "spine2", "spine3", "neck", "head"),
    _rows("left_hip", "left_knee", "left_ankle", "left_foot", "right_hip", "right_knee", "right_ankle", "right_foot"),
)


@dataclass(frozen=True)
class Bodies:
    """How N pairs of people of B bodies are placed and move, world axes.

    Attributes:
        positions: Of the joints [m], shape (N, 2, B, 3).
        quats: Shape (N, 2, B, 4).
        velocities: Of the joints [m/s], shape (N, 2, B, 3).
        spins: Angular velocities [rad/s], shape (N, 2, B, 3).
    """

    positions: Array
    quats: Array
    velocities: Array
    spins: Array


@dataclass(frozen=True)
class View:
    """All that observations are made from.

    Attributes:
        now: The simulated pair.
        goal: The reference one control frame ahead; hand goals may have been retargeted.
        ahead: Reference positions `LOOK_AHEAD` ahead [m], shape (N, 2, B, 3).
        forces: Net contact force on each body from partner, floor, prop [N], shape (N, 2, B, 3, 3).
        balance: How far ahead of its own reference the centre of mass is [m], and how much faster [m/s], (N, 2, 2, 3).
        action: The previous action, shape (N, 2, 3 J); zero at the start.
        grips: Of the coming frame, 0-1, shape (N, 2, 2).
    """

    now: Bodies
    goal: Bodies
    ahead: Array
    forces: Array
    balance: Array
    action: Array
    grips: Array


@dataclass(frozen=True)
class Track:
    """A reference laid out for observing: float32, one row a control frame.

    Attributes:
        frames: Shapes (K, 2, B, ·).
        headings: Of the pelvises (`quat_heading`), shape (K, 2, 4).
        com: Centre of mass [m] and its velocity [m/s], shape (K, 2, 2, 3).
        grips: Shape (K, 2, 2).
        ahead: Control frames to the far goal.
    """

    frames: Bodies
    headings: np.ndarray
    com: np.ndarray
    grips: np.ndarray
    ahead: int

    @staticmethod
    def of(reference: Reference) -> Track:
        """The track of a reference."""
        frames = Bodies(
            *(
                np.asarray(a, np.float32)
                for a in (reference.positions, reference.quats, reference.velocities, reference.spins)
            )
        )
        com = np.stack([reference.com, reference.com_velocity], axis=2)
        return Track(
            frames,
            quat_heading(frames.quats[:, :, 0]),
            np.asarray(com, np.float32),
            np.asarray(reference.grips, np.float32),
            round(LOOK_AHEAD * reference.hz),
        )

    @property
    def n_frames(self) -> int:
        """Number of control frames K."""
        return len(self.grips)

    def bodies(self, rows: np.ndarray) -> Bodies:
        """The reference at frames, shape (N,); beyond the end the last one holds."""
        rows = np.minimum(rows, self.n_frames - 1)
        frames = self.frames
        return Bodies(frames.positions[rows], frames.quats[rows], frames.velocities[rows], frames.spins[rows])

    def positions(self, rows: np.ndarray) -> np.ndarray:
        """Positions alone [m], shape (N, 2, B, 3)."""
        return self.frames.positions[np.minimum(rows, self.n_frames - 1)]

    def headings_at(self, rows: np.ndarray) -> np.ndarray:
        """Headings, shape (N, 2, 4)."""
        return self.headings[np.minimum(rows, self.n_frames - 1)]

    def grips_at(self, rows: np.ndarray) -> np.ndarray:
        """Grips, shape (N, 2, 2)."""
        return self.grips[np.minimum(rows, self.n_frames - 1)]


def simulated(backend: Backend) -> Bodies:
    """The pairs of a backend as they are now, float32."""
    return Bodies(
        *(
            np.asarray(a, np.float32)
            for a in (backend.positions(), backend.quats(), backend.linear_velocity(), backend.angular_velocity())
        )
    )


def balance(backend: Backend, com: np.ndarray) -> np.ndarray:
    """Error of the centre of mass and of its velocity against `Track.com` rows, shape (N, 2, 2, 3)."""
    return np.stack([backend.com(), backend.com_velocity()], axis=2).astype(np.float32) - com


def look(
    backend: Backend, track: Track, frames: np.ndarray, action: np.ndarray, *, forces: np.ndarray | None = None
) -> View:
    """The view of a backend whose worlds are at control frames of a track.

    Args:
        backend: N pair-worlds.
        track: Their reference.
        frames: Present control frame of each world, shape (N,).
        action: The previous action, shape (N, 2, 3 J).
        forces: What is felt, shape (N, 2, B, 3, 3); the backend is asked by default.
    """
    return View(
        now=simulated(backend),
        goal=track.bodies(frames + 1),
        ahead=track.positions(frames + track.ahead),
        forces=np.asarray(backend.forces() if forces is None else forces, np.float32),
        balance=balance(backend, track.com[np.minimum(frames, track.n_frames - 1)]),
        action=np.asarray(action, np.float32),
        grips=track.grips_at(frames),
    )


class _Eyes:
    """A view and the heading of each observer in it."""

    def __init__(self, view: View) -> None:
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
        """World vectors (N, 2, k, 3) in the observer's heading frame, flat (N, 2, 3 k)."""
        xp, x, y = self.xp, vectors[..., 0], vectors[..., 1]
        cos, sin = self._cos, self._sin
        turned = xp.stack([cos * x + sin * y, cos * y - sin * x, vectors[..., 2]], axis=-1)
        return xp.reshape(turned, (*turned.shape[:2], -1))

    def partner(self, array: Array) -> Array:
        """What belongs to the other person."""
        return self.xp.flip(array, axis=1)

    @property
    def pelvis(self) -> Array:
        """Where the observer is [m], shape (N, 2, 1, 3)."""
        return self.view.now.positions[:, :, :1, :]

    @cached_property
    def axes(self) -> tuple[Array, Array]:
        """First two axes of pelvis, chest, head, feet and hands, shape (N, 2, k, 3) each."""
        return _axes(self.xp, self.view.now.quats[:, :, _ORIENTED, :])


def _axes(xp: Any, quats: Array) -> tuple[Array, Array]:
    """First two columns of rotation matrices, shape (N, 2, k, 4) to twice (N, 2, k, 3)."""
    w, x, y, z = quats[..., 0], quats[..., 1], quats[..., 2], quats[..., 3]
    first = xp.stack([1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)], axis=-1)
    second = xp.stack([2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)], axis=-1)
    return first, second


def _turn_needed(xp: Any, goal: Array, now: Array) -> Array:
    """Twice the vector part of the rotation from now to goal: a rotation vector for small turns, never above 2."""
    error = quat_mul(goal, quat_conj(now))
    return error[..., 1:] * (2.0 - 4.0 * xp.astype(error[..., :1] < 0, error.dtype))


def _felt(xp: Any, forces: Array) -> Array:
    """Forces as a network can take them: their direction, their size through asinh; 0 where there are none."""
    size = xp.sqrt(xp.sum(forces * forces, axis=-1, keepdims=True)) / _FORCE_SCALE
    return forces * (xp.asinh(size) / xp.maximum(size, 1e-9) / _FORCE_SCALE)


def _touching(xp: Any, forces: Array) -> Array:
    hands = forces[:, :, _HANDS, 0, :]
    return xp.astype(xp.sum(hands * hands, axis=-1) > TOUCH**2, forces.dtype)


def _height(e: _Eyes) -> Array:
    return e.pelvis[:, :, 0, 2:]


def _positions(e: _Eyes) -> Array:
    return e.view.now.positions[:, :, 1:N_BODY_JOINTS, :] - e.pelvis


def _rotations(e: _Eyes) -> Array:
    return e.xp.concat(e.axes, axis=2)


def _velocities(e: _Eyes) -> Array:
    return e.view.now.velocities[:, :, _BODY, :]


def _spins(e: _Eyes) -> Array:
    return e.view.now.spins[:, :, _ORIENTED, :]


def _support(e: _Eyes) -> Array:
    forces = e.view.forces
    seat = e.xp.sum(forces[:, :, :, 2, :], axis=2)[:, :, None, :]
    return _felt(e.xp, e.xp.concat([forces[:, :, _FEET, 1, :], seat], axis=2))


def _balance(e: _Eyes) -> Array:
    return e.view.balance


def _goal_positions(e: _Eyes) -> Array:
    return (e.view.goal.positions - e.view.now.positions)[:, :, _BODY, :]


def _goal_velocities(e: _Eyes) -> Array:
    return (e.view.goal.velocities - e.view.now.velocities)[:, :, _BODY, :]


def _goal_rotations(e: _Eyes) -> Array:
    goal, now = e.view.goal.quats[:, :, _ORIENTED, :], e.view.now.quats[:, :, _ORIENTED, :]
    return _turn_needed(e.xp, goal, now)


def _goal_ahead(e: _Eyes) -> Array:
    return (e.view.ahead - e.view.now.positions)[:, :, _BODY, :]


def _partner_positions(e: _Eyes) -> Array:
    return e.partner(e.view.now.positions)[:, :, _SEEN, :] - e.pelvis


def _partner_velocities(e: _Eyes) -> Array:
    return e.partner(e.view.now.velocities)[:, :, _SEEN, :]


def _partner_facing(e: _Eyes) -> Array:
    return e.partner(e.xp.concat([axis[:, :, :1, :] for axis in e.axes], axis=2))


def _partner_goal(e: _Eyes) -> Array:
    return e.partner((e.view.goal.positions - e.view.now.positions)[:, :, _SEEN, :])


def _partner_forces(e: _Eyes) -> Array:
    forces = e.view.forces[:, :, :, 0, :]
    groups = [e.xp.sum(forces[:, :, rows, :], axis=2) for rows in _FELT]
    return _felt(e.xp, e.xp.stack(groups, axis=2))


def _hand_contacts(e: _Eyes) -> Array:
    own = _touching(e.xp, e.view.forces)
    return e.xp.concat([own, e.partner(own)], axis=-1)


def _grips(e: _Eyes) -> Array:
    return e.xp.concat([e.view.grips, e.partner(e.view.grips)], axis=-1)


def _previous_action(e: _Eyes) -> Array:
    return e.view.action


@dataclass(frozen=True)
class Term:
    """One block of an observation.

    Attributes:
        meaning: In words, for tables.
        size: Of the block, for a pair with so many actuated joints.
        compute: From the eyes to the block, shape (N, 2, size), or to the vectors in world axes whose view from the
            heading frame it is, shape (N, 2, size / 3, 3).
    """

    meaning: str
    size: Callable[[int], int]
    compute: Callable[[_Eyes], Array]


def _fixed(size: int) -> Callable[[int], int]:
    return lambda joints: size


_B = N_BODY_JOINTS
TERMS: Mapping[str, Term] = {
    "height": Term("pelvis above the floor [m]", _fixed(1), _height),
    "positions": Term("own joints from the pelvis [m]", _fixed(3 * (_B - 1)), _positions),
    "rotations": Term("two axes of pelvis, chest, head, hands, feet", _fixed(6 * len(_ORIENTED)), _rotations),
    "velocities": Term("own joints [m/s]", _fixed(3 * _B), _velocities),
    "spins": Term("pelvis, chest, head, hands, feet [rad/s]", _fixed(3 * len(_ORIENTED)), _spins),
    "support": Term("floor under feet and toes, seat: asinh(N / 50)", _fixed(3 * len(_FEET) + 3), _support),
    "balance": Term("centre of mass and its velocity against the reference [m, m/s]", _fixed(6), _balance),
    "goal_positions": Term("next reference minus own joints [m]", _fixed(3 * _B), _goal_positions),
    "goal_velocities": Term("next reference minus own joints [m/s]", _fixed(3 * _B), _goal_velocities),
    "goal_rotations": Term("turn to the next reference [rad]", _fixed(3 * len(_ORIENTED)), _goal_rotations),
    "goal_ahead": Term("reference 1/3 s ahead minus own joints [m]", _fixed(3 * _B), _goal_ahead),
    "partner_positions": Term("partner's joints from own pelvis [m]", _fixed(3 * len(_SEEN)), _partner_positions),
    "partner_velocities": Term("partner's joints [m/s]", _fixed(3 * len(_SEEN)), _partner_velocities),
    "partner_facing": Term("two axes of the partner's pelvis", _fixed(6), _partner_facing),
    "partner_goal": Term("partner's next reference minus their joints [m]", _fixed(3 * len(_SEEN)), _partner_goal),
    "partner_forces": Term(
        "from the partner on hands, arms, trunk, legs: asinh(N / 50)", _fixed(3 * len(_FELT)), _partner_forces
    ),
    "hand_contacts": Term("own and partner's hands that touch the other", _fixed(4), _hand_contacts),
    "grips": Term("own and partner's grips", _fixed(4), _grips),
    "previous_action": Term("the action before", lambda joints: 3 * joints, _previous_action),
}
PRIOR_TERMS = tuple(TERMS)[:11]
"""What one person alone sees: own body and goal."""
ASSIST_TERMS = tuple(TERMS)[11:]
"""What a person sees of the other, and of what passes between them."""


def check_terms(names: Sequence[str]) -> None:
    """Make sure that there are such terms. Raises AssistMimicError."""
    for name in names:
        if name not in TERMS:
            raise AssistMimicError(f"observation: no term {name!r}; there are {', '.join(TERMS)}")


def term_sizes(pair: PairBody, names: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """Name and size of the blocks in their order, as `NetworkSpec.inputs` takes them. Raises AssistMimicError."""
    check_terms(names)
    joints = len(pair.joints) - 1
    return tuple((name, TERMS[name].size(joints)) for name in names)


def observe(view: View, names: Sequence[str]) -> Array:
    """The terms of both people side by side.

    Args:
        view: State and reference.
        names: Keys of TERMS, in the order wanted.

    Returns:
        Shape (N, 2, sum of sizes), in the view's dtype.
    """
    eyes = _Eyes(view)
    blocks = [TERMS[name].compute(eyes) for name in names]
    # Neighbours are turned in one go: for a single pair the calls cost more than the arithmetic.
    parts = []
    for vectors, run in groupby(blocks, key=lambda block: block.ndim == 4):
        together = list(run)
        parts += [eyes.turn(eyes.xp.concat(together, axis=2))] if vectors else together
    return eyes.xp.concat(parts, axis=-1)
