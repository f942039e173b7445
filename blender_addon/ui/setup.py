# SPDX-License-Identifier: GPL-3.0-or-later
"""Before simulating: characters, props, presets, and the engine."""

import platform
from typing import Any

import bpy
import numpy as np
import zmq
from bl_operators.presets import AddPresetBase
from bpy.props import BoolProperty, EnumProperty

from controller_server.core.errors import AssistMimicError
from controller_server.core.version import __version__

from ..blender.armature import has_animation
from ..blender.hints import hints_of
from ..blender.importing import mark_prop
from ..blender.recognising import rig_of
from ..blender.request import characters, mapping_of, read_request
from .core_settings import limit_properties
from .mending import button
from .presets import BALANCED, PRESETS, values_of
from .session import connection, engine, redraw, session, user_folder


def _armatures(context: Any) -> list[Any]:
    """Return selected armatures, and armatures of selected meshes, the active one first."""
    picked: list[Any] = []
    active = context.view_layer.objects.active
    for obj in sorted(context.selected_objects, key=lambda o: o != active):
        found = obj if obj.type == "ARMATURE" else obj.find_armature()
        if found is not None and found not in picked:
            picked.append(found)
    return picked


class ASSISTMIMIC_OT_from_selection(bpy.types.Operator):
    """Take the two selected characters: the active one helps the other"""

    bl_idname = "assistmimic.from_selection"
    bl_label = "From Selection"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: Any) -> set[str]:
        picked = _armatures(context)
        if len(picked) != 2:
            self.report({"ERROR"}, f"Select two characters; {len(picked)} armature(s) are selected")
            return {"CANCELLED"}
        settings = context.scene.assistmimic
        settings.supporter, settings.recipient = picked
        return {"FINISHED"}


class ASSISTMIMIC_OT_swap(bpy.types.Operator):
    """Swap who helps and who is helped"""

    bl_idname = "assistmimic.swap"
    bl_label = "Swap Roles"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: Any) -> set[str]:
        settings = context.scene.assistmimic
        settings.supporter, settings.recipient = settings.recipient, settings.supporter
        return {"FINISHED"}


class ASSISTMIMIC_OT_check(bpy.types.Operator):
    """Look at both rigs and say what they are recognised as"""

    bl_idname = "assistmimic.check"
    bl_label = "Check Rigs"

    def execute(self, context: Any) -> set[str]:
        settings = context.scene.assistmimic
        try:
            mapping = mapping_of(settings)
            people = characters(settings, context.scene)
            lines = [rig_of(obj, context.scene, mapping).line for obj in people]
            hints = hints_of(read_request(settings, context.scene), people) if all(map(has_animation, people)) else []
        except AssistMimicError as error:
            session.say(str(error), error=True)
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        session.say("; ".join([*lines, *(hint.text for hint in hints)]), mend=button(hints))
        self.report({"INFO"}, session.message)
        return {"FINISHED"}


class ASSISTMIMIC_OT_props(bpy.types.Operator):
    """Selected mesh objects become furniture of the simulation (their bounding boxes), or no longer"""

    bl_idname = "assistmimic.props"
    bl_label = "Selected Are Props"
    bl_options = {"REGISTER", "UNDO"}

    on: BoolProperty(name="Prop", default=True)

    def execute(self, context: Any) -> set[str]:
        meshes = [obj for obj in context.selected_objects if obj.type == "MESH" and obj.find_armature() is None]
        if not meshes:
            self.report({"ERROR"}, "Select mesh objects that are not characters")
            return {"CANCELLED"}
        for obj in meshes:
            mark_prop(obj, self.on)
        return {"FINISHED"}


class ASSISTMIMIC_OT_preset(bpy.types.Operator):
    """Set strength, weight, grips, controller and preparation at once"""

    bl_idname = "assistmimic.preset"
    bl_label = "Preset"
    bl_options = {"REGISTER", "UNDO"}

    name: EnumProperty(name="Preset", items=[(key, label, text) for key, (label, text, _) in PRESETS.items()])

    @classmethod
    def description(cls, _: Any, properties: Any) -> str:
        return PRESETS[properties.name][1]

    def execute(self, context: Any) -> set[str]:
        for name, value in values_of(self.name).items():
            setattr(context.scene.assistmimic, name, value)
        return {"FINISHED"}


