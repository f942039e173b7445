"""A person's arms in their own trunk and thighs: the simulated bodies do not collide with themselves, eyes do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller_server.body.shape import Shape, body_shapes
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.rotation import quat_mul, quat_rotate, quat_to_matrix
from controller_server.clip.skeleton import joint

from .poses import PairPoses

_ARM = tuple(joint(f"{side}_{part}") for side in ("left", "right") for part in ("elbow", "wrist"))
_BODY = tuple(joint(name) for name in ("pelvis", "spine1", "spine2", "spine3", "left_hip", "right_hip"))


@dataclass(frozen=True)
class OwnOverlaps:
    """How deep forearms and palms are in the same person's trunk and thighs. P pairs of shapes.

    Attributes:
        arm: Joint of each pair's forearm or palm, shape (P,).
        body: Joint of what it may be in, shape (P,).
        depth: Negative outside [m], shape (T, 2 people, P).
        point: Between the two surfaces [m], shape (T, 2, P, 3).
        normal: Unit direction that leads the arm out, shape (T, 2, P, 3).
    """

    arm: np.ndarray
    body: np.ndarray
    depth: np.ndarray
    point: np.ndarray
    normal: np.ndarray


def own_overlaps(poses: PairPoses, clip: InteractionClip) -> OwnOverlaps:
    """Depths of all pairs in every frame; `clip` for the skeletons."""
    parts = [_segments(poses, clip, person) for person in range(2)]
    joints = [j for j, _, _, _ in parts[0]]
    arms = [k for k, j in enumerate(joints) if j in _ARM]
    bodies = [k for k, j in enumerate(joints) if j in _BODY]
    depth, point, normal = [], [], []
    for person in parts:
        found = [_between(person[a][1:], person[b][1:]) for a in arms for b in bodies]
        for total, values in zip((depth, point, normal), zip(*found, strict=True), strict=True):
            total.append(np.stack(values, axis=1))
    return OwnOverlaps(
        arm=np.array([joints[a] for a in arms for _ in bodies]),
        body=np.array([joints[b] for _ in arms for b in bodies]),
        depth=np.stack(depth, axis=1),
        point=np.stack(point, axis=1),
        normal=np.stack(normal, axis=1),
    )


def _segments(poses: PairPoses, clip: InteractionClip, person: int) -> list[tuple[int, np.ndarray, np.ndarray, float]]:
    """Return joint, both ends of the axis (T, 3) and radius of each capsule that counts."""
    positions, quats = poses.world
    found = []
    for shape in body_shapes(clip.people[person][1].skeleton):
        if shape.kind == "capsule" and shape.joint in (*_ARM, *_BODY):
            position, quat = positions[:, person, shape.joint], quats[:, person, shape.joint]
            found.append((shape.joint, *_axis(shape, position, quat), shape.size[0]))
    return found


def _axis(shape: Shape, position: np.ndarray, quat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centre = position + quat_rotate(quat, shape.position)
    along = quat_to_matrix(quat_mul(quat, np.broadcast_to(shape.quat, quat.shape)))[..., 2] * shape.size[1]
    return centre - along, centre + along


def _between(
    arm: tuple[np.ndarray, np.ndarray, float], body: tuple[np.ndarray, np.ndarray, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Depth (T,), point (T, 3) and normal (T, 3) between two capsules (nearest points of segments, Ericson 2005)."""
    (p, p_end, p_radius), (q, q_end, q_radius) = arm, body
    d1, d2, r = p_end - p, q_end - q, p - q
    a, e, f = (np.sum(u * v, axis=-1) for u, v in ((d1, d1), (d2, d2), (d2, r)))
    b, c = np.sum(d1 * d2, axis=-1), np.sum(d1 * r, axis=-1)
    s = np.clip((b * f - c * e) / np.maximum(a * e - b * b, 1e-9), 0, 1)
    t = np.clip((b * s + f) / np.maximum(e, 1e-9), 0, 1)
    s = np.clip((b * t - c) / np.maximum(a, 1e-9), 0, 1)
    on_arm, on_body = p + s[:, None] * d1, q + t[:, None] * d2
    way = on_arm - on_body
    distance = np.linalg.norm(way, axis=-1)
    normal = way / np.maximum(distance, 1e-6)[:, None]
    return p_radius + q_radius - distance, on_body + q_radius * normal, normal
