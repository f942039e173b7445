# SPDX-License-Identifier: GPL-3.0-or-later
"""A person of our own: an SMPL-X-like armature that moves the project's figure, without the licensed model."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from controller_server.clip.skeleton import JOINT_NAMES, N_BODY_JOINTS, PARENTS, Skeleton
from controller_server.figure import ZONES, Dressed, dressed
from controller_server.figure.asset import zone_colours

BODY_BONE, OTHER_BONE = 0.05, 0.015
"""Lengths of the bones of the body, and of fingers, jaw and eyes [m]: all point up, along the model's axis."""
_TO_ARMATURE = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""The model frame (x left, y up, z forward) in a Z-up armature that looks along -Y."""


def new_figure(name: str, skeleton: Skeleton, role: str, collection: Any) -> Any:
    """Return a character at rest in the origin: an armature object with its skin as a child, in a role's clothes."""
    armature = _armature(name, skeleton, collection)
    person = dressed(skeleton)
    mesh = _mesh(f"{name} body", person)
    body = bpy.data.objects.new(f"{name} body", mesh)
    collection.objects.link(body)
    body.parent = armature
    bends = body.modifiers.new("Armature", "ARMATURE")
    bends.object, bends.use_deform_preserve_volume = armature, True
    for zone, colour in zip(ZONES, zone_colours(role), strict=True):
        mesh.materials.append(plain_material(f"AssistMimic {role} {zone}", colour))
    body.color = (*zone_colours(role)[ZONES.index("shirt")], 1.0)
    _weigh(body, person)
    return armature


def plain_material(name: str, colour: np.ndarray) -> Any:
    """Return the material of this name, made where there is none; `colour` is sRGB 0 to 1, in every render engine."""
    found = bpy.data.materials.get(name)
    if found is not None:
        return found
    material = bpy.data.materials.new(name)
    light = (*(np.asarray(colour) ** 2.2).tolist(), 1.0)
    material.diffuse_color, material.roughness = light, 0.75
    if material.node_tree is None:  # new materials of Blender 5 have one
        material.use_nodes = True
    for node in material.node_tree.nodes:
        if node.type == "BSDF_PRINCIPLED":
            node.inputs["Base Color"].default_value = light
            node.inputs["Roughness"].default_value = 0.75
    return material


def _armature(name: str, skeleton: Skeleton, collection: Any) -> Any:
    data = bpy.data.armatures.new(name)
    obj = bpy.data.objects.new(name, data)
    collection.objects.link(obj)
    view_layer = bpy.context.view_layer
    previous = view_layer.objects.active
    view_layer.objects.active = obj
    # Bones can be made in edit mode only, which wants an active object in object mode.
    with bpy.context.temp_override(active_object=obj, object=obj, selected_objects=[obj]):
        bpy.ops.object.mode_set(mode="EDIT")
        root = data.edit_bones.new("root")
        root.head, root.tail = np.zeros(3), np.array([0, 0, BODY_BONE])
        bones = [root]
        for j, joint_name in enumerate(JOINT_NAMES):
            bone = data.edit_bones.new(joint_name)
            head = _TO_ARMATURE @ skeleton.rest_joints[j]
            length = BODY_BONE if j < N_BODY_JOINTS else OTHER_BONE
            bone.head, bone.tail, bone.roll = head, head + np.array([0, 0, length]), 0.0
            bone.parent = bones[PARENTS[j] + 1]
            bones.append(bone)
        bpy.ops.object.mode_set(mode="OBJECT")
    view_layer.objects.active = previous
    # The skin would hide bones that are not in front; as sticks they do not hide the skin.
    data.display_type, obj.show_in_front = "STICK", True
    return obj


def _mesh(name: str, person: Dressed) -> Any:
    """Return the skin in armature space, its faces in the zones' order of materials."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata((person.points @ _TO_ARMATURE.T).tolist(), [], person.figure.faces.tolist())
    mesh.polygons.foreach_set("use_smooth", np.ones(len(mesh.polygons), dtype=bool))
    mesh.polygons.foreach_set("material_index", person.figure.zones.astype(np.int32))
    mesh.update()
    return mesh


def _weigh(body: Any, person: Dressed) -> None:
    """Let each bone move its share of the skin."""
    joints, weights = person.figure.joints, person.figure.weights
    for j in np.unique(joints[weights > 0]).tolist():
        group = body.vertex_groups.new(name=JOINT_NAMES[j])
        share = np.where(joints == j, weights, 0).sum(axis=1)
        levels = np.round(share * 255).astype(int)
        for level in np.unique(levels[levels > 0]).tolist():
            group.add(np.flatnonzero(levels == level).tolist(), level / 255, "REPLACE")
