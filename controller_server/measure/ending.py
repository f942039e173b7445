"""How a clip ends: at rest, so that its people can be asked to go on standing, or in the middle of a movement."""

from __future__ import annotations

import numpy as np

from ..body.pair import PairBody
from ..clip.interaction import InteractionClip, Prop
from ..clip.rotation import quat_rotate_inverse
from ..clip.skeleton import L_HIP, PELVIS, R_HIP
from ..frames import slice_clip
from .feet import CONTACT_HEIGHT, foot_corners
from .geometry import body_of_clip, clip_geometry

HELD_STILL = 0.7
"""How long the end of a clip that ends at rest is held, to see whether somebody is falling [s]."""
REST_TIME = 0.2
"""How long a clip must have been at rest at its end [s]."""
REST_SPEED = 0.15
"""Speed of a centre of mass below which a person is at rest [m/s]."""
REST_MARGIN = 0.03
"""How far outside its support the centre of mass of a person at rest may be [m]."""
_SEAT = (PELVIS, L_HIP, R_HIP)
_SEAT_HEIGHT = 0.2  # m: of joints over the surface somebody sits on, at most
_DIRECTIONS = 72


def ends_at_rest(clip: InteractionClip, pair: PairBody) -> bool:
    """Whether both people are slow and over their support for the last REST_TIME of a clip.

    Support is what the soles touch of the floor, and the seat of a person who sits on a prop.

    Args:
        clip: Any clip of these people.
        pair: Their bodies.
    """
    first = max(clip.n_frames - 1 - int(np.ceil(REST_TIME * clip.fps - 1e-6)), 0)
    end = slice_clip(clip, slice(first, clip.n_frames))
    body = body_of_clip(end, pair)
    com = clip_geometry(end, body).com
    slow = np.linalg.norm(np.diff(com, axis=0), axis=-1) * end.fps < REST_SPEED
    if not slow.all():
        return False
    corners, seats = foot_corners(end, body), end.joints[:, :, _SEAT]
    for frame in range(end.n_frames):
        for person in range(2):
            feet, seat = corners[frame, person].reshape(-1, 3), seats[frame, person]
            points = np.concatenate([feet[feet[:, 2] < CONTACT_HEIGHT], seat[_on_props(seat, end.props)]])
            if support_margin(com[frame, person, :2], points[:, :2]) < -REST_MARGIN:
                return False
    return True


def support_margin(point: np.ndarray, support: np.ndarray) -> float:
    """How far a point is inside the convex hull of a support.

    Formula: min over directions u of max over support points c of u . (c - point).

    Args:
        point: On the floor [m], shape (2,).
        support: Points on the floor [m], shape (C, 2).

    Returns:
        Distance to the hull's edge [m], negative outside; minus infinity without any support.
    """
    angles = np.arange(_DIRECTIONS) * 2 * np.pi / _DIRECTIONS
    reach = (support - point) @ np.stack([np.cos(angles), np.sin(angles)])
    return float(reach.max(axis=0, initial=-np.inf).min())


def _on_props(points: np.ndarray, props: tuple[Prop, ...]) -> np.ndarray:
    """Which points are just over the top of some prop, shape (C,)."""
    over = np.zeros(len(points), bool)
    for prop in props:
        local = np.abs(quat_rotate_inverse(prop.quat[None], points - prop.position))
        # A prop may lie on any of its sides: what counts as its height is the axis that points up.
        up = int(np.abs(quat_rotate_inverse(prop.quat[None], np.array([[0.0, 0.0, 1.0]]))[0]).argmax())
        across = [axis for axis in range(3) if axis != up]
        inside = (local[:, across] <= prop.size[across] / 2).all(axis=1)
        over |= inside & (local[:, up] <= prop.size[up] / 2 + _SEAT_HEIGHT) & (points[:, 2] > prop.position[2])
    return over
