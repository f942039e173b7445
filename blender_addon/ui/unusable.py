# SPDX-License-Identifier: GPL-3.0-or-later
"""Panel shown where the extension cannot run: one sentence on what is missing. Needs nothing but `bpy`."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

import bpy

_NEEDED = {"numpy": "numpy", "zmq": "pyzmq", "msgpack": "msgpack", "yaml": "PyYAML", "controller_server": "our core"}
_sentence = ""


def missing() -> str:
    """Return a sentence on what is missing and how to mend it; empty where everything is there."""
    lost = [name for module, name in _NEEDED.items() if importlib.util.find_spec(module) is None]
    if not lost:
        return ""
    python = ".".join(map(str, sys.version_info[:2]))
    if lost == ["numpy"]:
        return (
            f"AssistMimic cannot run: numpy is not in this Blender's Python {python}. Official Blenders bring it; in a "
            "Linux distribution's Blender install it (Debian, Ubuntu: apt install python3-numpy) and restart Blender"
        )
    return (
        f"AssistMimic cannot run: this zip has no {', '.join(lost)} for Blender's Python {python}. "
        f"Install the zip for that Python (assistmimic doctor says which; tools/build_extension.py --python {python})"
    )


def _draw(layout: Any) -> None:
    column, line = layout.column(align=True), ""
    for word in _sentence.split():
        if line and len(line) + len(word) > 44:
            column.label(text=line)
            line = word
        else:
            line = f"{line} {word}".strip()
    column.label(text=line)


class ASSISTMIMIC_PT_unusable(bpy.types.Panel):
    """Why there is nothing here."""

    bl_idname = "ASSISTMIMIC_PT_unusable"
    bl_label = "AssistMimic cannot run"
    bl_space_type, bl_region_type, bl_category = "VIEW_3D", "UI", "AssistMimic"

    def draw(self, _: Any) -> None:
        _draw(self.layout)


class Preferences(bpy.types.AddonPreferences):
    """The same in Blender's preferences."""

    bl_idname = __package__.rpartition(".")[0]

    def draw(self, _: Any) -> None:
        """Draw the sentence."""
        _draw(self.layout)


def register(sentence: str) -> None:
    """Say the sentence in the sidebar, in the preferences, on the console and, in a window, at once."""
    global _sentence
    _sentence = sentence
    for cls in (Preferences, ASSISTMIMIC_PT_unusable):
        bpy.utils.register_class(cls)
    print(sentence, file=sys.stderr)
    if not bpy.app.background:
        bpy.app.timers.register(_pop_up, first_interval=0.5)


def unregister() -> None:
    """Take it back."""
    for cls in (ASSISTMIMIC_PT_unusable, Preferences):
        bpy.utils.unregister_class(cls)


def _pop_up() -> None:
    bpy.context.window_manager.popup_menu(lambda menu, _: _draw(menu.layout), title="AssistMimic", icon="ERROR")
