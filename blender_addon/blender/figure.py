# SPDX-License-Identifier: GPL-3.0-or-later
"""A neutral person of our own: an SMPL-X-like armature and a body of capsules, without the licensed model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy
import numpy as np

from controller_server.body.shape import Hands, Shape, body_shapes
from controller_server.clip.rotation import quat_rotate
from controller_server.clip.skeleton import JOINT_NAMES, PARENTS, Skeleton

BONE_LENGTH = 0.1
_TO_ARMATURE = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""The model frame (x left, y up, z forward) in a Z-up armature that looks along -Y."""
_ROUND = 12
SUPPORTER_COLOUR, RECIPIENT_COLOUR = (0.05, 0.45, 0.7, 1.0), (0.9, 0.45, 0.05, 1.0)
"""Blue and orange, which the colour-blind tell apart."""


def new_figure(name: str, skeleton: Skeleton, colour: tuple[float, ...], collection: Any) -> Any:
    """A character at rest in the origin: armature object with a skinned mesh as its child."""
    armature = _armature(name, skeleton, collection)
    mesh = _mesh(f"{name} body", skeleton)
    body = bpy.data.objects.new(f"{name} body", mesh)
    collection.objects.link(body)
    body.parent = armature
    body.modifiers.new("Armature", "ARMATURE").object = armature
    body.color = colour
    material = bpy.data.materials.get(f"AssistMimic {name}") or bpy.data.materials.new(f"AssistMimic {name}")
    material.diffuse_color = colour
    mesh.materials.append(material)
    _weigh(body, skeleton)
    return armature


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
        up = np.array([0, 0, BONE_LENGTH])
        root = data.edit_bones.new("root")
        root.head, root.tail = np.zeros(3), up
        bones = [root]
        for j, joint_name in enumerate(JOINT_NAMES):
            bone = data.edit_bones.new(joint_name)
            head = _TO_ARMATURE @ skeleton.rest_joints[j]
            bone.head, bone.tail, bone.roll = head, head + up, 0.0
            bone.parent = bones[PARENTS[j] + 1]
            bones.append(bone)
        bpy.ops.object.mode_set(mode="OBJECT")
    view_layer.objects.active = previous
    data.display_type = "WIRE"
    return obj


def _mesh(name: str, skeleton: Skeleton) -> Any:
    vertices, faces = [], []
    for _, points, polygons in _pieces(skeleton):
        start = sum(map(len, vertices))
        vertices.append(points)
        faces += [[start + k for k in polygon] for polygon in polygons]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(np.concatenate(vertices).tolist(), [], faces)
    mesh.polygons.foreach_set("use_smooth", np.ones(len(mesh.polygons), dtype=bool))
    mesh.update()
    return mesh


def _weigh(body: Any, skeleton: Skeleton) -> None:
    """Every piece of flesh follows its own bone."""
    start = 0
    for shape, points, _ in _pieces(skeleton):
        name = JOINT_NAMES[shape.joint]
        group = body.vertex_groups.get(name) or body.vertex_groups.new(name=name)
        group.add(list(range(start, start + len(points))), 1.0, "REPLACE")
        start += len(points)


def _pieces(skeleton: Skeleton) -> Iterator[tuple[Shape, np.ndarray, list[list[int]]]]:
    """The simulated body's shapes as points in armature space and polygons."""
    for shape in body_shapes(skeleton, Hands.FULL):
        points, polygons = _box(shape.size) if shape.kind == "box" else _capsule(shape)
        placed = quat_rotate(shape.quat, points) + shape.position + skeleton.rest_joints[shape.joint]
        yield shape, placed @ _TO_ARMATURE.T, polygons


def _box(half: tuple[float, ...]) -> tuple[np.ndarray, list[list[int]]]:
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * half
    return corners, [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]


def _capsule(shape: Shape) -> tuple[np.ndarray, list[list[int]]]:
    """A capsule along z, or a sphere, from rings of points."""
    radius, half = shape.size[0], shape.size[1] if shape.kind == "capsule" else 0.0
    tilt = np.radians([-60, -30, 0, 0, 30, 60])
    height = radius * np.sin(tilt) + half * np.array([-1, -1, -1, 1, 1, 1])
    around = 2 * np.pi * np.arange(_ROUND) / _ROUND
    rings = [
        np.stack(
            [radius * np.cos(t) * np.cos(around), radius * np.cos(t) * np.sin(around), np.full(_ROUND, h)], axis=-1
        )
        for t, h in zip(tilt, height, strict=True)
    ]
    points = np.concatenate([*rings, [[0, 0, -half - radius]], [[0, 0, half + radius]]])
    n, bottom, top = len(rings), len(points) - 2, len(points) - 1
    polygons = []
    for k in range(_ROUND):
        after = (k + 1) % _ROUND
        polygons += [
            [r * _ROUND + k, r * _ROUND + after, (r + 1) * _ROUND + after, (r + 1) * _ROUND + k] for r in range(n - 1)
        ]
        polygons.append([bottom, after, k])
        polygons.append([top, (n - 1) * _ROUND + k, (n - 1) * _ROUND + after])
    return points, polygons
