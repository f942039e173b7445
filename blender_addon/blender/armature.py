# SPDX-License-Identifier: GPL-3.0-or-later
"""An armature object as arrays, and what stands in the way of reading or writing it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy
import numpy as np

from controller_server.core.errors import SceneError

from ..rig.bones import Bones
from ..rig.rig import Rig

_INHERITS = (("use_inherit_rotation", True), ("use_local_location", True), ("inherit_scale", "FULL"))


def bones_of(obj: Any) -> Bones:
    """Return the bones of an armature object, parents first."""
    bones = obj.data.bones
    names = [bone.name for bone in bones]
    row = {name: k for k, name in enumerate(names)}
    parents = np.array([row[bone.parent.name] if bone.parent else -1 for bone in bones], dtype=int)
    rest = np.array([bone.matrix_local for bone in bones], dtype=float).reshape(-1, 4, 4)
    order = _parents_first(parents)
    place = np.argsort(order)
    parents = np.where(parents[order] >= 0, place[np.maximum(parents[order], 0)], -1)
    names = tuple(names[k] for k in order)
    modes = tuple(obj.pose.bones[name].rotation_mode for name in names)
    return Bones(names, parents, rest[order], modes)


def _parents_first(parents: np.ndarray) -> np.ndarray:
    depth = np.zeros(len(parents), dtype=int)
    for k in range(len(parents)):
        above = parents[k]
        while above >= 0:
            depth[k], above = depth[k] + 1, parents[above]
    return np.argsort(depth, kind="stable")


def check_readable(obj: Any) -> None:
    """Refuse what cannot be read. Raises AssistMimicError."""
    if obj.data.pose_position == "REST":
        raise SceneError(f"{obj.name}: shows its rest position; switch Armature > Pose Position to Pose")
    data = obj.animation_data
    if data is not None and data.use_tweak_mode:
        raise SceneError(f"{obj.name}: an NLA strip is being edited; leave tweak mode with Tab")


def check_writable(obj: Any, rig: Rig) -> None:
    """Refuse characters whose result could not be keyed. Raises AssistMimicError."""
    if obj.library is not None:
        raise SceneError(
            f"{obj.name}: linked from {bpy.path.basename(obj.library.filepath)}, its animation cannot be changed here; "
            "make a library override of it (Object > Library Override > Make)"
        )
    bones = obj.data.bones
    driven = _driven_bones(obj)
    written = [rig.bones.names[row] for row in rig.rows[rig.mapped]]
    if rig.controls is not None:
        written = [control.bone for control in rig.controls.keyed if control.bone in bones]
    for name in written:
        if name in driven:
            raise SceneError(f"{obj.name}: bone {name} is driven, keys on it would have no effect; remove the driver")
        for attribute, usual in () if rig.controls is not None else _INHERITS:
            if getattr(bones[name], attribute) != usual:
                raise SceneError(
                    f"{obj.name}: bone {name} has {attribute} = {getattr(bones[name], attribute)}; "
                    f"set it to {usual} in Bone > Relations"
                )


def _driven_bones(obj: Any) -> set[str]:
    data = obj.animation_data
    if data is None:
        return set()
    found = set()
    for curve in data.drivers:
        bone, _, channel = curve.data_path.partition('"].')
        if bone.startswith('pose.bones["') and channel.startswith(("location", "rotation", "scale")):
            found.add(bpy.utils.unescape_identifier(bone[len('pose.bones["') :]))
    return found


def has_animation(obj: Any) -> bool:
    """Return whether an object's animation is anything but a still pose."""
    data = obj.animation_data
    return data is not None and (data.action is not None or any(track.strips for track in data.nla_tracks))


def why_stepped(obj: Any) -> str:
    """Why the scene has to be played to know an armature's poses; empty when its curves alone tell."""
    data = obj.animation_data
    if data is not None:
        if len(data.drivers):
            return "drivers"
        if data.use_nla and any(track.strips and not track.mute for track in data.nla_tracks):
            return "NLA strips"
        if data.action is not None and (data.action_influence < 1 or data.action_blend_type != "REPLACE"):
            return "a blended action"
    if _active(obj.constraints):
        return "object constraints"
    if any(map(any, (obj.delta_location, obj.delta_rotation_euler))) or tuple(obj.delta_scale) != (1, 1, 1):
        return "delta transforms"
    reason = _why_parent(obj)
    if reason:
        return reason
    for bone in obj.data.bones:
        if any(getattr(bone, attribute) != usual for attribute, usual in _INHERITS):
            return f"what bone {bone.name} inherits"
    for bone in obj.pose.bones:
        if bone.constraints and _active(bone.constraints):
            return f"constraints on bone {bone.name}"
    return ""


def _active(constraints: Sequence[Any]) -> bool:
    return any(not constraint.mute for constraint in constraints)


def _why_parent(obj: Any) -> str:
    parent = obj.parent
    if parent is not None and obj.parent_type != "OBJECT":
        return f"parenting to a {obj.parent_type.lower()}"
    while parent is not None:
        if has_animation(parent) or _active(parent.constraints):
            return f"its moving parent {parent.name}"
        if parent.parent is not None and parent.parent_type != "OBJECT":
            return f"parenting to a {parent.parent_type.lower()}"
        parent = parent.parent
    return ""
