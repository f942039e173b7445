# SPDX-License-Identifier: GPL-3.0-or-later
"""The original beside the result: linked copies of both characters as in glass, playing the original actions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy

from .compat import assign, slot_for
from .stills import write_channels
from .takes import people_of, stills_of

COLLECTION = "AssistMimic original"


def is_shown() -> bool:
    """Return whether there is a ghost in this file."""
    return COLLECTION in bpy.data.collections


def show(take: Any, scene: Any, offset: Sequence[float] = (0.0, 0.0, 0.0)) -> None:
    """Make the ghost of a take's originals, so far away from the result [scene units]."""
    remove()
    collection = bpy.data.collections.new(COLLECTION)
    collection.hide_render = True
    scene.collection.children.link(collection)
    holder = bpy.data.objects.new(COLLECTION, None)
    holder.location = offset
    collection.objects.link(holder)
    for person in people_of(take):
        if person.source is not None:
            _copy(person, collection, holder)


def _copy(person: Any, collection: Any, holder: Any) -> None:
    original = person.obj
    figure = original.copy()
    figure.animation_data_clear()
    collection.objects.link(figure)
    if figure.parent is None:
        figure.parent = holder
    assign(figure, person.source, slot_for(person.source, person.source_slot))
    write_channels(figure, stills_of(person))
    for bone in figure.pose.bones:
        for constraint in list(bone.constraints):
            if getattr(constraint, "target", None) == original:
                constraint.target = figure
    figure.hide_select = True
    figure.show_in_front = False
    glass = _glass()
    meshes = [child for child in original.children_recursive if child.type == "MESH"]
    if not meshes:
        figure.display_type = "WIRE"
    for mesh in meshes:
        copy = mesh.copy()
        collection.objects.link(copy)
        copy.hide_select = True
        for slot in copy.material_slots:
            slot.link, slot.material = "OBJECT", glass
        if not copy.material_slots:
            copy.display_type = "WIRE"
        if copy.parent == original:
            copy.parent = figure
        for modifier in copy.modifiers:
            if modifier.type == "ARMATURE" and modifier.object == original:
                modifier.object = figure


def _glass() -> Any:
    """Return the material of ghosts, which one sees through in the solid view."""
    material = bpy.data.materials.get(COLLECTION) or bpy.data.materials.new(COLLECTION)
    material.diffuse_color = (0.55, 0.62, 0.70, 0.28)
    return material


def remove() -> None:
    """Take the ghost away, if there is one."""
    collection = bpy.data.collections.get(COLLECTION)
    if collection is None:
        return
    for obj in list(collection.objects):
        bpy.data.objects.remove(obj)
    bpy.data.collections.remove(collection)
