"""The sole of a foot: its corners, where it points, how it is tilted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller_server.body.shape import Shape, body_shapes
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.rotation import quat_from_matrix, quat_rotate

from .legs import ANKLE, TOE
from .poses import PairPoses


@dataclass(frozen=True)
class FootShape:
    """The sole of one foot in the axes of its two joints.

    Attributes:
        forward: Unit direction of the sole in the ankle's axes; up is y. Shape (3,).
        ankle_corners: Sole corners of the ankle's box, rear two first [m from the ankle joint], shape (4, 3).
        toe_corners: Sole corners of the toe's box, rear two first [m from the toe joint], shape (4, 3).
    """

    forward: np.ndarray
    ankle_corners: np.ndarray
    toe_corners: np.ndarray

    @property
    def heel(self) -> np.ndarray:
        """Rear end of the sole's centre line, shape (3,)."""
        return self.ankle_corners[:2].mean(0)

    @property
    def toe_height(self) -> float:
        """From the sole up to the toe joint [m]."""
        return -float(self.toe_corners[:, 1].mean())

    @property
    def ball(self) -> np.ndarray:
        """The sole under the toe joint, shape (3,)."""
        return self.ankle_corners[2:].mean(0)


def foot_shapes(clip: InteractionClip) -> list[list[FootShape]]:
    """Return the feet of each person: by person, then side."""

    def corners(box: Shape) -> np.ndarray:
        signs = np.array([(-1, -1, -1), (1, -1, -1), (-1, -1, 1), (1, -1, 1)])
        return box.position + quat_rotate(box.quat, signs * np.array(box.size))

    feet = []
    for _, motion in clip.people:
        boxes = {shape.joint: shape for shape in body_shapes(motion.skeleton) if shape.kind == "box"}
        feet.append(
            [
                FootShape(
                    quat_rotate(boxes[ankle].quat, np.array([0.0, 0, 1])), corners(boxes[ankle]), corners(boxes[toe])
                )
                for ankle, toe in zip(ANKLE, TOE, strict=True)
            ]
        )
    return feet


def sole_corners(poses: PairPoses, person: int, side: int, foot: FootShape) -> np.ndarray:
    """Corners of both boxes' soles in the world [m], shape (T, 8, 3)."""
    positions, quats = poses.world
    parts = [
        positions[:, person, j, None] + quat_rotate(quats[:, person, j, None], corners)
        for j, corners in ((ANKLE[side], foot.ankle_corners), (TOE[side], foot.toe_corners))
    ]
    return np.concatenate(parts, axis=1)


def foot_angles(quat: np.ndarray, foot: FootShape) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Yaw, pitch (toes up) and roll of a sole [rad], each shape (T,), from the ankle's world rotation (T, 4)."""
    forward = quat_rotate(quat, foot.forward)
    up = quat_rotate(quat, np.array([0.0, 1, 0]))
    yaw = np.unwrap(np.arctan2(forward[:, 1], forward[:, 0]))
    pitch = np.arcsin(np.clip(forward[:, 2], -1, 1))
    level_side = np.stack([-np.sin(yaw), np.cos(yaw), np.zeros_like(yaw)], axis=-1)
    roll = np.arctan2(np.sum(up * level_side, axis=-1), np.sum(up * np.cross(forward, level_side), axis=-1))
    return yaw, pitch, roll


def foot_quat(yaw: np.ndarray, pitch: np.ndarray, foot: FootShape) -> np.ndarray:
    """World rotation of an ankle whose sole has this yaw and pitch and no roll, shape (T, 4)."""
    zero = np.zeros_like(yaw)
    forward = np.stack([np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), np.sin(pitch)], axis=-1)
    left = np.stack([-np.sin(yaw), np.cos(yaw), zero], axis=-1)
    world = np.stack([left, np.cross(forward, left), forward], axis=-1)
    up = np.array([0.0, 1, 0])
    local = np.stack([np.cross(up, foot.forward), up, foot.forward], axis=-1)
    return quat_from_matrix(world @ local.T)
