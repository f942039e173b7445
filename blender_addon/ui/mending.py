# SPDX-License-Identifier: GPL-3.0-or-later
"""Buttons beside messages: what mends the likely cause of what they say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy
from bpy.props import EnumProperty, StringProperty

from controller_server.core.errors import AssistMimicError, SceneError

from ..blender.hints import Hint, keyed_range, make_seats
from ..blender.request import characters, read_request
from .session import Mend, redraw, session

OPERATOR = "assistmimic.mend"
_WHAT = {
    "SEAT": ("Make a seat", "Put a box under whoever sits on nothing"),
    "RANGE": ("Range of the keys", "Simulate the frames in which both characters have keys"),
    "ASSISTED": ("Assisted", "Let an outside hand help as little as it can"),
    "STRONGER": ("Adult strength", "Give the recipient the strength of an adult"),
    "CONTACTS": ("Close hands", "Let hands that nearly touch the other person reach them"),
    "HIDE": ("Hide", "Hide in the viewport what stands in the way; Alt H shows it again"),
}


def button(hints: Sequence[Hint]) -> Mend | None:
    """Return the button of the first hint that has one."""
    hint = next((hint for hint in hints if hint.what), None)
    return None if hint is None else Mend(OPERATOR, hint.label, {"what": hint.what})


def hide_button(objects: Sequence[Any]) -> Mend | None:
    """Return the button that hides objects which stand in the way."""
    if not objects:
        return None
    names = [obj.name for obj in objects]
    label = f"Hide {names[0]}" if len(names) == 1 else f"Hide {len(names)} Objects"
    return Mend(OPERATOR, label, {"what": "HIDE", "names": "\n".join(names)})


class ASSISTMIMIC_OT_mend(bpy.types.Operator):
    """Mend the likely cause of what the message says"""

    bl_idname = OPERATOR
    bl_label = "Mend"
    bl_options = {"REGISTER", "UNDO"}

    what: EnumProperty(items=[(key, label, text) for key, (label, text) in _WHAT.items()])
    names: StringProperty(description="Objects to hide, one a line", options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def description(cls, _: Any, properties: Any) -> str:
        return _WHAT[properties.what][1]

    def execute(self, context: Any) -> set[str]:
        settings = context.scene.assistmimic
        try:
            said = _MENDINGS[self.what](context, settings, self.names)
        except AssistMimicError as error:
            session.say(str(error), error=True)
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        session.say(said)
        self.report({"INFO"}, said)
        redraw()
        return {"FINISHED"}


def _seat(context: Any, settings: Any, _: str) -> str:
    made = make_seats(read_request(settings, context.scene), context.scene)
    if not made:
        return "Nobody sits on nothing"
    return f"{' and '.join(obj.name for obj in made)} made; move or resize it, then press Simulate"


def _range(context: Any, settings: Any, _: str) -> str:
    keyed = keyed_range(characters(settings, context.scene))
    if keyed is None:
        raise SceneError("not keys alone move the characters; choose the frames yourself")
    settings.frames, (settings.frame_start, settings.frame_end) = "CUSTOM", keyed
    return f"Frames {keyed[0]} to {keyed[1]} are simulated"


def _assisted(_: Any, settings: Any, __: str) -> str:
    settings.controller = "assisted"
    return "Controller set to Assisted; press Simulate"


def _stronger(_: Any, settings: Any, __: str) -> str:
    settings.recipient_kind, settings.recipient_strength = "FACTOR", 100.0
    return "Recipient set to an adult's strength; press Simulate"


def _contacts(_: Any, settings: Any, __: str) -> str:
    settings.contacts = True
    return "Close hands switched on; press Simulate"


def _hide(context: Any, _: Any, names: str) -> str:
    hidden = [obj for name in names.splitlines() if (obj := context.view_layer.objects.get(name)) is not None]
    for obj in hidden:
        obj.hide_set(True)
    return f"Hidden: {', '.join(obj.name for obj in hidden)}; Alt H shows it again"


_MENDINGS = {
    "SEAT": _seat,
    "RANGE": _range,
    "ASSISTED": _assisted,
    "STRONGER": _stronger,
    "CONTACTS": _contacts,
    "HIDE": _hide,
}
CLASSES = (ASSISTMIMIC_OT_mend,)
