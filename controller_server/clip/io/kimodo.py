"""Kimodo's own `.npz`: joint positions of its SOMA or SMPL-X skeleton, one person in each file; robots are refused.

Joint orders: Kimodo `skeleton/definitions.py`; see docs/formats.md.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from controller_server.clip.rotation import quat_from_matrix
from controller_server.core.errors import ClipError
from controller_server.core.npz_arrays import load_arrays

from .joint_arrays import BODY
from .peek import Peek
from .tracks import Content, JointTrack, numbers

_ROBOT = 34
_FINGERS = ("Index", "Middle", "Ring", "Pinky")


def is_kimodo(seen: Peek) -> bool:
    """Return whether a file is Kimodo's own."""
    return {"posed_joints", "global_rot_mats"} <= set(seen.arrays)


def read_kimodo(path: Path) -> Content:
    """Read one person: Y up, metres, 30 fps. Raises AssistMimicError."""
    arrays = load_arrays(path)
    shape = np.asarray(arrays["posed_joints"]).shape
    count = shape[1] if len(shape) == 3 else 0
    if count == _ROBOT:
        raise ClipError(
            f"{path}: a robot (Unitree G1, 34 joints), no human; generate with Kimodo's SOMA or SMPL-X model instead"
        )
    orders = {22: BODY, 30: _soma(whole=False), 77: _soma(whole=True)}
    if count not in orders:
        raise ClipError(f"{path}: posed_joints must have 22 (SMPL-X), 30 or 77 (SOMA) joints, got {shape}")
    positions = numbers(str(path), "posed_joints", arrays["posed_joints"], (None, count, 3))
    quats = None
    if count == 22:
        matrices = numbers(str(path), "global_rot_mats", arrays["global_rot_mats"], (len(positions), 22, 3, 3))
        quats = quat_from_matrix(matrices)
    track = JointTrack(positions, orders[count], quats)
    return Content(
        (track,), (path.name,), 30.0, fps_assumed=True, up="y", floor_known=True, source=f"Kimodo: {path.name}"
    )


def _soma(*, whole: bool) -> tuple[str, ...]:
    """Return the joint names of the SOMA skeleton: 77, or 30 with all but the ends of hands left out."""
    trunk = ["Hips", "Spine1", "Spine2", "Chest", "Neck1", "Neck2", "Head"]
    names = [*trunk, *(["HeadEnd"] if whole else []), "Jaw", "LeftEye", "RightEye"]
    for side in ("Left", "Right"):
        names += [f"{side}{part}" for part in ("Shoulder", "Arm", "ForeArm", "Hand")]
        if whole:
            names += [f"{side}HandThumb{k}" for k in ("1", "2", "3", "End")]
            names += [f"{side}Hand{finger}{k}" for finger in _FINGERS for k in ("1", "2", "3", "4", "End")]
        else:
            names += [f"{side}HandThumbEnd", f"{side}HandMiddleEnd"]
    for side in ("Left", "Right"):
        names += [f"{side}{part}" for part in ("Leg", "Shin", "Foot", "ToeBase", *(["ToeEnd"] if whole else []))]
    return tuple(names)
