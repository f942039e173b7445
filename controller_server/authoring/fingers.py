"""Fingers that close as a hand grips. They carry no load in the default body; they are there to be looked at."""

from __future__ import annotations

import numpy as np

from controller_server.clip.skeleton import JOINT_NAMES, LEFT_HAND, RIGHT_HAND

_RELAXED, _CLOSED = np.radians(18.0), np.radians(48.0)
_THUMB = 0.35
_CLOSING_TIME = 0.15


def finger_pose(grip: np.ndarray, side: str, fps: float) -> np.ndarray:
    """Rotation vectors of 15 finger joints relative to the flat hand.

    Args:
        grip: 0-1, shape (T,).
        side: "left" or "right".
        fps: Frames per second.

    Returns:
        Shape (T, 45) [rad].
    """
    frames = np.arange(-4, 5)
    window = np.exp(-0.5 * (frames / max(_CLOSING_TIME * fps / 2, 1e-6)) ** 2)
    padded = np.pad(grip, 4, mode="edge")
    closed = np.convolve(padded, window / window.sum(), mode="valid")
    angle = _RELAXED + closed * (_CLOSED - _RELAXED)
    # In the T-pose the palm looks down: fingers curl about the z axis, towards -y on both sides.
    axis = np.array([0, 0, -1.0 if side == "left" else 1.0])
    pose = np.zeros((len(grip), 15, 3))
    for k, name in enumerate(JOINT_NAMES[LEFT_HAND if side == "left" else RIGHT_HAND]):
        pose[:, k] = angle[:, None] * axis * (_THUMB if "thumb" in name else 1.0)
    return pose.reshape(len(grip), 45)
