# SPDX-License-Identifier: GPL-3.0-or-later
"""Object > Animation > AssistMimic, so that F3 finds everything; the flicker key; the manual."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

MANUAL = Path(__file__).parents[1] / "assets" / "blender.md"
_TEXT = "AssistMimic manual"
_ENTRIES = (
    ("assistmimic.simulate", "PHYSICS"),
    ("assistmimic.again", "FILE_REFRESH"),
    ("assistmimic.cancel", "X"),
    None,
    ("assistmimic.load_demo", "OUTLINER_OB_ARMATURE"),
    ("assistmimic.from_selection", "RESTRICT_SELECT_OFF"),
    ("assistmimic.swap", "ARROW_LEFTRIGHT"),
    ("assistmimic.check", "VIEWZOOM"),
    ("assistmimic.props", "MESH_CUBE"),
    None,
    ("assistmimic.accept", "CHECKMARK"),
    ("assistmimic.reject", "TRASH"),
    ("assistmimic.compare", "GHOST_ENABLED"),
    ("assistmimic.flicker", "HIDE_OFF"),
    ("assistmimic.markers", "MARKER"),
    ("assistmimic.thin", "KEYFRAME"),
    None,
    ("assistmimic.import_clip", "IMPORT"),
    ("assistmimic.export_clip", "EXPORT"),
    ("assistmimic.export_scene", "EXPORT"),
    ("assistmimic.manual", "HELP"),
)
_keys: list[tuple[Any, Any]] = []


class ASSISTMIMIC_MT_menu(bpy.types.Menu):
    """Two people, one helping the other, simulated"""

    bl_idname = "ASSISTMIMIC_MT_menu"
    bl_label = "AssistMimic"

    def draw(self, _: Any) -> None:
        for entry in _ENTRIES:
            if entry is None:
                self.layout.separator()
            else:
                self.layout.operator(entry[0], icon=entry[1])


class ASSISTMIMIC_OT_manual(bpy.types.Operator):
    """Open the manual that came with the extension in a text editor"""

    bl_idname = "assistmimic.manual"
    bl_label = "AssistMimic Manual"

    def execute(self, context: Any) -> set[str]:
        text = bpy.data.texts.get(_TEXT) or bpy.data.texts.new(_TEXT)
        text.from_string(MANUAL.read_text(encoding="utf-8"))
        if not bpy.app.background:
            bpy.ops.wm.window_new()
            area = context.window_manager.windows[-1].screen.areas[0]
            area.type = "TEXT_EDITOR"
            area.spaces.active.text, area.spaces.active.show_word_wrap = text, True
        self.report({"INFO"}, f"The manual is text block {_TEXT}")
        return {"FINISHED"}


def _entry(menu: Any, _: Any) -> None:
    menu.layout.separator()
    menu.layout.menu(ASSISTMIMIC_MT_menu.bl_idname, icon="COMMUNITY")


CLASSES = (ASSISTMIMIC_MT_menu, ASSISTMIMIC_OT_manual)


def register() -> None:
    """Entry and key."""
    bpy.types.VIEW3D_MT_object_animation.append(_entry)
    configuration = bpy.context.window_manager.keyconfigs.addon
    if configuration is not None:  # there is none in the background
        keymap = configuration.keymaps.new(name="3D View", space_type="VIEW_3D")
        _keys.append((keymap, keymap.keymap_items.new("assistmimic.flicker", "F", "PRESS", shift=True, alt=True)))


def unregister() -> None:
    """Take both out again."""
    for keymap, item in _keys:
        keymap.keymap_items.remove(item)
    _keys.clear()
    bpy.types.VIEW3D_MT_object_animation.remove(_entry)
