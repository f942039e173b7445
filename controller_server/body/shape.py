"""The flesh on a skeleton: capsules, boxes and spheres with masses, from joint positions alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import numpy as np

from controller_server.clip.rotation import quat_from_matrix
from controller_server.clip.skeleton import Skeleton, joint


class Hands(str, Enum):
    """How much of the hands is simulated: a palm fixed to the wrist, or all 30 finger joints."""

    MITTEN = "mitten"
    FULL = "full"


def simulated_joints(hands: Hands) -> tuple[int, ...]:
    """SMPL-X indices of the joints that are bodies: 22 or 52, in SMPL-X order (jaw and eyes ride on the head)."""
    return tuple(range(22)) if hands is Hands.MITTEN else tuple(j for j in range(55) if j not in (22, 23, 24))


@dataclass(frozen=True)
class Shape:
    """One piece of flesh, fixed to a joint's body whose axes are the model's in the rest pose.

    Attributes:
        joint: SMPL-X joint index of the body.
        kind: "capsule" (size = radius, half length along local z), "box" (half edges) or "sphere" (radius).
        position: Centre relative to the joint [m], shape (3,).
        quat: Rotation relative to the body (w, x, y, z), shape (4,).
        size: See kind [m].
        mass: [kg].
        is_palm: Whether this is the palm, the shape a grip holds with.
    """

    joint: int
    kind: str
    position: np.ndarray
    quat: np.ndarray
    size: tuple[float, ...]
    mass: float
    is_palm: bool = False


# Share of body mass per segment (de Leva 1996, "Adjustments to Zatsiorsky-Seluyanov's segment inertia parameters",
# mean of the sexes, trunk divided over our four trunk bodies and the collars).
_MASS_SHARE = {
    "pelvis": 0.112,
    "spine1": 0.080,
    "spine2": 0.083,
    "spine3": 0.135,
    "collar": 0.012,
    "neck": 0.012,
    "head": 0.058,
    "hip": 0.142,
    "knee": 0.043,
    "ankle": 0.011,
    "foot": 0.003,
    "shoulder": 0.027,
    "elbow": 0.016,
    "wrist": 0.006,
}
_BODY_MASS_INDEX = 22.5  # kg/m2: 69.7 kg for the neutral body's 1.76 m
_PALM_SHARE_OF_FULL_HAND = 0.6


def body_mass(skeleton: Skeleton) -> float:
    """Mass of an adult of this stature [kg], at a body mass index of 22.5."""
    return _BODY_MASS_INDEX * skeleton.stature**2


def _z_to(direction: np.ndarray) -> np.ndarray:
    """Quaternion turning +z to a direction."""
    z = direction / max(float(np.linalg.norm(direction)), 1e-9)
    helper = np.array([1.0, 0, 0]) if abs(z[0]) < 0.9 else np.array([0, 1.0, 0])
    y = np.cross(z, helper)
    y /= np.linalg.norm(y)
    return quat_from_matrix(np.stack([np.cross(y, z), y, z], axis=-1))


def _capsule(j: int, start: np.ndarray, end: np.ndarray, radius: float, mass: float, **extra: bool) -> Shape:
    """Return a capsule whose round ends reach `start` and `end` (relative to the joint)."""
    length = float(np.linalg.norm(end - start))
    half = max(length / 2 - radius, 0.005)
    return Shape(j, "capsule", (start + end) / 2, _z_to(end - start), (radius, half), mass, **extra)


def body_shapes(skeleton: Skeleton, hands: Hands = Hands.MITTEN) -> list[Shape]:
    """Return the shapes of one person at mass factor 1.

    Dimensions are those of a neutral adult, thickness scaled by leg length, lengths taken from the joints.
    """
    # The same few people are asked for many times over.
    return list(_shapes(skeleton.rest_joints.tobytes(), hands))


@lru_cache(maxsize=32)
def _shapes(rest_joints: bytes, hands: Hands) -> tuple[Shape, ...]:
    skeleton = Skeleton(np.frombuffer(rest_joints).reshape(-1, 3))
    rest, s = skeleton.rest_joints, skeleton.scale
    total = body_mass(skeleton)

    def at(name: str) -> np.ndarray:
        return rest[joint(name)]

    def mass(part: str) -> float:
        return total * _MASS_SHARE[part]

    shapes: list[Shape] = []
    x = np.array([1.0, 0, 0])

    hips = at("left_hip") - at("right_hip")
    centre = (at("left_hip") + at("right_hip")) / 2 + [0, 0.03 * s, 0] - at("pelvis")
    reach = x * (float(np.linalg.norm(hips)) / 2 + 0.105 * s)
    shapes.append(_capsule(joint("pelvis"), centre - reach, centre + reach, 0.11 * s, mass("pelvis")))
    for name, above, half_width, radius in (
        ("spine1", "spine2", 0.155, 0.105),
        ("spine2", "spine3", 0.155, 0.105),
        ("spine3", "neck", 0.175, 0.115),
    ):
        share = 0.45 if name == "spine3" else 0.5
        centre = share * (at(above) - at(name))
        centre[2] += 0.012 * s  # the spine runs behind the middle of the trunk
        reach = x * half_width * s
        shapes.append(_capsule(joint(name), centre - reach, centre + reach, radius * s, mass(name)))
    neck = at("head") - at("neck")
    shapes.append(_capsule(joint("neck"), -0.1 * neck, 1.1 * neck, 0.05 * s, mass("neck")))
    shapes.append(Shape(joint("head"), "sphere", np.array([0, 0.075, 0.02]) * s, _IDENTITY, (0.105 * s,), mass("head")))
    for side in ("left", "right"):
        shapes += _leg(skeleton, side, mass)
        shapes += _arm(skeleton, side, mass, hands)
    return tuple(shapes)


_IDENTITY = np.array([1.0, 0, 0, 0])


def _leg(skeleton: Skeleton, side: str, mass: Callable[[str], float]) -> list[Shape]:
    rest, s = skeleton.rest_joints, skeleton.scale
    hip, knee, ankle, ball = (rest[joint(f"{side}_{part}")] for part in ("hip", "knee", "ankle", "foot"))
    shapes = [
        _capsule(joint(f"{side}_hip"), np.zeros(3), knee - hip, 0.072 * s, mass("hip")),
        _capsule(joint(f"{side}_knee"), np.zeros(3), ankle - knee, 0.05 * s, mass("knee")),
    ]
    # The foot: two boxes whose soles lie in one horizontal plane of the rest pose, turned to where the foot points.
    along = ball - ankle
    along[1] = 0
    length = float(np.linalg.norm(along))
    forward = along / max(length, 1e-6) if length > 0.02 else np.array([0.0, 0, 1])
    up = np.array([0.0, 1, 0])
    quat = quat_from_matrix(np.stack([np.cross(up, forward), up, forward], axis=-1))
    width = 0.045 * s
    heel, toe = -0.055 * s, 0.068 * s
    foot_half_height, toe_half_height = 0.03 * s, 0.018 * s
    centre = forward * (heel + length) / 2
    centre[1] = skeleton.sole_height + foot_half_height - ankle[1]
    shapes.append(
        Shape(
            joint(f"{side}_ankle"),
            "box",
            centre,
            quat,
            (width, foot_half_height, (length - heel) / 2),
            mass("ankle"),
        )
    )
    centre = forward * toe / 2
    centre[1] = skeleton.sole_height + toe_half_height - ball[1]
    shapes.append(Shape(joint(f"{side}_foot"), "box", centre, quat, (width, toe_half_height, toe / 2), mass("foot")))
    return shapes


def _arm(skeleton: Skeleton, side: str, mass: Callable[[str], float], hands: Hands) -> list[Shape]:
    rest, s = skeleton.rest_joints, skeleton.scale
    collar, shoulder, elbow, wrist = (
        rest[joint(f"{side}_{part}")] for part in ("collar", "shoulder", "elbow", "wrist")
    )
    shapes = [
        _capsule(joint(f"{side}_collar"), 0.2 * (shoulder - collar), shoulder - collar, 0.05 * s, mass("collar")),
        _capsule(joint(f"{side}_shoulder"), np.zeros(3), elbow - shoulder, 0.043 * s, mass("shoulder")),
        _capsule(joint(f"{side}_elbow"), np.zeros(3), wrist - elbow, 0.036 * s, mass("elbow")),
    ]
    to_fingers = rest[joint(f"{side}_middle1")] - wrist
    direction = to_fingers / max(float(np.linalg.norm(to_fingers)), 1e-6)
    if np.linalg.norm(to_fingers) < 0.03:  # captured hands are often stumps; continue the forearm instead
        direction = (wrist - elbow) / np.linalg.norm(wrist - elbow)
    # A loosely closed hand: the fingers of a mitten end where curled fingers do.
    tip = (0.14 if hands is Hands.MITTEN else 0.11) * s
    share = 1.0 if hands is Hands.MITTEN else _PALM_SHARE_OF_FULL_HAND
    shapes.append(
        _capsule(joint(f"{side}_wrist"), np.zeros(3), direction * tip, 0.034 * s, mass("wrist") * share, is_palm=True)
    )
    if hands is Hands.FULL:
        each = mass("wrist") * (1 - share) / 15
        for finger in ("index", "middle", "pinky", "ring", "thumb"):
            for k in (1, 2, 3):
                step = rest[joint(f"{side}_{finger}{min(k + 1, 3)}")] - rest[joint(f"{side}_{finger}{min(k, 2)}")]
                length = max(float(np.linalg.norm(step)), 1e-6)
                end = step / length * max(length, 0.02 * s)
                shapes.append(_capsule(joint(f"{side}_{finger}{k}"), np.zeros(3), end, 0.008 * s, each))
    return shapes
