# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that put the written controls of a rig in charge of its skeleton, in the new action alone."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ..rig.controls import Controls
from ..rig.motion import BonePoses
from .keys import CurveWriter, hold
from .reading import Sampled, bone_path, rotation_path

_TINY = 1e-7
_UNTURNED = {"QUATERNION": (1.0, 0, 0, 0), "AXIS_ANGLE": (0.0, 0, 1, 0)}


def put_in_charge(obj: Any, controls: Controls, sampled: Sampled, writer: CurveWriter, poses: BonePoses) -> None:
    """Key to rest what else moves the skeleton and is not at rest: bones between, scale and offsets of the controls."""
    bones, turned = sampled.rig.bones, {int(row) for row in poses.rows}
    between = {bones.names.index(name) for name in controls.at_rest if name in bones.names}
    for row in sorted(turned | between):
        name, mode = bones.names[row], bones.modes[row]
        rotation = rotation_path(mode)
        wanted = {"scale": np.ones(3)}
        if row != poses.root:
            wanted["location"] = np.zeros(3)
        if row not in turned:
            wanted[rotation] = np.array(_UNTURNED.get(mode, (0.0, 0, 0)))
        for channel, rest in wanted.items():
            now = getattr(sampled.channels, channel if channel in ("scale", "location") else "rotation")[:, row]
            if np.abs(now[:, : len(rest)] - rest).max() < _TINY:
                continue
            for index, value in enumerate(rest):
                writer.write(f"{bone_path(name)}.{channel}", index, np.full(len(now), value), name)


def switch(obj: Any, controls: Controls, action: Any, fcurves: Any, frames: np.ndarray) -> set[tuple[str, int]]:
    """Hold the properties under which the skeleton follows the controls. Returns what had no curve before."""
    created = set()
    for name, values in controls.properties.items():
        bone = obj.pose.bones.get(name)
        for key, value in values.items():
            if bone is not None and key in bone:
                path = f'{bone_path(name)}["{bpy.utils.escape_identifier(key)}"]'
                created |= hold(action, fcurves, path, name, value, frames, bone[key])
    return created
