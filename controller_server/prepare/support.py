"""Support of a person: how far the lowest part of their body is over the floor or the furniture under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from controller_server.body.shape import Shape
from controller_server.clip.interaction import Prop
from controller_server.clip.rotation import quat_mul, quat_rotate, quat_rotate_inverse, quat_to_matrix

from .poses import PairPoses

_TOP_DEPTH = 0.12  # m: what is deeper than this in a prop is in its side, not sunk through its top
_UPRIGHT = np.cos(np.radians(10))  # a prop that is tilted further has no top to stand on


@dataclass(frozen=True)
class Clearance:
    """The lowest part of one person over time.

    Attributes:
        gap: From its lowest point down to what is under it, negative inside [m], shape (T,).
        speed: How fast that part moves horizontally [m/s], shape (T,).
    """

    gap: np.ndarray
    speed: np.ndarray


def clearance(poses: PairPoses, person: int, shapes: Sequence[Shape], props: tuple[Prop, ...]) -> Clearance:
    """Return how far one person's lowest part, of their `shapes`, is over floor or furniture."""
    positions, quats = poses.world
    gaps, places = [], []
    for shape in shapes:
        points = _low_points(shape, positions[:, person, shape.joint], quats[:, person, shape.joint])
        over = points[..., 2] - _ground_under(points, props)
        lowest = over.argmin(axis=1)[:, None]
        gaps.append(np.take_along_axis(over, lowest, 1)[:, 0])
        places.append(points.mean(axis=1)[:, :2])
    gap, place = np.stack(gaps), np.stack(places)
    speed = np.linalg.norm(np.gradient(place, axis=1), axis=-1) * poses.fps
    which = gap.argmin(axis=0)
    frames = np.arange(len(which))
    return Clearance(gap[which, frames], speed[which, frames])


def _low_points(shape: Shape, position: np.ndarray, quat: np.ndarray) -> np.ndarray:
    """Points of a shape of which one is its lowest, shape (T, P, 3)."""
    centre = position + quat_rotate(quat, shape.position)
    turn = quat_mul(quat, np.broadcast_to(shape.quat, quat.shape))
    down = np.array([0.0, 0, -1])
    if shape.kind == "sphere":
        return (centre + shape.size[0] * down)[:, None]
    if shape.kind == "capsule":
        along = quat_to_matrix(turn)[..., 2] * shape.size[1]
        return np.stack([centre - along, centre + along], axis=1) + shape.size[0] * down
    signs = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    return centre[:, None] + quat_rotate(turn[:, None], signs * np.array(shape.size))


def _ground_under(points: np.ndarray, props: tuple[Prop, ...]) -> np.ndarray:
    """Height of floor or prop under points [m], shape (T, P)."""
    ground = np.zeros(points.shape[:-1])
    for prop in props:
        if quat_to_matrix(prop.quat)[2, 2] < _UPRIGHT:
            continue
        local = quat_rotate_inverse(prop.quat, points - prop.position)
        top = prop.position[2] + prop.size[2] / 2
        above = (np.abs(local[..., :2]) < prop.size[:2] / 2).all(axis=-1) & (points[..., 2] > top - _TOP_DEPTH)
        ground = np.where(above, np.maximum(ground, top), ground)
    return ground
