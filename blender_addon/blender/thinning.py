# SPDX-License-Identifier: GPL-3.0-or-later
"""Fewer keys in a result: every n-th frame, or what Blender's own decimation leaves within a tolerance."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from controller_server.core.errors import SceneError

from .compat import object_fcurves
from .keys import BEZIER, CurveWriter
from .reading import curve_values


def thin(action: Any, fcurves: Any, start: int, end: int, every: int) -> int:
    """Keep every n-th frame's key of the curves that are keyed on every frame, and the last. Returns keys left.

    Args:
        action: Whose curves they are.
        fcurves: As `compat` gives them.
        start: First frame that was written.
        end: Last frame that was written.
        every: n.
    """
    frames = np.unique(np.r_[np.arange(start, end + 1, every), end])
    writer = CurveWriter(action, fcurves, frames, BEZIER)
    count = 0
    for curve in written_curves(fcurves, start, end):
        writer.write(curve.data_path, curve.array_index, curve_values(curve, frames), "")
        count += len(curve.keyframe_points)
    return count


def decimate(obj: Any, fcurves: Any, start: int, end: int, tolerance: float) -> int:
    """Let Blender reduce the curves of the action an object plays, by the error it may make. Returns keys left.

    Args:
        obj: Who plays the action.
        fcurves: F-curves of the action.
        start: First frame that was written.
        end: Last frame that was written.
        tolerance: Largest error in the curves' own units: parts of a quaternion, radians, scene units.

    Raises:
        AssistMimicError: there is no window whose editor could do it.
    """
    chosen = written_curves(fcurves, start, end)
    window = bpy.context.window_manager.windows[0] if bpy.context.window_manager.windows else None
    if window is None or not window.screen.areas:
        raise SceneError("Blender's decimation needs a window; take every n-th frame instead")
    area = max(window.screen.areas, key=lambda area: area.width * area.height)
    kept = area.ui_type
    selected = [other for other in bpy.context.view_layer.objects if other.select_get()]
    active = bpy.context.view_layer.objects.active
    try:
        for other in selected:
            other.select_set(False)
        obj.select_set(True)
        bpy.context.view_layer.objects.active = obj
        area.ui_type = "FCURVES"
        area.spaces.active.dopesheet.show_only_selected = False
        for other in bpy.context.view_layer.objects:
            for curve in object_fcurves(other):
                curve.select = False
        for curve in chosen:
            _select(curve, start, end)
        region = next(region for region in area.regions if region.type == "WINDOW")
        with bpy.context.temp_override(window=window, area=area, region=region):
            bpy.ops.graph.decimate(mode="ERROR", remove_error_margin=tolerance)
    finally:
        area.ui_type = kept
        obj.select_set(obj in selected)
        for other in selected:
            other.select_set(True)
        bpy.context.view_layer.objects.active = active
    return sum(len(curve.keyframe_points) for curve in chosen)


def written_curves(fcurves: Any, start: int, end: int) -> list[Any]:
    """Return the curves with a key on every frame of a range: what a result wrote."""
    frames, found = np.arange(start, end + 1), []
    for curve in fcurves:
        co = np.empty(2 * len(curve.keyframe_points), dtype=np.float32)
        curve.keyframe_points.foreach_get("co", co)
        if np.isin(frames, np.round(co[::2], 3)).all():
            found.append(curve)
    return found


def _select(curve: Any, start: int, end: int) -> None:
    curve.select, curve.hide, curve.lock = True, False, False
    co = np.empty(2 * len(curve.keyframe_points), dtype=np.float32)
    curve.keyframe_points.foreach_get("co", co)
    inside = (co[::2] >= start) & (co[::2] <= end)
    for name in ("select_control_point", "select_left_handle", "select_right_handle"):
        curve.keyframe_points.foreach_set(name, inside)
