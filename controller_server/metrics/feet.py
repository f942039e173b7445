"""Feet on the floor: which corners of the foot boxes bear, and how fast they slide."""

from __future__ import annotations

from itertools import product

import numpy as np

from controller_server.body.pair import PairBody, PersonBody
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.rotation import quat_rotate
from controller_server.clip.skeleton import L_ANKLE, L_FOOT, R_ANKLE, R_FOOT

CONTACT_HEIGHT = 0.02
"""A corner lower than this above the floor is in contact [m]: the same kinematic rule for input and output."""
_FEET = ((L_ANKLE, L_FOOT), (R_ANKLE, R_FOOT))


def foot_corners(clip: InteractionClip, pair: PairBody) -> np.ndarray:
    """Corners of the boxes of foot and toes in the world.

    Args:
        clip: T frames of two people.
        pair: Whose foot boxes are taken.

    Returns:
        Positions [m], shape (T, 2 people, 2 feet left-right, C corners, 3).
    """
    people = []
    for p, person in enumerate(pair.people):
        feet = []
        for joints in _FEET:
            corners = [
                clip.joints[:, p, j, None] + quat_rotate(clip.joint_quats[:, p, j, None], box[None])
                for j in joints
                for box in _boxes(person, j)
            ]
            feet.append(np.concatenate(corners, axis=1))
        people.append(np.stack(feet, axis=1))
    return np.stack(people, axis=1)


def _boxes(person: PersonBody, joint: int) -> list[np.ndarray]:
    """Corners of a joint's boxes in the joint's axes, each (8, 3) [m]."""
    signs = np.array(list(product((-1.0, 1.0), repeat=3)))
    return [
        shape.position + quat_rotate(shape.quat[None], signs * np.array(shape.size))
        for shape in person.shapes
        if shape.joint == joint and shape.kind == "box"
    ]


def foot_skating(corners: np.ndarray, fps: float, *, height: float = CONTACT_HEIGHT) -> np.ndarray:
    """Mean horizontal speed of a foot while it bears on the floor.

    Between two frames, a foot is in contact when at least one corner is below `height` in both; its speed is the
    mean over those corners of |dx, dy| * fps. The measure is the mean over all (foot, frame step) in contact.

    Args:
        corners: World positions [m], shape (T, P, 2, C, 3).
        fps: Frames per second.
        height: Contact height above the floor [m].

    Returns:
        Per person [cm/s], shape (P,); 0 for somebody whose feet never touch.
    """
    per_foot, contact = _bearing_speed(corners, fps, height)
    return (per_foot * contact).sum(axis=(0, 2)) / np.maximum(contact.sum(axis=(0, 2)), 1)


def skating_per_frame(corners: np.ndarray, fps: float, *, height: float = CONTACT_HEIGHT) -> np.ndarray:
    """Speed of each person's faster bearing foot towards the next frame [cm/s], shape (T, P); the last one's repeated.

    Arguments as in `foot_skating`.
    """
    speed = _bearing_speed(corners, fps, height)[0].max(axis=2)
    return np.concatenate([speed, speed[-1:]])


def _bearing_speed(corners: np.ndarray, fps: float, height: float) -> tuple[np.ndarray, np.ndarray]:
    """Of every foot and frame step: mean speed of bearing corners [cm/s], 0 without any, and whether there are some."""
    low = corners[..., 2] < height
    bearing = low[1:] & low[:-1]
    speed = 100 * fps * np.linalg.norm(np.diff(corners[..., :2], axis=0), axis=-1)
    count = bearing.sum(axis=-1)
    return (speed * bearing).sum(axis=-1) / np.maximum(count, 1), count > 0
