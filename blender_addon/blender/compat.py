# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that knows how Blender's animation data differ from 4.2 to 5.x.

Actions have slots since 4.4; until 5.0 an action also had F-curves of its own.
"""

from __future__ import annotations

from typing import Any

import bpy

HAS_SLOTS = bpy.app.version >= (4, 4, 0)


def action_fcurves(action: Any, slot: Any) -> Any:
    """Return the F-curves an action holds for a slot; an empty tuple where there are none."""
    if not HAS_SLOTS:
        return action.fcurves
    bag = _channelbag(action, slot)
    return () if bag is None else bag.fcurves


def _channelbag(action: Any, slot: Any) -> Any:
    if slot is None:
        return None
    for layer in action.layers:
        for strip in layer.strips:
            bag = strip.channelbag(slot)
            if bag is not None:
                return bag
    return None


def assigned_slot(animation_data: Any) -> Any:
    """Return the slot an object plays of its action; None before slots existed."""
    return animation_data.action_slot if HAS_SLOTS else None


def object_fcurves(obj: Any) -> Any:
    """Return the F-curves of the action an object plays."""
    data = obj.animation_data
    if data is None or data.action is None:
        return ()
    return action_fcurves(data.action, assigned_slot(data))


def new_action(name: str, obj: Any) -> tuple[Any, Any, Any]:
    """Return an empty action for an object: the action, its slot (None before slots) and its F-curves."""
    action = bpy.data.actions.new(name)
    if not HAS_SLOTS:
        return action, None, action.fcurves
    slot = action.slots.new(id_type="OBJECT", name=obj.name)
    strip = action.layers.new("Layer").strips.new(type="KEYFRAME")
    return action, slot, strip.channelbag(slot, ensure=True).fcurves


def new_fcurve(fcurves: Any, action: Any, path: str, index: int, group: str) -> Any:
    """Return a new F-curve in a group."""
    if not HAS_SLOTS:
        return fcurves.new(path, index=index, action_group=group)
    if bpy.app.version >= (5, 0, 0):
        return fcurves.new(path, index=index, group_name=group)
    curve = fcurves.new(path, index=index)
    groups = _groups_of(action, fcurves)
    curve.group = groups.get(group) or groups.new(group)
    return curve


def _groups_of(action: Any, fcurves: Any) -> Any:
    for layer in action.layers:
        for strip in layer.strips:
            for bag in strip.channelbags:
                if bag.fcurves == fcurves:
                    return bag.groups
    raise LookupError("F-curves of another action")


def assign(obj: Any, action: Any, slot: Any) -> None:
    """Let an object play an action's slot; None for no action."""
    data = obj.animation_data or obj.animation_data_create()
    data.action = action
    if HAS_SLOTS and action is not None:
        data.action_slot = slot


def slot_for(action: Any, identifier: str) -> Any:
    """Return the slot of an action by its identifier, else its first; None before slots."""
    if not HAS_SLOTS or not action.slots:
        return None
    return action.slots.get(identifier) or action.slots[0]


def slot_identifier(slot: Any) -> str:
    """Return what a slot is found by again; empty before slots."""
    return "" if slot is None else slot.identifier


def assign_strip(strip: Any, slot: Any) -> None:
    """Let an NLA strip play a slot of its action."""
    if HAS_SLOTS and slot is not None:
        strip.action_slot = slot
