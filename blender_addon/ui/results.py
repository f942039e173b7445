# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators on results: accept, reject, compare, go to the worst frame, mark, export."""

import json
from pathlib import Path
from typing import Any

import bpy
from bpy.props import EnumProperty, IntProperty, StringProperty

from controller_server.core.errors import AssistMimicError

from ..blender import ghost, markers, takes
from ..blender.staging import box_of_people, look_at, sideways
from ..report import outcome, page_of, write_scores
from .session import redraw, result_arrays, session


def shown(context: Any) -> Any:
    """Return the take both characters play, or None."""
    return context.scene.assistmimic.shown_take


class _OnShownTake:
    """Operators on the result that is shown."""

    @classmethod
    def poll(cls, context: Any) -> bool:
        if shown(context) is None:
            cls.poll_message_set("No result is shown")
            return False
        return True


class ASSISTMIMIC_OT_accept(_OnShownTake, bpy.types.Operator):
    """Keep this result; the original stays stashed in the NLA"""

    bl_idname = "assistmimic.accept"
    bl_label = "Accept"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: Any) -> set[str]:
        take = shown(context)
        take.state = "ACCEPTED"
        ghost.remove()
        session.say(f"Accepted: {take.name}", take=take.job)
        return {"FINISHED"}


class ASSISTMIMIC_OT_reject(_OnShownTake, bpy.types.Operator):
    """Throw this result away and play the original again"""

    bl_idname = "assistmimic.reject"
    bl_label = "Reject"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: Any) -> set[str]:
        settings = context.scene.assistmimic
        take = shown(context)
        name = take.name
        ghost.remove()
        markers.remove(context.scene)
        takes.remove(settings, list(settings.takes).index(take))
        session.say(f"Rejected: {name}; the original plays", take="")
        redraw()
        return {"FINISHED"}


class ASSISTMIMIC_OT_show(bpy.types.Operator):
    """Play this result, the original, or throw the result away"""

    bl_idname = "assistmimic.show"
    bl_label = "Show Result"
    bl_options = {"REGISTER", "UNDO"}

    index: IntProperty(name="Result", description="Row of the history; -1 for the original", default=-1, min=-1)
    what: EnumProperty(items=(("SHOW", "Show", ""), ("ORIGINAL", "Original", ""), ("REMOVE", "Remove", "")))

    def execute(self, context: Any) -> set[str]:
        settings = context.scene.assistmimic
        if self.what != "ORIGINAL" and not 0 <= self.index < len(settings.takes):
            self.report({"ERROR"}, f"No result {self.index}; there are {len(settings.takes)}")
            return {"CANCELLED"}
        if self.what == "REMOVE":
            takes.remove(settings, self.index)
        else:
            ghost.remove()
            now = shown(context)
            if now is not None:
                takes.show_source(now)
            if self.what == "SHOW":
                take = settings.takes[self.index]
                takes.show(take, settings.amount)
                settings.take_index = self.index
                session.say(outcome(json.loads(take.meta)["scores"]), error=not take.success, take=take.job)
        redraw()
        return {"FINISHED"}


class ASSISTMIMIC_OT_compare(_OnShownTake, bpy.types.Operator):
    """Show the original beside the result or over it, as in glass, or remove it again"""

    bl_idname = "assistmimic.compare"
    bl_label = "Compare"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: Any) -> set[str]:
        if ghost.is_shown():
            ghost.remove()
        else:
            scene, take = context.scene, shown(context)
            offset = sideways(scene) * scene.assistmimic.ghost_offset
            if scene.assistmimic.ghost_place == "OVER":
                offset *= 0
            ghost.show(take, scene, offset)
            box = box_of_people([person.obj for person in takes.people_of(take)])
            look_at(box.joined(box.moved(offset)), scene)
        redraw()
        return {"FINISHED"}


class ASSISTMIMIC_OT_flicker(_OnShownTake, bpy.types.Operator):
    """From the result to the original in the same place, and back: differences jump to the eye"""

    bl_idname = "assistmimic.flicker"
    bl_label = "Flicker"

    def execute(self, context: Any) -> set[str]:
        settings = context.scene.assistmimic
        settings.amount = 0.0 if settings.amount > 0 else 1.0
        redraw()
        return {"FINISHED"}


class ASSISTMIMIC_OT_jump(_OnShownTake, bpy.types.Operator):
    """Go to the frame"""

    bl_idname = "assistmimic.jump"
    bl_label = "Jump to Frame"

    frame: IntProperty(name="Frame", description="Of the scene; -1 for the worst of the result", default=-1)

    def execute(self, context: Any) -> set[str]:
        context.scene.frame_set(takes.worst_frame(shown(context)) if self.frame == -1 else self.frame)
        return {"FINISHED"}


class ASSISTMIMIC_OT_markers(_OnShownTake, bpy.types.Operator):
    """Mark on the timeline where feet slide, people are inside each other and the motion is lost; again removes them"""

    bl_idname = "assistmimic.markers"
    bl_label = "Mark Problems"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: Any) -> set[str]:
        if markers.remove(context.scene):
            return {"FINISHED"}
        take = shown(context)
        arrays = result_arrays(take.job)
        if arrays is None:
            self.report({"ERROR"}, "This result's measurements are not on this machine")
            return {"CANCELLED"}
        count = markers.add(context.scene, take, arrays)
        self.report({"INFO"}, f"{count} marked" if count else "Nothing to mark")
        return {"FINISHED"}


class ASSISTMIMIC_OT_export_scores(_OnShownTake, bpy.types.Operator):
    """Write the result's measures as JSON, as a table (CSV), or as a page with a 3D animation and curves (HTML)"""

    bl_idname = "assistmimic.export_scores"
    bl_label = "Export Measures"

    filepath: StringProperty(subtype="FILE_PATH")
    filter_glob: StringProperty(default="*.json;*.csv;*.html", options={"HIDDEN"})

    def invoke(self, context: Any, _: Any) -> set[str]:
        self.filepath = self.filepath or "result.html"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: Any) -> set[str]:
        take = shown(context)
        try:
            write_scores(Path(bpy.path.abspath(self.filepath)), take.meta, page_of(result_arrays(take.job)))
        except AssistMimicError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        session.say(f"Written: {self.filepath}")
        self.report({"INFO"}, session.message)
        redraw()
        return {"FINISHED"}


CLASSES = (
    ASSISTMIMIC_OT_accept,
    ASSISTMIMIC_OT_reject,
    ASSISTMIMIC_OT_show,
    ASSISTMIMIC_OT_compare,
    ASSISTMIMIC_OT_flicker,
    ASSISTMIMIC_OT_jump,
    ASSISTMIMIC_OT_markers,
    ASSISTMIMIC_OT_export_scores,
)
