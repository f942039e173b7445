# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar tab. Draws what is known and works nothing out."""

from __future__ import annotations

import json
from typing import Any

import bpy

from ..blender.hints import range_hint
from ..problems import worst_frames
from ..report import Row, rows_of
from .core_settings import POLICY_CONTROLLERS, STEPS, limit_properties
from .preferences import preferences
from .session import redraw, result_arrays, session

TAB = "AssistMimic"
_rows: dict[str, list[Row]] = {}


class _Panel:
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = TAB


class ASSISTMIMIC_PT_main(_Panel, bpy.types.Panel):
    """Two characters, one button."""

    bl_idname = "ASSISTMIMIC_PT_main"
    bl_label = "AssistMimic"

    def draw(self, context: Any) -> None:
        layout, settings = self.layout, context.scene.assistmimic
        running = session.running
        layout.label(text=_engine_line(), icon="PLAY" if running else "CHECKMARK")
        if settings.supporter is None and settings.recipient is None:
            layout.operator("assistmimic.load_demo", icon="OUTLINER_OB_ARMATURE")
        column = layout.column(align=True)
        column.prop(settings, "supporter", icon="USER")
        column.prop(settings, "recipient", icon="COMMUNITY")
        row = layout.row(align=True)
        row.operator("assistmimic.from_selection")
        row.operator("assistmimic.swap", text="", icon="ARROW_LEFTRIGHT")
        row.operator("assistmimic.check", text="", icon="VIEWZOOM")
        if running is not None:
            row = layout.row(align=True)
            status = running.job.status
            row.progress(factor=status.factor, text=status.line, type="BAR")
            row.operator("assistmimic.cancel", text="", icon="X")
        else:
            row = layout.row()
            row.scale_y = 1.6
            row.operator("assistmimic.simulate", icon="PHYSICS")
            hint = range_hint(settings, context.scene) if session.mend is None else None
            if hint is not None:
                row = layout.row(align=True)
                row.label(text="Range beyond keys", icon="ERROR")
                row.operator("assistmimic.mend", text=hint.label).what = hint.what
            if settings.pending:
                layout.operator("assistmimic.resume", icon="FILE_REFRESH")
        message = session.message_for(context.scene)
        if message:
            _message(layout, context, message)


def _engine_line() -> str:
    if session.running is not None:
        return "Busy"
    prefs = preferences()
    if prefs.use_remote:
        return f"Server: {prefs.endpoint}"
    return "Ready: MuJoCo on this machine" if session.engine and session.engine.is_running else "Starts when needed"


def _message(layout: Any, context: Any, message: str) -> None:
    """Draw a message, wrapped to the width of the sidebar, with what mends it."""
    box = layout.box().column(align=True)
    width = max(20, int(context.region.width / (8.5 * context.preferences.system.ui_scale)))
    icon = "ERROR" if session.is_error else "INFO"
    line = ""
    for word in message.split():
        if line and len(line) + len(word) + 1 > width:
            box.label(text=line, icon=icon)
            line, icon = word, "BLANK1"
        else:
            line = f"{line} {word}".strip()
    box.label(text=line, icon=icon)
    if session.mend is not None:
        button = box.operator(session.mend.operator, text=session.mend.label, icon="MODIFIER")
        for name, value in session.mend.properties.items():
            setattr(button, name, value)
    if session.is_error:
        box.operator("assistmimic.diagnostics", icon="COPYDOWN")


class ASSISTMIMIC_PT_parameters(_Panel, bpy.types.Panel):
    """Settings that decide the result."""

    bl_label = "Parameters"
    bl_parent_id = "ASSISTMIMIC_PT_main"

    def draw_header_preset(self, _: Any) -> None:
        row = self.layout.row(align=True)
        row.menu("ASSISTMIMIC_MT_presets", text="", icon="PRESET")
        row.operator("assistmimic.preset_add", text="", icon="ADD")

    def draw(self, context: Any) -> None:
        layout, settings = self.layout, context.scene.assistmimic
        layout.use_property_split, layout.use_property_decorate = True, False
        column = layout.column(align=True)
        column.prop(settings, "recipient_kind", text="Recipient")
        if settings.recipient_kind == "FACTOR":
            column.prop(settings, "recipient_strength", slider=True)
        column.prop(settings, "recipient_mass", slider=True)
        column = layout.column(align=True)
        column.prop(settings, "supporter_strength", text="Supporter", slider=True)
        column.prop(settings, "supporter_mass", slider=True)
        column = layout.column()
        column.prop(settings, "grips")
        if settings.grips != "OFF":
            column.prop(settings, "grip_force")
        if settings.grips == "KEYED":
            for role in ("supporter", "recipient"):
                obj = getattr(settings, role)
                if obj is not None:
                    for hand in ("left", "right"):
                        column.prop(obj.assistmimic, f"grip_{hand}", text=f"{role.capitalize()} {hand}")
        column = layout.column()
        column.prop(settings, "controller")
        column.prop(settings, "quality")
        column.prop(settings, "seed")
        if settings.controller in POLICY_CONTROLLERS:
            column.prop(settings, "policy")


