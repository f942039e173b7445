"""Scenes with a known physical answer: people lying, standing, palms that just touch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from controller_server.body.pair import PairBody, PersonBody
from controller_server.body.shape import Hands, Shape
from controller_server.clip.interaction import Prop
from controller_server.clip.rotation import quat_from_rotvec, quat_mul, quat_rotate, quat_to_matrix
from controller_server.clip.skeleton import JOINT_NAMES, Skeleton, forward_kinematics
from controller_server.physics.backend import Backend, PairState
from controller_server.physics.recording import TOUCH_FLOOR

GRAVITY = 9.81
"""[m/s2]"""
MAX_ANGLE = np.deg2rad(150)
"""Longest joint target the protocol promises to follow [rad]."""
FLOOR = TOUCH_FLOOR
LYING = np.array([1.0, 0, 0, 0])
"""Pelvis rotation of somebody on the back, head towards +Y, left arm along +X."""
STANDING = quat_from_rotvec(np.array([np.pi / 2, 0, 0]))
"""Pelvis rotation of somebody upright who faces -Y, left arm along +X."""


def neutral_pair(hands: Hands, *, friction: float = 1.0, props: tuple[Prop, ...] = ()) -> PairBody:
    """Return two neutral adults of strength 1."""
    people = [PersonBody(role, Skeleton.neutral(), hands) for role in ("supporter", "recipient")]
    return PairBody(people[0], people[1], props, friction=friction)


def weight(pair: PairBody) -> np.ndarray:
    """Of both people [N], shape (2,)."""
    return np.array([person.mass for person in pair.people]) * GRAVITY


def pose_targets(pair: PairBody, **rotvecs: Sequence[float]) -> np.ndarray:
    """Return joint targets of one person, zero but for the named joints [rad], shape (J, 3)."""
    targets = np.zeros((len(pair.joints) - 1, 3))
    for name, rotvec in rotvecs.items():
        targets[pair.joints.index(JOINT_NAMES.index(name)) - 1] = rotvec
    return targets


def arms_down(pair: PairBody) -> np.ndarray:
    """Return joint targets of one person with hanging arms [rad], shape (J, 3)."""
    return pose_targets(pair, left_shoulder=(0, 0, -1.2), right_shoulder=(0, 0, 1.2))


def at_rest(roots: np.ndarray, root_quats: np.ndarray, targets: np.ndarray) -> PairState:
    """Return one motionless pair with its joints at their targets.

    Args:
        roots: Pelvis joints [m], shape (2, 3).
        root_quats: Pelvis rotations, shape (2, 4) or (4,).
        targets: Shape (2, J, 3) [rad].
    """
    joints = targets.shape[1]
    quats = np.concatenate([np.broadcast_to(root_quats, (2, 4))[:, None], quat_from_rotvec(targets)], axis=1)
    zero = np.zeros((1, 2, 3))
    return PairState(roots[None].astype(float), quats[None], zero, zero.copy(), np.zeros((1, 2, joints, 3)))


def repeated(state: PairState, n: int) -> PairState:
    """Return the same state for n worlds."""
    return PairState(*(np.repeat(getattr(state, name), n, axis=0) for name in PairState.__dataclass_fields__))


def reach(person: PersonBody, root_quat: np.ndarray, targets: np.ndarray, direction: Sequence[float]) -> float:
    """Return how far a person's flesh reaches along a unit direction, measured from the pelvis joint [m]."""
    local = np.concatenate([root_quat[None], quat_from_rotvec(targets)])
    positions, quats = forward_kinematics(person.skeleton.offsets, np.zeros(3), local, person.joints)
    way = np.asarray(direction, dtype=float)
    rows = {j: k for k, j in enumerate(person.joints)}

    def support(shape: Shape) -> float:
        row = rows[shape.joint]
        centre = positions[row] + quat_rotate(quats[row], shape.position)
        along = way @ quat_to_matrix(quat_mul(quats[row], shape.quat))
        if shape.kind == "capsule":
            extent = shape.size[0] + shape.size[1] * abs(along[2])
        else:
            extent = shape.size[0] if shape.kind == "sphere" else float(np.abs(along) @ np.array(shape.size))
        return float(centre @ way) + float(extent)

    return max(support(shape) for shape in person.shapes)


