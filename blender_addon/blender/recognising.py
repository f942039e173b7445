# SPDX-License-Identifier: GPL-3.0-or-later
"""An armature object as a person: by its rest pose, or by how it moves where its rest pose does not stand."""

from __future__ import annotations

from typing import Any

import numpy as np

from controller_server.core.errors import AssistMimicError, SceneError

from ..rig.mapping import BoneMapping, shipped_mappings
from ..rig.rig import Rig, recognise
from .armature import bones_of, check_readable, has_animation
from .reading import read_poses

_SAMPLES = 60


def rig_of(obj: Any, scene: Any, mapping: BoneMapping | None = None) -> Rig:
    """Recognise an armature object as a person.

    Raises:
        AssistMimicError: it is none; the sentence begins with the object's name.
    """
    if obj is None:
        raise SceneError("no character chosen; pick an armature")
    if obj.type != "ARMATURE":
        raise SceneError(f"{obj.name}: not an armature but a {obj.type.lower()}; pick the character's armature")
    if not obj.data.bones:
        raise SceneError(f"{obj.name}: an armature without bones")
    units = scene.unit_settings
    scene_units = (1.0,) if units.system == "NONE" else (1.0, units.scale_length)
    mappings = shipped_mappings() if mapping is None else (mapping,)
    bones = bones_of(obj)

    def motion() -> tuple[np.ndarray, np.ndarray] | None:
        if not has_animation(obj):
            return None
        check_readable(obj)
        return read_poses(obj, bones, _sample_frames(obj, scene), scene)

    try:
        return recognise(bones, np.array(obj.matrix_world), mappings, scene_units, motion)
    except AssistMimicError as error:
        text = str(error)
        raise SceneError(text if text.startswith(f"{obj.name}:") else f"{obj.name}: {text}") from None


def _sample_frames(obj: Any, scene: Any) -> np.ndarray:
    """Return frames spread over an object's animation, shape (S,)."""
    action = obj.animation_data.action
    first, last = (scene.frame_start, scene.frame_end) if action is None else action.frame_range
    return np.unique(np.linspace(first, last, _SAMPLES).round().astype(int))
