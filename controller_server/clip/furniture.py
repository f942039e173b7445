"""Furniture that files leave out: boxes the user names, and the seat found under whoever sits."""

from __future__ import annotations

import numpy as np

from controller_server.core.errors import ClipError

from .interaction import InteractionClip, Prop, SmplxMotion
from .rotation import cross
from .skeleton import L_ANKLE, L_HIP, PELVIS, R_ANKLE, R_HIP, joint

_L_KNEE, _R_KNEE = joint("left_knee"), joint("right_knee")
_PELVIS_OVER_SEAT = 0.165  # m of an adult's pelvis joint over what carries it
_DEPTH, _WIDTH = 0.42, 0.50  # m of a seat
_SHALLOWEST = 0.25  # m
_THIGH = 0.06  # m from the middle of a thigh to what it lies on, pressed
_BEHIND = 0.03  # m the seat's middle is behind the pelvis joint
_LOWEST, _HIGHEST = 0.2, 0.75  # m of seats people sit on with their feet down
_FLAT_THIGH, _STEEP_SHIN = 0.55, 0.6  # height share of thigh and shin while sitting
_STILL, _LEAST = 0.2, 0.3  # m/s and s of a pelvis that rests


def parse_box(text: str) -> Prop:
    """Return the box of NAME,X,Y,Z,SX,SY,SZ: middle and full edges [m], with Z up. Raises AssistMimicError."""
    name, *values = [part.strip() for part in text.split(",")]
    try:
        numbers = [float(value) for value in values]
    except ValueError:
        numbers = []
    if len(numbers) != 6 or not name:
        raise ClipError(f"--box {text}: expected NAME,X,Y,Z,SX,SY,SZ, the middle and the full edges in metres")
    return Prop(name, np.array(numbers[:3]), np.array(numbers[3:]))


def furnished(clip: InteractionClip, seat: str | None, boxes: tuple[str, ...]) -> tuple[InteractionClip, list[str]]:
    """Return the clip with the user's furniture, and notes about what was found.

    Args:
        clip: What was read.
        seat: `auto` to find the height people sit at, or the height [m]; None for no seat.
        boxes: Each as `parse_box` takes it.

    Raises:
        AssistMimicError: a box or a height that is none, or nobody sits.
    """
    props = [*clip.props, *(parse_box(text) for text in boxes)]
    notes: list[str] = []
    if seat is not None:
        height = _height(seat)
        found = [(role, sitting(motion, clip.fps)) for role, motion in clip.people]
        seats = [(role, motion, at) for (role, at), (_, motion) in zip(found, clip.people, strict=True) if at.any()]
        if not seats:
            raise ClipError(f"--seat {seat}: nobody sits in this clip; give the furniture with --box")
        for role, motion, at in seats:
            prop = seat_under(motion, at, height, "seat" if len(seats) == 1 else f"{role}'s seat")
            top = float(prop.position[2] + prop.size[2] / 2)
            props.append(prop)
            notes.append(f"{role}: sits in {at.mean():.0%} of the clip; a seat of {top:.2f} m was put there")
    return InteractionClip(clip.fps, clip.supporter, clip.recipient, tuple(props), clip.grips, clip.source), notes


def _height(seat: str) -> float | None:
    if seat.strip().lower() == "auto":
        return None
    try:
        height = float(seat)
    except ValueError:
        height = 0.0
    if not 0.05 <= height <= 1.2:
        raise ClipError(f"--seat {seat}: expected auto, or a height of 0.05 to 1.2 m")
    return height


def sitting(motion: SmplxMotion, fps: float) -> np.ndarray:
    """Return the frames in which a person sits on something with the feet down, shape (T,).

    Thighs level, shins upright, the pelvis at rest for a third of a second and at a seat's height.
    """
    joints = motion.joints[0]
    levels = []
    for hip, knee, ankle in ((L_HIP, _L_KNEE, L_ANKLE), (R_HIP, _R_KNEE, R_ANKLE)):
        thigh, shin = joints[:, hip] - joints[:, knee], joints[:, knee] - joints[:, ankle]
        flat = np.abs(thigh[:, 2]) < _FLAT_THIGH * np.linalg.norm(thigh, axis=-1)
        levels.append(flat & (shin[:, 2] > _STEEP_SHIN * np.linalg.norm(shin, axis=-1)))
    speed = np.linalg.norm(np.gradient(joints[:, PELVIS], axis=0), axis=-1) * fps
    height = joints[:, PELVIS, 2] - _PELVIS_OVER_SEAT * motion.skeleton.scale
    mask = levels[0] & levels[1] & (speed < _STILL) & (height > _LOWEST) & (height < _HIGHEST)
    runs = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]]))).reshape(-1, 2)
    kept = np.zeros(len(mask), bool)
    for start, end in runs:
        kept[start:end] = end - start >= max(2, _LEAST * fps)
    return kept


def seat_under(motion: SmplxMotion, at: np.ndarray, height: float | None, name: str) -> Prop:
    """Return the box a person sits on in some frames.

    Args:
        motion: Who sits.
        at: Frames in which, shape (T,).
        height: Of the seat [m]; None to take it from the pelvis.
        name: Of the box.
    """
    joints, scale = motion.joints[0][at], motion.skeleton.scale
    pelvis = np.median(joints[:, PELVIS], axis=0)
    top = float(pelvis[2] - _PELVIS_OVER_SEAT * scale) if height is None else height
    lateral = np.median(joints[:, L_HIP] - joints[:, R_HIP], axis=0)
    forward = cross(lateral, np.array([0.0, 0, 1]))
    yaw = float(np.arctan2(forward[1], forward[0]))
    ahead = np.array([np.cos(yaw), np.sin(yaw)])
    front = min(_DEPTH / 2 - _BEHIND, _free_front(joints, top, scale) / scale)
    depth = max(_SHALLOWEST, _DEPTH / 2 + _BEHIND + front)
    middle = pelvis[:2] + (front - depth / 2) * scale * ahead
    quat = np.array([np.cos(yaw / 2), 0, 0, np.sin(yaw / 2)])
    return Prop(name, np.array([*middle, top / 2]), np.array([depth * scale, _WIDTH * scale, top]), quat)


def _free_front(joints: np.ndarray, top: float, scale: float) -> float:
    """Return how far in front of the pelvis thighs that slope down to the knees leave room for a seat [m]."""
    hips, knees = (np.median(joints[:, pair].mean(axis=1), axis=0) for pair in ([L_HIP, R_HIP], [_L_KNEE, _R_KNEE]))
    drop, length = float(hips[2] - knees[2]), float(np.linalg.norm((hips - knees)[:2]))
    room = float(hips[2]) - _THIGH * scale - top
    return length if drop <= 1e-6 else max(0.0, room / drop * length)
