# SPDX-License-Identifier: GPL-3.0-or-later
"""A motion written into a new action of a character; the action it came from stays as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import bpy
import numpy as np

from controller_server.clip.interaction import SmplxMotion

from ..rig.control_poses import control_poses
from ..rig.motion import bone_poses
from ..rig.rotation_modes import channels_from_matrices
from .compat import HAS_SLOTS, action_fcurves, assigned_slot, new_action
from .controls import put_in_charge, switch
from .keys import CurveWriter, hold
from .reading import Sampled, bone_path, rotation_path
from .stills import read_channels

RECORD = "assistmimic"
"""Custom property of an action that says how it came about, as JSON; in it `stills`, see there."""
ORIGIN = "origin_sha256"
"""In that record: the fingerprint of the clip an action was imported from."""


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
        motion: Motion of as many frames, in the rig's proportions.
        name: Name of the new action.
        joints: SMPL-X joints to write; all that have a bone by default.
        record: What is kept on the action.

    Returns:
        The action and its slot (None before Blender 4.4).
    """
    action, slot, fcurves = _copy_of_source(obj, name)
    rig, bones = sampled.rig, sampled.rig.bones
    if rig.controls is None:
        poses = bone_poses(rig, motion, sampled.world, sampled.basis, joints)
    else:
        poses = control_poses(rig, motion, sampled.world, sampled.poses, joints)
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
    written = [bones.names[row] for row in poses.rows]
    created = _release_constraints(obj, action, fcurves, written, sampled.frames)
    if rig.controls is not None:
        put_in_charge(obj, rig.controls, sampled, writer, poses)
        created |= switch(obj, rig.controls, action, fcurves, sampled.frames)
    stills = read_channels(obj, {path for path, _ in created | writer.created})
    action.use_fake_user = True
    action[RECORD] = json.dumps({**(record or {}), "stills": stills})
    return action, slot


def read_record(action: Any) -> dict[str, Any]:
    """Return what `bake` kept on an action; empty for any other action."""
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
) -> set[tuple[str, int]]:
    """Switch off, in the new action and over its frames, the constraints that would move the written bones again."""
    created = set()
    for name in bones:
        for constraint in obj.pose.bones[name].constraints:
            if constraint.mute or constraint.influence == 0:
                continue
            path = f'{bone_path(name)}.constraints["{bpy.utils.escape_identifier(constraint.name)}"].influence'
            created |= hold(action, fcurves, path, name, 0.0, frames, constraint.influence)
    return created