def on_floor(pair: PairBody, root_quat: np.ndarray, targets: np.ndarray, *, apart: float, above: float) -> PairState:
    """Return one pair side by side along X at rest, the lowest point of each a height above the floor.

    Args:
        pair: Who.
        root_quat: Pelvis rotation of both, shape (4,).
        targets: Shape (2, J, 3) [rad].
        apart: Distance of the pelvis joints [m].
        above: Height of the lowest point [m].
    """
    low = [reach(person, root_quat, t, (0, 0, -1)) for person, t in zip(pair.people, targets, strict=True)]
    roots = np.array([[-apart / 2, 0, low[0] + above], [apart / 2, 0, low[1] + above]])
    return at_rest(roots, root_quat, targets)


def bent_wrists(pair: PairBody) -> np.ndarray:
    """Return joint targets of both people with the arms out and the hands bent towards the feet [rad], shape (2, J, 3).

    The sides of the palms then reach farthest to the left and right, with fingers as without.
    """
    return np.stack([pose_targets(pair, left_wrist=(0, 0, -np.pi / 2), right_wrist=(0, 0, np.pi / 2))] * 2)


def palm_to_palm(pair: PairBody, root_quat: np.ndarray) -> PairState:
    """Return one pair with `bent_wrists`, the supporter's left palm touching the recipient's right palm."""
    # One centimetre into each other: what just touches may part before it holds.
    targets = bent_wrists(pair)
    left = reach(pair.supporter, root_quat, targets[0], (1, 0, 0))
    right = reach(pair.recipient, root_quat, targets[1], (-1, 0, 0))
    return on_floor(pair, root_quat, targets, apart=left + right - 0.01, above=0.0)


def start(backend: Backend, state: PairState, targets: np.ndarray, grips: np.ndarray | float = 0.0) -> None:
    """Put all worlds into one state with targets (2, J, 3) or (N, 2, J, 3), grips and no wrench."""
    n = backend.n_worlds
    backend.set_state(repeated(state, n) if len(state.root_position) == 1 else state)
    backend.set_targets(np.array(np.broadcast_to(targets, (n, *targets.shape[-3:]))))
    backend.set_grips(np.array(np.broadcast_to(grips, (n, 2, 2))))
    backend.set_wrench(np.zeros((n, 2, 6)))


def seconds(backend: Backend, duration: float) -> int:
    """Physics steps in a time [s]."""
    return round(duration * backend.pair.physics_hz)


def mean_forces(backend: Backend, duration: float) -> np.ndarray:
    """Contact forces averaged over the time to come [N], shape (N, 2, B, 3 kinds, 3)."""
    steps = seconds(backend, duration)
    total = np.zeros(backend.forces().shape)
    for _ in range(steps):
        backend.step()
        total += backend.forces()
    return total / steps


def random_targets(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Rotation vectors about random axes by 0-150 degrees [rad], shape (*shape, 3)."""
    axes = rng.standard_normal((*shape, 3))
    axes /= np.linalg.norm(axes, axis=-1, keepdims=True)
    return axes * rng.uniform(0, MAX_ANGLE, (*shape, 1))


def readings(backend: Backend) -> dict[str, np.ndarray]:
    """Return everything that can be read of all worlds, by name."""
    found = {name: np.array(value) for name, value in vars(backend.state()).items()}
    names = ["time", "positions", "quats", "linear_velocity", "angular_velocity", "com", "com_velocity", "torques"]
    names += ["damping_torques"] + ["forces"] * backend.capabilities.contact_split
    return found | {name: np.array(getattr(backend, name)()) for name in names}


def differences(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> dict[str, float]:
    """Return readings that differ in any bit, with their largest difference."""
    return {
        name: float(np.abs(value - second[name]).max())
        for name, value in first.items()
        if not np.array_equal(value, second[name])
    }
