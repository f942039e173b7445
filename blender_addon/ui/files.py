# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips in and out: the demo, every format the core knows, FBX and GLB through Blender's exporters."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, FloatProperty, IntProperty, StringProperty
from bpy_extras.io_utils import ExportHelper, ImportHelper

from controller_server.clip.formats import ReadOptions, write_clip
from controller_server.errors import AssistMimicError

from ..blender.exporting import export_scene, scene_clip
from ..blender.importing import import_clip
from .session import redraw, session

DEMO = Path(__file__).parents[1] / "assets" / "pull_up.npz"


class ASSISTMIMIC_OT_load_demo(bpy.types.Operator):
    """Bring in two characters and a clip: one pulls the other up from a chair"""

    bl_idname = "assistmimic.load_demo"
    bl_label = "Load Demo"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: Any) -> set[str]:
        return _import(self, context, [DEMO], ReadOptions(), 1)


class ASSISTMIMIC_OT_import_clip(bpy.types.Operator, ImportHelper):
    """Two people from a clip: .npz, .npy, or two .bvh files picked together (supporter first by name)"""

    bl_idname = "assistmimic.import_clip"
    bl_label = "Import Two-Person Clip"
    bl_options = {"REGISTER", "UNDO"}

    filter_glob: StringProperty(default="*.npz;*.npy;*.bvh;*.glb;*.gltf;*.pkl;*.pt;*.smpl;*.mcs", options={"HIDDEN"})
    files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"})
    directory: StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})
    start: IntProperty(name="First frame", description="Where the clip begins", default=1)
    swap: BoolProperty(name="Swap people", description="The recipient comes first in the file")
    fps: FloatProperty(
        name="Frame rate",
        description="Of files that do not say it; else 0",
        default=0,
        min=0,
    )

    def execute(self, context: Any) -> set[str]:
        paths = sorted(Path(self.directory) / file.name for file in self.files if file.name)
        options = ReadOptions(swap=self.swap, fps=self.fps or None)
        return _import(self, context, paths or [Path(bpy.path.abspath(self.filepath))], options, self.start)


def _import(operator: Any, context: Any, paths: list[Path], options: ReadOptions, start: int) -> set[str]:
    scene = context.scene
    if context.mode != "OBJECT" and context.view_layer.objects.active is not None:
        bpy.ops.object.mode_set(mode="OBJECT")
    try:
        people, notes = import_clip(paths, scene, options=options, start=start)
    except AssistMimicError as error:
        session.say(str(error), error=True)
        operator.report({"ERROR"}, str(error))
        return {"CANCELLED"}
    settings = scene.assistmimic
    settings.supporter, settings.recipient = people
    for note in notes:
        operator.report({"INFO"}, note)
    session.say(f"Loaded {paths[0].stem}: {scene.frame_end - scene.frame_start + 1} frames")
    redraw()
    return {"FINISHED"}


class ASSISTMIMIC_OT_export_clip(bpy.types.Operator, ExportHelper):
    """Both characters as they move now, as a clip: .npz, or .bvh (one file for each)"""

    bl_idname = "assistmimic.export_clip"
    bl_label = "Export Two-Person Clip"
    check_extension = None
    filename_ext = ".npz"
    filter_glob: StringProperty(default="*.npz;*.bvh", options={"HIDDEN"})

    def execute(self, context: Any) -> set[str]:
        try:
            clip = replace(scene_clip(context.scene), source=bpy.path.basename(bpy.data.filepath) or "Blender")
            written = write_clip(Path(bpy.path.abspath(self.filepath)), clip)
        except AssistMimicError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"Written: {', '.join(path.name for path in written)}")
        return {"FINISHED"}


class ASSISTMIMIC_OT_export_scene(bpy.types.Operator, ExportHelper):
    """Both characters with bodies and motion through Blender's own exporter, for other programs"""

    bl_idname = "assistmimic.export_scene"
    bl_label = "Export Characters"
    check_extension = None
    filename_ext = ".fbx"
    filter_glob: StringProperty(default="*.fbx;*.glb", options={"HIDDEN"})
    format: EnumProperty(name="Format", items=(("FBX", "FBX", ""), ("GLB", "GLB", "")))

    def execute(self, context: Any) -> set[str]:
        suffix = f".{self.format.lower()}"
        path = Path(bpy.path.abspath(self.filepath))
        try:
            export_scene(path if path.suffix.lower() in (".fbx", ".glb") else path.with_suffix(suffix), context.scene)
        except AssistMimicError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


def _import_menu(menu: Any, _: Any) -> None:
    menu.layout.operator(ASSISTMIMIC_OT_import_clip.bl_idname, text="Two-Person Clip (.npz/.npy/.bvh)")


def _export_menu(menu: Any, _: Any) -> None:
    menu.layout.operator(ASSISTMIMIC_OT_export_clip.bl_idname, text="Two-Person Clip (.npz/.bvh)")


CLASSES = (
    ASSISTMIMIC_OT_load_demo,
    ASSISTMIMIC_OT_import_clip,
    ASSISTMIMIC_OT_export_clip,
    ASSISTMIMIC_OT_export_scene,
)


def register() -> None:
    """Entries of the File menu."""
    bpy.types.TOPBAR_MT_file_import.append(_import_menu)
    bpy.types.TOPBAR_MT_file_export.append(_export_menu)


def unregister() -> None:
    """Take them out again."""
    bpy.types.TOPBAR_MT_file_export.remove(_export_menu)
    bpy.types.TOPBAR_MT_file_import.remove(_import_menu)
