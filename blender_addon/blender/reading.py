# SPDX-License-Identifier: GPL-3.0-or-later
"""Animation of armatures as arrays: from their curves where these tell all, else by playing the scene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import bpy
import numpy as np

from controller_server.clip.interaction import SmplxMotion

from ..rig.bones import Bones, Channels, basis_matrices, pose_matrices
from ..rig.motion import motion_from_poses
from ..rig.rig import Rig
from .armature import check_readable, why_stepped
from .compat import object_fcurves

_ROTATION_PATH = {"QUATERNION": "rotation_quaternion", "AXIS_ANGLE": "rotation_axis_angle"}


@dataclass(frozen=True)
class Sampled:
    """A character's animation in T frames.

    Attributes:
        rig: As it was recognised.
        frames: Scene frames, shape (T,).
        world: The object's matrix, shape (T, 4, 4).
        basis: Every bone's own transform, constraints included, shape (T, N, 4, 4).
        poses: Every bone in armature space, shape (T, N, 4, 4).
        channels: What the channels themselves hold.
        stepped: Why the scene was played; empty where the curves told all.
    """

    rig: Rig
    frames: np.ndarray
    world: np.ndarray
    basis: np.ndarray
    poses: np.ndarray
    channels: Channels
    stepped: str = ""

    @cached_property
    def motion(self) -> SmplxMotion:
        """As SMPL-X parameters."""
        return motion_from_poses(self.rig, self.world, self.poses)

    def cut(self, part: slice) -> Sampled:
        """Return some of the frames."""
        arrays = {name: getattr(self, name)[part] for name in ("frames", "world", "basis", "poses")}
        channels = Channels(*(getattr(self.channels, name)[part] for name in ("location", "rotation", "scale")))
        return replace(self, **arrays, channels=channels)


def rotation_path(mode: str) -> str:
    """Name of the channel a rotation mode keys."""
    return _ROTATION_PATH.get(mode, "rotation_euler")


def bone_path(name: str) -> str:
    """Return data path of a pose bone."""
    return f'pose.bones["{bpy.utils.escape_identifier(name)}"]'


def sample(people: Sequence[tuple[Any, Rig]], frames: np.ndarray, scene: Any) -> list[Sampled]:
    """Read armatures over frames. The current frame is the same afterwards.

    Args:
        people: Armature objects and what they were recognised as.
        frames: Whole scene frames, shape (T,).
        scene: Where they are.

    Raises:
        AssistMimicError: an armature shows its rest position, or its NLA is being edited.
    """
    for obj, _ in people:
        check_readable(obj)
    reasons = [why_stepped(obj) for obj, _ in people]
    played = _play([obj for (obj, _), why in zip(people, reasons, strict=True) if why], frames, scene)
    sampled = []
    for (obj, rig), why in zip(people, reasons, strict=True):
        channels = bone_channels(obj, rig.bones, frames)
        if why:
            world, poses = _in_order(obj, rig.bones, played[obj.name])
            basis = _own_transforms(rig.bones, poses)
        else:
            world, basis, poses = _from_channels(obj, rig.bones, frames, channels)
        sampled.append(Sampled(rig, frames, world, basis, poses, channels, why))
    return sampled


def read_poses(obj: Any, bones: Bones, frames: np.ndarray, scene: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return an armature's matrices (T, 4, 4) and its bones' in armature space (T, N, 4, 4), whatever it is."""
    if why_stepped(obj):
        return _in_order(obj, bones, _play([obj], frames, scene)[obj.name])
    world, _, poses = _from_channels(obj, bones, frames, bone_channels(obj, bones, frames))
    return world, poses


