# SPDX-License-Identifier: GPL-3.0-or-later
"""F-curves written whole, in bulk: thirty times faster than inserting keys one by one."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from .compat import new_fcurve

_ENUM = bpy.types.Keyframe.bl_rna.properties["interpolation"].enum_items
LINEAR, CONSTANT, BEZIER = (_ENUM[name].value for name in ("LINEAR", "CONSTANT", "BEZIER"))
_AUTO = bpy.types.Keyframe.bl_rna.properties["handle_left_type"].enum_items["AUTO_CLAMPED"].value
_PAIRS = ("co", "handle_left", "handle_right")
_SINGLES = {
    "interpolation": np.int32,
    "easing": np.int32,
    "type": np.int32,
    "handle_left_type": np.int32,
    "handle_right_type": np.int32,
    "amplitude": np.float32,
    "back": np.float32,
    "period": np.float32,
}


class CurveWriter:
    """Writes keys on a run of frames into F-curves, and leaves the keys around it as they are.

    Args:
        action: Whose curves they are.
        fcurves: As `compat` gives them.
        frames: Whole frames to key, ascending, shape (T,).
        interpolation: From each key to the next.

    Attributes:
        created: Data path and index of the channels that had no curve.
    """

    def __init__(self, action: Any, fcurves: Any, frames: np.ndarray, interpolation: int = LINEAR) -> None:
        self._action, self._fcurves = action, fcurves
        self._first, self._last = float(frames[0]), float(frames[-1])
        self._co = np.zeros(2 * len(frames), dtype=np.float32)
        self._co[::2] = frames
        self._interpolation = np.full(len(frames), interpolation, dtype=np.int32)
        self.created: set[tuple[str, int]] = set()
        self._known = {(curve.data_path, curve.array_index): curve for curve in fcurves}

    def write(self, path: str, index: int, values: np.ndarray, group: str) -> None:
        """Key one channel. `values`: shape (T,)."""
        self._co[1::2] = values
        curve = self._known.get((path, index))
        if curve is None:
            curve = new_fcurve(self._fcurves, self._action, path, index, group)
            self._known[path, index] = curve
            self.created.add((path, index))
            self._fill(curve)
            return
        for modifier in list(curve.modifiers):
            curve.modifiers.remove(modifier)
        around = _keys_outside(curve, self._first, self._last)
        curve.keyframe_points.clear()
        if around:
            self._merge(curve, around)
        else:
            self._fill(curve)

    def _fill(self, curve: Any) -> None:
        points = curve.keyframe_points
        points.add(len(self._interpolation))
        points.foreach_set("co", self._co)
        points.foreach_set("interpolation", self._interpolation)
        curve.update()

    def _merge(self, curve: Any, around: dict[str, np.ndarray]) -> None:
        """Keys of before, ours, keys of after."""
        n = len(self._interpolation)
        own = {name: np.zeros(n, dtype=kind) for name, kind in _SINGLES.items()}
        own |= {name: self._co.reshape(-1, 2) for name in _PAIRS}
        own["interpolation"] = self._interpolation
        own["handle_left_type"][:] = own["handle_right_type"][:] = _AUTO
        before = int((around["co"][:, 0] < self._first).sum())
        points = curve.keyframe_points
        points.add(n + len(around["interpolation"]))
        for name, values in own.items():
            joined = np.concatenate([around[name][:before], values, around[name][before:]])
            points.foreach_set(name, np.ascontiguousarray(joined).reshape(-1))
        curve.update()


def _keys_outside(curve: Any, first: float, last: float) -> dict[str, np.ndarray]:
    """Return the keys before and after a run of frames; empty where there are none."""
    points = curve.keyframe_points
    co = np.zeros((len(points), 2), dtype=np.float32)
    points.foreach_get("co", co.reshape(-1))
    outside = (co[:, 0] < first - 1e-3) | (co[:, 0] > last + 1e-3)
    if not outside.any():
        return {}
    values = {name: np.zeros((len(points), 2), dtype=np.float32) for name in _PAIRS}
    values |= {name: np.zeros(len(points), dtype=kind) for name, kind in _SINGLES.items()}
    for name, array in values.items():
        points.foreach_get(name, array.reshape(-1))
    return {name: array[outside] for name, array in values.items()}


def hold(
    action: Any, fcurves: Any, path: str, group: str, value: float, frames: np.ndarray, still: float
) -> set[tuple[str, int]]:
    """Fix a channel at a value over a run of frames; before and after it stays what it was.

    Args:
        action: Whose curves they are.
        fcurves: As `compat` gives them.
        path: Data path of the channel.
        group: For a new curve.
        value: Over the frames.
        frames: Whole frames, ascending, shape (T,).
        still: What the channel is where no curve moves it.

    Returns:
        As `CurveWriter.created`.
    """
    first, last = float(frames[0]), float(frames[-1])
    curve = next((curve for curve in fcurves if curve.data_path == path), None)
    before, after = (still, still) if curve is None else (curve.evaluate(first - 1), curve.evaluate(last + 1))
    writer = CurveWriter(action, fcurves, np.array([first - 1, first, last + 1]), CONSTANT)
    writer.write(path, 0, np.array([before, value, after]), group)
    return writer.created
