# SPDX-License-Identifier: GPL-3.0-or-later
"""A motion written into a new action of a character; the action it came from stays as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import bpy
import numpy as np

from controller_server.clip.interaction import SmplxMotion

from ..rig.motion import bone_poses
from ..rig.rotation_modes import channels_from_matrices
from .compat import HAS_SLOTS, action_fcurves, assigned_slot, new_action
from .keys import CurveWriter, hold
from .reading import Sampled, bone_path, rotation_path

RECORD = "assistmimic"
"""Custom property of an action that says how it came about, as JSON."""


def bake(
    obj: Any,
    sampled: Sampled,
    motion: SmplxMotion,
    name: str,
    *,
    joints: Sequence[int] | None = None,
    record: Mapping[str, Any] | None = None,
) -> tuple[Any, Any]:
    """Write a motion into a new action, which is bound to the object's slot but not yet played.

    Everything the motion does not say is carried over from the action the object plays now: object and root keys,
    fingers, face, keys before and after. Keys are LINEAR; rotations stay in each bone's own mode, on the source's side.

    Args:
        obj: The armature.
        sampled: Its original animation over the frames to write.
        motion: Of as many frames, in the rig's proportions.
        name: Of the new action.
        joints: SMPL-X joints to write; all that have a bone by default.
        record: What is kept on the action.

    Returns:
        The action and its slot (None before Blender 4.4).
    """
    action, slot, fcurves = _copy_of_source(obj, name)
    poses = bone_poses(sampled.rig, motion, sampled.world, sampled.basis, joints)
    bones = sampled.rig.bones
    writer = CurveWriter(action, fcurves, sampled.frames)
    for k, row in enumerate(poses.rows):
        bone, mode = bones.names[row], bones.modes[row]
        path = bone_path(bone)
        values = channels_from_matrices(poses.rotations[:, k], mode, sampled.channels.rotation[:, row])
        for index in range(values.shape[1]):
            writer.write(f"{path}.{rotation_path(mode)}", index, values[:, index], bone)
    root = bone_path(bones.names[poses.root])
    for index in range(3):
        writer.write(f"{root}.location", index, poses.location[:, index], bones.names[poses.root])
    released = _release_constraints(obj, action, fcurves, [bones.names[row] for row in poses.rows], sampled.frames)
    action.use_fake_user = True
    action[RECORD] = json.dumps({**(record or {}), "released_constraints": released})
    return action, slot


def read_record(action: Any) -> dict[str, Any]:
    """What `bake` kept on an action; empty for any other action."""
    text = action.get(RECORD) if action is not None else None
    return json.loads(text) if isinstance(text, str) else {}


def _copy_of_source(obj: Any, name: str) -> tuple[Any, Any, Any]:
    data = obj.animation_data
    if data is None or data.action is None:
        return new_action(name, obj)
    source_slot = assigned_slot(data)
    if HAS_SLOTS and source_slot is None:
        return new_action(name, obj)
    action = data.action.copy()
    action.name = name
    if not HAS_SLOTS:
        return action, None, action.fcurves
    slot = action.slots.get(source_slot.identifier)
    for other in [s for s in action.slots if s != slot]:
        action.slots.remove(other)
    fcurves = action_fcurves(action, slot)
    if fcurves == ():
        bpy.data.actions.remove(action)
        return new_action(name, obj)
    return action, slot, fcurves


def _release_constraints(
    obj: Any, action: Any, fcurves: Any, bones: Sequence[str], frames: np.ndarray
) -> list[dict[str, Any]]:
    """Switch off, in the new action and over its frames, the constraints that would move the written bones again."""
    released = []
    for name in bones:
        for constraint in obj.pose.bones[name].constraints:
            if constraint.mute or constraint.influence == 0:
                continue
            path = f'{bone_path(name)}.constraints["{bpy.utils.escape_identifier(constraint.name)}"].influence'
            first, last, was = float(frames[0]), float(frames[-1]), constraint.influence
            hold(action, fcurves, path, name, [(first - 1, was), (first, 0.0), (last + 1, was)])
            released.append({"bone": name, "constraint": constraint.name, "influence": was})
    return released


def restore_constraints(obj: Any, released: Sequence[Mapping[str, Any]]) -> None:
    """Give constraints the influence back that they had before a result's action released them."""
    for entry in released:
        bone = obj.pose.bones.get(entry["bone"])
        constraint = bone.constraints.get(entry["constraint"]) if bone else None
        if constraint is not None:
            constraint.influence = entry["influence"]
