# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips in and out: the demo, every format the core knows, FBX and GLB through Blender's exporters."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, FloatProperty, IntProperty, StringProperty
from bpy_extras.io_utils import ExportHelper, ImportHelper

from controller_server.clip.io.formats import ReadOptions, write_clip
from controller_server.core.errors import AssistMimicError

from ..blender.exporting import export_scene, scene_clip
from ..blender.importing import Arrival, import_clip, scene_rate
from ..blender.staging import in_the_way, is_default_cube, look_at
from .mending import hide_button
from .session import redraw, session

DEMO = Path(__file__).parents[1] / "assets" / "pull_up.npz"


class ASSISTMIMIC_OT_load_demo(bpy.types.Operator):
    """Bring in two characters and a clip: one pulls the other up from a chair"""

    bl_idname = "assistmimic.load_demo"
    bl_label = "Load Demo"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: Any) -> set[str]:
        return _import(self, context, [DEMO], ReadOptions(), 1, hide_cube=True)


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
    rate: EnumProperty(
        name="Scene rate",
        description="What is done where the clip's frame rate is not the scene's",
        items=(
            ("AUTO", "Automatic", "The scene takes the clip's rate where nothing moves in it yet, else as Keep"),
            ("CLIP", "Set", "The scene takes the clip's rate: every frame of the clip comes in"),
            ("SCENE", "Keep", "The clip is resampled to the scene's rate"),
        ),
    )

    def execute(self, context: Any) -> set[str]:
        paths = sorted(Path(self.directory) / file.name for file in self.files if file.name)
        options = ReadOptions(swap=self.swap, fps=self.fps or None)
        paths = paths or [Path(bpy.path.abspath(self.filepath))]
        return _import(self, context, paths, options, self.start, rate=self.rate)


def _import(
    operator: Any,
    context: Any,
    paths: list[Path],
    options: ReadOptions,
    start: int,
    *,
    rate: str = "AUTO",
    hide_cube: bool = False,
) -> set[str]:
    scene = context.scene
    if context.mode != "OBJECT" and context.view_layer.objects.active is not None:
        bpy.ops.object.mode_set(mode="OBJECT")
    try:
        arrival = import_clip(paths, scene, options=options, start=start, rate=rate)
    except AssistMimicError as error:
        session.say(str(error), error=True)
        operator.report({"ERROR"}, str(error))
        return {"CANCELLED"}
    settings = scene.assistmimic
    settings.supporter, settings.recipient = arrival.people
    for note in arrival.notes:
        operator.report({"INFO"}, note)
    _show(operator, context, arrival, paths[0].stem, hide_cube=hide_cube)
    redraw()
    return {"FINISHED"}


def _show(operator: Any, context: Any, arrival: Arrival, name: str, *, hide_cube: bool) -> None:
    """Select the pair, let the views see it, and say what came in and what stands in the way."""
    view_layer, scene = context.view_layer, context.scene
    view_layer.update()
    for obj in view_layer.objects:
        obj.select_set(obj in arrival.people)
    view_layer.objects.active = arrival.people[0]
    words = [f"Loaded {name}: {arrival.frames} frames at {scene_rate(scene):g} fps, the scene's range is theirs now"]
    words += [arrival.rate] if arrival.rate else []
    figures = [obj for person in arrival.people for obj in (person, *person.children_recursive)]
    hiding = in_the_way(arrival.box, view_layer, [*figures, *arrival.props])
    cube = [obj for obj in hiding if hide_cube and is_default_cube(obj)]
    for obj in cube:
        obj.hide_set(True)
        hiding.remove(obj)
        words.append(f"{obj.name} stood in the way and is hidden, Alt H shows it")
    if hiding:
        words.append(f"{', '.join(obj.name for obj in hiding[:3])} stands where they move")
    look_at(arrival.box, scene)
    session.say("; ".join(words), mend=hide_button(hiding))
    operator.report({"INFO"}, session.message)


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
        return _written(self, written, f"{clip.n_frames} frames at {clip.fps:g} fps")


def _written(operator: Any, paths: Sequence[Path], what: str) -> set[str]:
    """Say what was written, where and how large it is."""
    files = ", ".join(f"{path.name} ({path.stat().st_size / 1e6:.1f} MB)" for path in paths)
    session.say(f"Written to {paths[0].parent}: {files}, {what}")
    operator.report({"INFO"}, session.message)
    redraw()
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
        path = Path(bpy.path.abspath(self.filepath))
        path = path if path.suffix else path.with_suffix(f".{self.format.lower()}")
        try:
            export_scene(path, context.scene)
        except AssistMimicError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        scene, settings = context.scene, context.scene.assistmimic
        names = f"{settings.supporter.name} and {settings.recipient.name}"
        return _written(self, [path], f"{names}, frames {scene.frame_start} to {scene.frame_end}")


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
