"""The figure at a person's own proportions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from controller_server.body.shape import body_shapes
from controller_server.clip.rotation import quat_from_rotvec, quat_to_matrix
from controller_server.clip.skeleton import JOINT_NAMES, L_WRIST, N_JOINTS, PARENTS, R_WRIST, Skeleton, joint

from .asset import Figure, point_normals
from .trunk import COLLARS, TRUNK, fitted_trunk

_STUMP = 0.03
"""Hands whose fingers begin nearer to the wrist than this have none of their own [m]."""
_LIMB_ENDS = {"shoulder": "elbow", "elbow": "wrist", "hip": "knee", "knee": "ankle"}


@dataclass(frozen=True)
class Dressed:
    """A figure on one person's skeleton.

    Attributes:
        figure: What it was made of.
        points: At rest in the model frame [m], shape (V, 3).
        normals: At rest, of unit length, shape (V, 3).
        rest: Rest joints that the skin turns about [m], shape (55, 3): the skeleton's, with fingers where it has none.
    """

    figure: Figure
    points: np.ndarray
    normals: np.ndarray
    rest: np.ndarray


def dressed(skeleton: Skeleton) -> Dressed:
    """Return the figure fitted to a skeleton: lengths from its bones, girths from its simulated shapes."""
    return _dressed(skeleton.rest_joints.tobytes())


@lru_cache(maxsize=16)
def _dressed(rest_joints: bytes) -> Dressed:
    skeleton = Skeleton(np.frombuffer(rest_joints).reshape(-1, 3))
    figure = Figure.load()
    rest = skeleton.rest_joints.copy()
    maps = _maps(figure, skeleton)
    for wrist, side in ((L_WRIST, "left"), (R_WRIST, "right")):
        fingers = [j for j in range(25, N_JOINTS) if JOINT_NAMES[j].startswith(side)]
        if np.linalg.norm(rest[joint(f"{side}_middle1")] - rest[wrist]) < _STUMP:
            rest[fingers] = rest[wrist] + (figure.rest[fingers] - figure.rest[wrist]) @ maps[wrist].T
            maps[fingers] = maps[wrist]
    girth = float(_girths(skeleton)[0])
    trunk = fitted_trunk(figure.points, figure.rest, rest, girth)
    shoulders = fitted_trunk(figure.rest[list(COLLARS.values())], figure.rest, rest, girth)
    onto = dict(zip(COLLARS, rest[list(COLLARS.values())] - shoulders, strict=True))
    points = np.zeros_like(figure.points)
    for k in range(4):
        j = figure.joints[:, k]
        moved = rest[j] + np.einsum("vab,vb->va", maps[j], figure.points - figure.rest[j])
        for part in (*TRUNK, *COLLARS):
            moved[j == part] = trunk[j == part] + onto.get(part, 0.0)
        points += figure.weights[:, k : k + 1] * moved
    return Dressed(figure, points, point_normals(points, figure.faces), rest)


def _maps(figure: Figure, skeleton: Skeleton) -> np.ndarray:
    """Return how the flesh about each joint turns and stretches, shape (55, 3, 3)."""
    girth = _girths(skeleton)
    maps = np.array([np.eye(3) * g for g in girth])
    for j, name in enumerate(JOINT_NAMES):
        side, _, part = name.rpartition("_")
        if part in _LIMB_ENDS:
            end = joint(f"{side}_{_LIMB_ENDS[part]}")
            maps[j] = _stretch(
                figure.rest[end] - figure.rest[j], skeleton.rest_joints[end] - skeleton.rest_joints[j], girth[j]
            )
        elif part == "wrist":
            end = joint(f"{side}_middle1")
            was, now = figure.rest[end] - figure.rest[j], skeleton.rest_joints[end] - skeleton.rest_joints[j]
            if np.linalg.norm(now) < _STUMP:
                now = skeleton.rest_joints[j] - skeleton.rest_joints[PARENTS[j]]
                now = now / max(float(np.linalg.norm(now)), 1e-9) * np.linalg.norm(was) * girth[j]
            maps[j] = _stretch(was, now, girth[j])
        elif j >= 25:
            maps[j] = _finger(figure, skeleton, j, girth[j])
        elif part in ("ankle", "foot"):
            maps[j] = _foot(figure, skeleton, side, part, girth[j])
    return maps


def _stretch(was: np.ndarray, now: np.ndarray, girth: float) -> np.ndarray:
    """Return the map that turns and stretches one bone into another, and scales across it by `girth`."""
    long = float(np.linalg.norm(was))
    along = was / max(long, 1e-9)
    ratio = float(np.linalg.norm(now)) / max(long, 1e-9)
    if ratio < 1e-3:
        return np.eye(3) * girth
    scale = girth * np.eye(3) + (ratio - girth) * np.outer(along, along)
    return _turn(along, now / np.linalg.norm(now)) @ scale


def _turn(was: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Return the shortest rotation of one direction into another as a matrix, shape (3, 3)."""
    axis = np.cross(was, now)
    sine = float(np.linalg.norm(axis))
    angle = float(np.arctan2(sine, was @ now))
    return quat_to_matrix(quat_from_rotvec(axis / max(sine, 1e-12) * angle))


def _finger(figure: Figure, skeleton: Skeleton, j: int, girth: float) -> np.ndarray:
    """Return the map of a finger's segment; the last goes on as the one before."""
    start, end = (j, j + 1) if JOINT_NAMES[j][-1] != "3" else (j - 1, j)
    now = skeleton.rest_joints[end] - skeleton.rest_joints[start]
    if np.linalg.norm(now) < 0.005:
        return np.eye(3) * girth
    return _stretch(figure.rest[end] - figure.rest[start], now, girth)


def _foot(figure: Figure, skeleton: Skeleton, side: str, part: str, girth: float) -> np.ndarray:
    """Return the map of a foot or its toes: turned about the vertical alone, the sole flat at the person's own."""
    ankle, ball = joint(f"{side}_ankle"), joint(f"{side}_foot")
    level = np.array([1.0, 0, 1])
    was, now = ((rest[ball] - rest[ankle]) * level for rest in (figure.rest, skeleton.rest_joints))
    if np.linalg.norm(now) < 0.02:
        now = np.array([0.0, 0, 1]) * np.linalg.norm(was)
    j = ankle if part == "ankle" else ball
    out = (
        _stretch(was, now, girth)
        if part == "ankle"
        else _stretch(was, now / np.linalg.norm(now) * girth * np.linalg.norm(was), girth)
    )
    high = (skeleton.rest_joints[j, 1] - skeleton.sole_height) / (figure.rest[j, 1] - figure.sole)
    out[1] = [0, np.clip(high, 0.3 * girth, 3 * girth), 0]
    return out


def _girths(skeleton: Skeleton) -> np.ndarray:
    """Return each joint's thickness relative to the neutral body's: its shapes', or those of the joint before it."""
    own, neutral = body_shapes(skeleton), body_shapes(Skeleton.neutral())
    found = {a.joint: a.size[0] / b.size[0] for a, b in zip(own, neutral, strict=True)}
    girth = np.ones(N_JOINTS)
    for j, parent in enumerate(PARENTS):
        girth[j] = found.get(j, girth[parent] if parent >= 0 else 1.0)
    return girth
