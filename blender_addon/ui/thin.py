# SPDX-License-Identifier: GPL-3.0-or-later
"""Fewer keys in the result that is shown, to go on animating by hand."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import EnumProperty, FloatProperty, IntProperty

from controller_server.core.errors import AssistMimicError, SceneError

from ..blender import takes
from ..blender.compat import object_fcurves
from ..blender.thinning import decimate, thin, written_curves
from .session import redraw, session


class ASSISTMIMIC_OT_thin(bpy.types.Operator):
    """Leave fewer keys in the result that is shown, so that it can be worked on by hand; undo brings all back"""

    bl_idname = "assistmimic.thin"
    bl_label = "Fewer Keys"
    bl_options = {"REGISTER", "UNDO"}

    how: EnumProperty(
        name="Keys",
        items=(
            ("NTH", "Every n-th frame", "One key every so many frames, smooth between them"),
            ("TOLERANCE", "Within a tolerance", "Blender's decimation: few keys, curves off by no more than this"),
        ),
    )
    every: IntProperty(name="Every", description="Frames from key to key", default=4, min=2, soft_max=24)
    tolerance: FloatProperty(
        name="Tolerance",
        description="Of every curve in its own unit: part of a quaternion, radians, or scene units",
        default=0.005,
        min=0.0001,
        soft_max=0.1,
        precision=4,
    )

    @classmethod
    def poll(cls, context: Any) -> bool:
        take = context.scene.assistmimic.shown_take
        if take is None:
            cls.poll_message_set("No result is shown")
        return take is not None

    def invoke(self, context: Any, _: Any) -> set[str]:
        return context.window_manager.invoke_props_dialog(self)

    def draw(self, _: Any) -> None:
        self.layout.prop(self, "how")
        self.layout.prop(self, "every" if self.how == "NTH" else "tolerance")

    def execute(self, context: Any) -> set[str]:
        take = context.scene.assistmimic.shown_take
        before = after = 0
        try:
            for person in takes.people_of(take):
                fcurves = object_fcurves(person.obj)
                keys = sum(len(curve.keyframe_points) for curve in written_curves(fcurves, take.start, take.end))
                if not keys:
                    raise SceneError(f"{person.obj.name} has fewer keys already; undo first")
                before += keys
                if self.how == "NTH":
                    after += thin(person.action, fcurves, take.start, take.end, self.every)
                else:
                    after += decimate(person.obj, fcurves, take.start, take.end, self.tolerance)
        except AssistMimicError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        session.say(f"{after} of {before} keys are left", take=take.job)
        self.report({"INFO"}, session.message)
        redraw()
        return {"FINISHED"}


CLASSES = (ASSISTMIMIC_OT_thin,)