class ASSISTMIMIC_OT_preset_add(AddPresetBase, bpy.types.Operator):
    """Keep the present parameters as a preset of your own"""

    bl_idname = "assistmimic.preset_add"
    bl_label = "Add Preset"
    preset_menu = "ASSISTMIMIC_MT_presets"
    preset_defines = []
    preset_values = [
        f"bpy.context.scene.assistmimic.{name}"
        for name in (*BALANCED, "grips", "hands", *(f"limits.{limit}" for limit in limit_properties()))
    ]
    preset_subdir = "assistmimic"


class ASSISTMIMIC_MT_presets(bpy.types.Menu):
    """Ready-made and own presets"""

    bl_label = "Presets"
    preset_subdir = "assistmimic"
    preset_operator = "script.execute_preset"

    def draw(self, context: Any) -> None:
        for key, (label, _, _) in PRESETS.items():
            self.layout.operator(ASSISTMIMIC_OT_preset.bl_idname, text=label).name = key
        self.layout.separator()
        bpy.types.Menu.draw_preset(self, context)


class ASSISTMIMIC_OT_engine(bpy.types.Operator):
    """Start or stop the engine on this machine; Simulate starts it by itself"""

    bl_idname = "assistmimic.engine"
    bl_label = "Engine"

    what: EnumProperty(items=(("START", "Start", ""), ("STOP", "Stop", "")))

    def execute(self, _: Any) -> set[str]:
        try:
            if self.what == "STOP":
                engine().stop()
            else:
                engine().ensure()
        except AssistMimicError as error:
            session.say(str(error), error=True)
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        redraw()
        return {"FINISHED"}


class ASSISTMIMIC_OT_diagnostics(bpy.types.Operator):
    """Copy versions, the engine's log and the last error for a report of a problem"""

    bl_idname = "assistmimic.diagnostics"
    bl_label = "Copy Diagnostics"

    def execute(self, context: Any) -> set[str]:
        context.window_manager.clipboard = diagnostics()
        self.report({"INFO"}, "Copied")
        return {"FINISHED"}


def diagnostics() -> str:
    """Return what a bug report needs; nothing of the file but its error message."""
    lines = [
        f"AssistMimic {__version__}, Blender {bpy.app.version_string}, Python {platform.python_version()}",
        f"{platform.platform()}, numpy {np.__version__}, pyzmq {zmq.__version__}",
        f"engine: {'running' if engine().is_running else 'off'}, {engine().folder}",
        f"last message: {session.message or 'none'}; last error: {session.last_error or 'none'}",
        *([session.detail] if session.detail else []),
    ]
    for log in (engine().log, engine().folder / "jobs" / "log" / "server.log"):
        if log.exists():
            lines += [f"-- {log.name}", *log.read_text(encoding="utf-8", errors="replace").splitlines()[-30:]]
    return "\n".join(lines)


class ASSISTMIMIC_OT_open_folder(bpy.types.Operator):
    """Open the folder where jobs and results lie"""

    bl_idname = "assistmimic.open_folder"
    bl_label = "Open Folder"

    def execute(self, _: Any) -> set[str]:
        try:
            folder = user_folder("results").parent
        except AssistMimicError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if not bpy.app.background:
            bpy.ops.wm.path_open(filepath=str(folder))
        self.report({"INFO"}, str(folder))
        return {"FINISHED"}


class ASSISTMIMIC_OT_test_connection(bpy.types.Operator):
    """Ask the server what it is"""

    bl_idname = "assistmimic.test_connection"
    bl_label = "Test Connection"

    def execute(self, _: Any) -> set[str]:
        try:
            with connection()() as client:
                welcome = client.hello()
        except AssistMimicError as error:
            session.say(str(error), error=True)
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        session.say(f"Connected; the server's version is {welcome['server']}")
        self.report({"INFO"}, session.message)
        return {"FINISHED"}


CLASSES = (
    ASSISTMIMIC_OT_from_selection,
    ASSISTMIMIC_OT_swap,
    ASSISTMIMIC_OT_check,
    ASSISTMIMIC_OT_props,
    ASSISTMIMIC_OT_preset,
    ASSISTMIMIC_OT_preset_add,
    ASSISTMIMIC_MT_presets,
    ASSISTMIMIC_OT_engine,
    ASSISTMIMIC_OT_diagnostics,
    ASSISTMIMIC_OT_open_folder,
    ASSISTMIMIC_OT_test_connection,
)
