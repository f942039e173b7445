# SPDX-License-Identifier: GPL-3.0-or-later
"""Both characters as they move now: as a clip, or through Blender's exporters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from controller_server.clip.interaction import InteractionClip
from controller_server.core.errors import SceneError

from .request import characters, read_request


def scene_clip(scene: Any) -> InteractionClip:
    """Return what the characters of a scene do in the frames its settings name. Raises AssistMimicError."""
    return read_request(scene.assistmimic, scene).clip


def export_scene(path: Path, scene: Any) -> None:
    """Write both characters with their bodies as .fbx or .glb.

    Raises:
        AssistMimicError: no two characters are chosen, or the exporter fails.
    """
    exporter = _EXPORTERS.get(path.suffix.lower())
    if exporter is None:
        raise SceneError(f"{path}: cannot be written; use one of {', '.join(_EXPORTERS)}")
    people = characters(scene.assistmimic, scene)
    chosen = [obj for person in people for obj in (person, *person.children_recursive)]
    view_layer = bpy.context.view_layer
    selected, active = [obj for obj in view_layer.objects if obj.select_get()], view_layer.objects.active
    for obj in selected:
        obj.select_set(False)
    for obj in chosen:
        obj.select_set(True)
    view_layer.objects.active = people[0]
    try:
        exporter(path)
    except RuntimeError as error:
        raise SceneError(f"{path}: {str(error).strip()}") from None
    finally:
        for obj in view_layer.objects:
            obj.select_set(obj in selected)
        view_layer.objects.active = active


def _fbx(path: Path) -> None:
    bpy.ops.export_scene.fbx(
        filepath=str(path),
        use_selection=True,
        object_types={"ARMATURE", "MESH"},
        add_leaf_bones=False,
        bake_anim_use_all_actions=False,
        bake_anim_use_nla_strips=False,
        bake_anim_simplify_factor=0.0,
    )


def _glb(path: Path) -> None:
    bpy.ops.export_scene.gltf(
        filepath=str(path),
        export_format="GLB",
        use_selection=True,
        use_active_scene=True,
        export_animation_mode="ACTIVE_ACTIONS",
        export_frame_range=True,
        export_force_sampling=True,
    )


_EXPORTERS = {".fbx": _fbx, ".glb": _glb}