def _in_order(obj: Any, bones: Bones, played: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return what was played, with the bones in their order here rather than Blender's."""
    world, poses = played
    return world, poses[:, [obj.pose.bones.find(name) for name in bones.names]]


def _from_channels(
    obj: Any, bones: Bones, frames: np.ndarray, channels: Channels
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the object's matrices, every bone's own transform, and its pose, where nothing but curves moves them."""
    basis = basis_matrices(bones, channels)
    return _object_matrices(obj, frames, _curves(obj)), basis, pose_matrices(bones, basis)


Curves = Mapping[tuple[str, int], Any]


def _curves(obj: Any) -> dict[tuple[str, int], Any]:
    return {(curve.data_path, curve.array_index): curve for curve in object_fcurves(obj) if not curve.mute}


def curve_values(curve: Any, frames: np.ndarray) -> np.ndarray:
    """Values of an F-curve, shape (T,); keys on exactly these frames are copied, all else is evaluated."""
    points = curve.keyframe_points
    n = len(points)
    if n >= len(frames) and not len(curve.modifiers):
        co = np.empty(2 * n, dtype=np.float32)
        points.foreach_get("co", co)
        first = int(np.searchsorted(co[::2], frames[0] - 0.25))
        keyed = co[2 * first : 2 * (first + len(frames))]
        if len(keyed) == 2 * len(frames) and np.array_equal(keyed[::2], frames):
            return keyed[1::2].astype(float)
    evaluate = curve.evaluate
    return np.array([evaluate(frame) for frame in frames.tolist()])


def _track(curves: Curves, path: str, still: Sequence[float], frames: np.ndarray) -> np.ndarray:
    """Values of a vector channel: its curves where it has some, else its present value, shape (T, K)."""
    values = np.tile(np.array(still, dtype=float), (len(frames), 1))
    for index in range(values.shape[1]):
        curve = curves.get((path, index))
        if curve is not None:
            values[:, index] = curve_values(curve, frames)
    return values


def bone_channels(obj: Any, bones: Bones, frames: np.ndarray, curves: Curves | None = None) -> Channels:
    """Return what the channels of an armature's bones hold over frames, without constraints and NLA."""
    curves = _curves(obj) if curves is None else curves
    n, t = len(bones.names), len(frames)
    location, rotation, scale = np.zeros((t, n, 3)), np.zeros((t, n, 4)), np.ones((t, n, 3))
    for row, name in enumerate(bones.names):
        bone, path = obj.pose.bones[name], bone_path(name)
        channel = rotation_path(bones.modes[row])
        still = getattr(bone, channel)
        location[:, row] = _track(curves, f"{path}.location", bone.location, frames)
        rotation[:, row, : len(still)] = _track(curves, f"{path}.{channel}", still, frames)
        scale[:, row] = _track(curves, f"{path}.scale", bone.scale, frames)
    return Channels(location, rotation, scale)


def _object_matrices(obj: Any, frames: np.ndarray, curves: Curves) -> np.ndarray:
    """Return the object's matrix over frames under a parent that stands still, shape (T, 4, 4)."""
    mode = obj.rotation_mode
    still = getattr(obj, rotation_path(mode))
    rotation = np.zeros((len(frames), 1, 4))
    rotation[:, 0, : len(still)] = _track(curves, rotation_path(mode), still, frames)
    location = _track(curves, "location", obj.location, frames)[:, None]
    scale = _track(curves, "scale", obj.scale, frames)[:, None]
    alone = Bones(("object",), np.array([-1]), np.eye(4)[None], (mode,))
    matrices = basis_matrices(alone, Channels(location, rotation, scale))[:, 0]
    if obj.parent is None:
        return matrices
    return np.array(obj.parent.matrix_world) @ np.array(obj.matrix_parent_inverse) @ matrices


def _play(objects: Sequence[Any], frames: np.ndarray, scene: Any) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Object matrices (T, 4, 4) and pose matrices (T, N, 4, 4) of armatures, by stepping the scene."""
    if not objects:
        return {}
    here, subframe = scene.frame_current, scene.frame_subframe
    world = {obj.name: np.empty((len(frames), 4, 4)) for obj in objects}
    poses = {obj.name: np.empty((len(frames), len(obj.pose.bones), 16), dtype=np.float32) for obj in objects}
    try:
        for k, frame in enumerate(frames.tolist()):
            scene.frame_set(frame)
            for obj in objects:
                world[obj.name][k] = obj.matrix_world
                obj.pose.bones.foreach_get("matrix", poses[obj.name][k].reshape(-1))
    finally:
        scene.frame_set(here, subframe=subframe)
    # Blender keeps matrices column by column.
    return {
        name: (world[name], np.swapaxes(flat.reshape(len(frames), -1, 4, 4), -1, -2).astype(float))
        for name, flat in poses.items()
    }


def _own_transforms(bones: Bones, poses: np.ndarray) -> np.ndarray:
    """Return each bone's transform in its parent's posed frame, what its channels would be without constraints."""
    above = np.broadcast_to(bones.local_rest, poses.shape).copy()
    child = np.flatnonzero(bones.parents >= 0)
    above[:, child] = poses[:, bones.parents[child]] @ bones.local_rest[child]
    return np.linalg.inv(above) @ poses
