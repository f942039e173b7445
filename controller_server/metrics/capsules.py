"""The bodies of a clip as capsules, in plain arrays: centres of mass, gaps between surfaces, bodies in themselves.

Every collision geom but the feet is a capsule (a ball is one without length), so that distances are those of line
segments, for all frames at once and without a physics engine.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from controller_server.body.pair import PersonBody
from controller_server.body.shape import Hands, Shape, body_shapes
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.rotation import quat_rotate
from controller_server.clip.skeleton import PARENTS, joint

_SIDES = ("left", "right")


@dataclass(frozen=True)
class CollisionCapsules:
    """One person's capsules in T frames. P pieces.

    Attributes:
        joints: Joint each piece belongs to, shape (P,).
        radius: [m], shape (P,).
        ends: Ends of each piece's axis in the world [m], shape (T, P, 2, 3).
        palms: Rows of the left and the right palm.
    """

    joints: np.ndarray
    radius: np.ndarray
    ends: np.ndarray
    palms: tuple[int, int]

    @staticmethod
    def of(clip: InteractionClip, person: int) -> CollisionCapsules:
        """Return a clip's person with mitten hands, whatever hands are simulated: one rule for every clip."""
        motion = clip.people[person][1]
        shapes = [shape for shape in body_shapes(motion.skeleton, Hands.MITTEN) if shape.kind != "box"]
        rows = np.array([shape.joint for shape in shapes])
        axes = np.stack([_axis(shape) for shape in shapes])
        at, turned = clip.joints[:, person, rows], clip.joint_quats[:, person, rows]
        palms = [k for k, shape in enumerate(shapes) if shape.is_palm]
        return CollisionCapsules(
            joints=rows,
            radius=np.array([shape.size[0] for shape in shapes]),
            ends=at[:, :, None] + quat_rotate(turned[:, :, None], axes),
            palms=(palms[0], palms[1]),
        )

    def rows(self, joints: Collection[int]) -> list[int]:
        """Pieces that belong to some joints."""
        return [k for k, j in enumerate(self.joints) if j in joints]

    @cached_property
    def lowest(self) -> np.ndarray:
        """Height of each piece's lowest point [m], shape (T, P)."""
        return self.ends[..., 2].min(axis=-1) - self.radius


def _axis(shape: Shape) -> np.ndarray:
    """Return ends of a capsule's axis in the axes of its joint [m], shape (2, 3)."""
    half = shape.size[1] if shape.kind == "capsule" else 0.0
    return shape.position + quat_rotate(shape.quat, np.array([[0, 0, -half], [0, 0, half]]))


def segment_distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Distance between line segments.

    The least of the four distances of an end to the other segment and, where the closest points of the two lines lie
    inside both segments, of theirs.

    Args:
        first: Both ends [m], shape (..., 2, 3).
        second: Of the other, same shape.

    Returns:
        [m], shape (...).
    """
    found = [point_distance(first[..., k, :], second) for k in range(2)]
    found += [point_distance(second[..., k, :], first) for k in range(2)]
    u, v = first[..., 1, :] - first[..., 0, :], second[..., 1, :] - second[..., 0, :]
    between = first[..., 0, :] - second[..., 0, :]
    a, b, c = _dot(u, u), _dot(u, v), _dot(v, v)
    d, e = _dot(u, between), _dot(v, between)
    area = a * c - b * b
    crossing = area > 1e-12
    safe = np.where(crossing, area, 1.0)
    s, t = (b * e - c * d) / safe, (a * e - b * d) / safe
    inside = crossing & (s > 0) & (s < 1) & (t > 0) & (t < 1)
    apart = np.linalg.norm(between + s[..., None] * u - t[..., None] * v, axis=-1)
    return np.min([*found, np.where(inside, apart, np.inf)], axis=0)


def point_distance(point: np.ndarray, segment: np.ndarray) -> np.ndarray:
    """Distance of points (..., 3) to segments (..., 2, 3) [m], shape (...)."""
    along = segment[..., 1, :] - segment[..., 0, :]
    from_start = point - segment[..., 0, :]
    share = np.clip(_dot(from_start, along) / np.maximum(_dot(along, along), 1e-12), 0, 1)
    return np.linalg.norm(from_start - share[..., None] * along, axis=-1)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("...i,...i->...", a, b)


def hand_gap(hand: CollisionCapsules, side: int, other: CollisionCapsules, joints: Collection[int]) -> np.ndarray:
    """From the surface of one hand to the nearest of some parts of another body [m], negative inside, shape (T,).

    Args:
        hand: Whose hand.
        side: 0 left, 1 right.
        other: Who is touched.
        joints: SMPL-X joints of the parts that count; feet never do.
    """
    rows, palm = other.rows(joints), hand.palms[side]
    if not rows:
        return np.full(len(hand.ends), np.inf)
    apart = segment_distance(hand.ends[:, palm, None], other.ends[:, rows])
    return (apart - other.radius[rows] - hand.radius[palm]).min(axis=1)


def neighbours(j: int) -> set[int]:
    """Return a body joint, its parent and its children, of the 22."""
    return {j, *(k for k in range(22) if PARENTS[k] == j), *([PARENTS[j]] if PARENTS[j] >= 0 else [])}


def _self_pairs() -> list[tuple[int, int]]:
    """Parts of one body that have no business in each other; neighbours, which overlap by their make, are left out."""

    def part(name: str) -> int:
        return joint(name)

    trunk = [part(name) for name in ("pelvis", "spine1", "spine2", "spine3", "neck", "head")]
    pairs = []
    for near, far in (_SIDES, _SIDES[::-1]):
        for arm in (part(f"{near}_elbow"), part(f"{near}_wrist")):
            legs = [part(f"{side}_{name}") for side in _SIDES for name in ("hip", "knee")]
            pairs += [(arm, other) for other in (*trunk, *legs, part(f"{far}_shoulder"))]
        pairs.append((part(f"{near}_hip"), part(f"{far}_knee")))
    arms = [[part(f"{side}_{name}") for name in ("elbow", "wrist")] for side in _SIDES]
    pairs += [(a, b) for a in arms[0] for b in arms[1]]
    return [*pairs, (part("left_knee"), part("right_knee"))]


SELF_PAIRS = _self_pairs()


def self_depth(capsules: CollisionCapsules) -> np.ndarray:
    """Return how deep parts of one body are in each other [m], shape (T, len(SELF_PAIRS)); 0 where they are apart."""
    rows = np.array([[capsules.rows({j})[0] for j in pair] for pair in SELF_PAIRS])
    apart = segment_distance(capsules.ends[:, rows[:, 0]], capsules.ends[:, rows[:, 1]])
    return np.maximum(capsules.radius[rows].sum(axis=1) - apart, 0)


def centre_of_mass(clip: InteractionClip, person: int, body: PersonBody) -> np.ndarray:
    """Of the simulated body in a clip's poses [m], shape (T, 3)."""
    motion = clip.people[person][1]
    shapes = body_shapes(motion.skeleton, body.hands)
    rows, mass = np.array([shape.joint for shape in shapes]), np.array([shape.mass for shape in shapes])
    at, turned = clip.joints[:, person, rows], clip.joint_quats[:, person, rows]
    centres = at + quat_rotate(turned, np.stack([shape.position for shape in shapes]))
    return np.einsum("k,tki->ti", mass / mass.sum(), centres)