class ASSISTMIMIC_PT_range(_Panel, bpy.types.Panel):
    """Settings of time and place."""

    bl_label = "Frames and Scene"
    bl_parent_id = "ASSISTMIMIC_PT_main"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Any) -> None:
        layout, settings = self.layout, context.scene.assistmimic
        layout.use_property_split, layout.use_property_decorate = True, False
        layout.prop(settings, "frames")
        if settings.frames == "CUSTOM":
            column = layout.column(align=True)
            column.prop(settings, "frame_start")
            column.prop(settings, "frame_end")
        column = layout.column(align=True)
        for name in ("pre_roll", "blend_in", "blend_out"):
            column.prop(settings, name)
        layout.prop(settings, "ground")
        layout.prop(settings, "hands")
        row = layout.row(align=True)
        row.operator("assistmimic.props", icon="MESH_CUBE").on = True
        row.operator("assistmimic.props", text="", icon="X").on = False
        layout.prop(settings, "bone_mapping")
        row = layout.row(align=True)
        row.operator("assistmimic.import_clip", text="Import")
        row.operator("assistmimic.export_clip", text="Export")
        row.operator("assistmimic.export_scene", text="FBX, GLB")


class ASSISTMIMIC_PT_advanced(_Panel, bpy.types.Panel):
    """Settings that rarely need a change."""

    bl_idname = "ASSISTMIMIC_PT_advanced"
    bl_label = "Advanced"
    bl_parent_id = "ASSISTMIMIC_PT_main"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Any) -> None:
        layout, settings = self.layout, context.scene.assistmimic
        layout.use_property_split, layout.use_property_decorate = True, False
        column = layout.column(heading="Prepare", align=True)
        for name in STEPS:
            column.prop(settings, name)
        row = layout.row()
        row.enabled = settings.smooth
        row.prop(settings, "cutoff_hz")
        layout.prop(settings, "remove_supporter")
        layout.prop(settings, "engine")


class ASSISTMIMIC_PT_limits(_Panel, bpy.types.Panel):
    """Limits that a success has to keep to."""

    bl_label = "Limits of a Success"
    bl_parent_id = "ASSISTMIMIC_PT_advanced"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Any) -> None:
        layout, limits = self.layout, context.scene.assistmimic.limits
        layout.use_property_split, layout.use_property_decorate = True, False
        column = layout.column(align=True)
        for name in limit_properties():
            column.prop(limits, name)


class ASSISTMIMIC_PT_results(_Panel, bpy.types.Panel):
    """Outcome of the simulation."""

    bl_label = "Result"
    bl_parent_id = "ASSISTMIMIC_PT_main"

    def draw(self, context: Any) -> None:
        layout, settings = self.layout, context.scene.assistmimic
        take = settings.shown_take
        if take is None:
            layout.label(text="Simulate to see a result" if not len(settings.takes) else "The original is shown")
        else:
            _draw_take(layout, settings, take)
        for index, other in enumerate(settings.takes):
            row = layout.row(align=True)
            shown = other == take
            icon = "RADIOBUT_ON" if shown else "RADIOBUT_OFF"
            show = row.operator("assistmimic.show", text=f"{other.name}{_verdict(other)}", icon=icon)
            show.index, show.what = index, "ORIGINAL" if shown else "SHOW"
            drop = row.operator("assistmimic.show", text="", icon="TRASH")
            drop.index, drop.what = index, "REMOVE"


def _verdict(take: Any) -> str:
    return (", accepted" if take.state == "ACCEPTED" else "") + ("" if take.success else ", not usable")


def _draw_take(layout: Any, settings: Any, take: Any) -> None:
    layout.prop(settings, "amount", slider=True)
    row = layout.row(align=True)
    if take.state == "REVIEW":
        row.operator("assistmimic.accept", icon="CHECKMARK")
    row.operator("assistmimic.reject", icon="TRASH")
    row = layout.row(align=True)
    row.operator("assistmimic.compare", icon="GHOST_ENABLED")
    row.operator("assistmimic.flicker", icon="HIDE_OFF")
    row = layout.row(align=True)
    row.prop(settings, "ghost_place", expand=True)
    if settings.ghost_place == "BESIDE":
        row.prop(settings, "ghost_offset", text="")
    row = layout.row(align=True)
    row.operator("assistmimic.again", icon="FILE_REFRESH")
    row.operator("assistmimic.thin", icon="KEYFRAME")
    table = layout.box().column(align=True)
    for line in _table(take):
        row = table.row(align=True)
        row.alert = line.is_problem
        split = row.split(factor=0.4)
        split.label(text=line.label)
        values = split.row(align=True)
        values.label(text=line.text(line.before) if line.before is not None else "")
        values.label(text=line.text(line.after))
        if line.frame is not None:
            values.operator("assistmimic.jump", text="", icon="TRIA_RIGHT_BAR").frame = take.first + line.frame
        else:
            values.label(text="", icon="BLANK1")
    row = layout.row(align=True)
    row.operator("assistmimic.markers", icon="MARKER")
    row.operator("assistmimic.export_scores", text="Export")
    column = layout.column(align=True)
    row = column.row(align=True)
    row.prop(settings, "show_contacts", toggle=True)
    row.prop(settings, "show_balance", toggle=True)
    column.prop(settings, "arrow_scale")


def _table(take: Any) -> list[Row]:
    """Return the rows of a take. Worked out once, and not while drawing: until then there are none."""
    if take.job not in _rows:
        _rows.clear()
        _rows[take.job] = []
        job, meta = take.job, take.meta

        def fill() -> None:
            arrays = result_arrays(job)
            _rows[job] = rows_of(json.loads(meta), worst_frames(arrays) if arrays else {})
            redraw()

        bpy.app.timers.register(fill)
    return _rows[take.job]


CLASSES = (
    ASSISTMIMIC_PT_main,
    ASSISTMIMIC_PT_parameters,
    ASSISTMIMIC_PT_range,
    ASSISTMIMIC_PT_results,
    ASSISTMIMIC_PT_advanced,
    ASSISTMIMIC_PT_limits,
)
