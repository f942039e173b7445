# SPDX-License-Identifier: GPL-3.0-or-later
"""A clip as two characters in the scene."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from controller_server.clip.formats import ReadOptions, read_clip
from controller_server.clip.interaction import InteractionClip, Prop
from controller_server.clip.npz import clip_sha256
from controller_server.clip.resample import resample

from .armature import rig_of
from .baking import ORIGIN, bake
from .compat import assign
from .figure import RECIPIENT_COLOUR, SUPPORTER_COLOUR, new_figure
from .reading import sample

_COLOURS = {"supporter": SUPPORTER_COLOUR, "recipient": RECIPIENT_COLOUR}


def import_clip(
    paths: list[Path], scene: Any, *, options: ReadOptions | None = None, start: int = 1, set_range: bool = True
) -> tuple[list[Any], tuple[str, ...]]:
    """Read a clip and build both people and its props.

    Args:
        paths: One file, or a supporter's and a recipient's.
        scene: Where to; the clip is resampled to its frame rate.
        options: What the file does not say.
        start: Frame of the first pose.
        set_range: Whether the scene's frames become the clip's.

    Returns:
        The two armatures, and what was found out while reading.

    Raises:
        AssistMimicError: naming the file and how to mend it.
    """
    read = read_clip(paths, options)
    return clip_to_scene(read.clip, scene, paths[0].stem, start=start, set_range=set_range), read.notes


def clip_to_scene(clip: InteractionClip, scene: Any, name: str, *, start: int = 1, set_range: bool = True) -> list[Any]:
    """Build both people and the props of a clip. Returns supporter and recipient."""
    record = {ORIGIN: clip_sha256(clip)}
    clip = resample(clip, scene.render.fps / scene.render.fps_base)
    collection = bpy.data.collections.new(name)
    scene.collection.children.link(collection)
    frames = start + np.arange(clip.n_frames)
    people = []
    for role, motion in clip.people:
        obj = new_figure(role, motion.skeleton, _COLOURS[role], collection)
        rig = rig_of(obj, scene)
        own = replace(motion, rest_joints=rig.rest_joints)  # as Blender keeps them, in single precision
        action, slot = bake(obj, sample([(obj, rig)], frames, scene)[0], own, f"{name} {role}", record=record)
        assign(obj, action, slot)
        if clip.grips is not None:
            _key_grips(obj, frames, clip.grips[:, len(people)])
        people.append(obj)
    for prop in clip.props:
        add_prop(prop, collection)
    if set_range:
        scene.frame_start, scene.frame_end = int(frames[0]), int(frames[-1])
        scene.frame_set(int(frames[0]))
    return people


def _key_grips(obj: Any, frames: np.ndarray, grips: np.ndarray) -> None:
    """Key where a hand's grip changes. `grips`: left and right, shape (T, 2)."""
    for hand, name in enumerate(("grip_left", "grip_right")):
        values = grips[:, hand]
        changes = np.flatnonzero(np.r_[True, np.diff(values) != 0])
        for k in np.unique(np.r_[changes, changes[1:] - 1, len(values) - 1]):
            setattr(obj.assistmimic, name, values[k])
            obj.keyframe_insert(f"assistmimic.{name}", frame=int(frames[k]))


def add_prop(prop: Prop, collection: Any) -> Any:
    """A box that is a prop, shown as wire."""
    mesh = bpy.data.meshes.new(prop.name)
    half = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    faces = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    mesh.from_pydata((half * prop.size).tolist(), [], faces)
    obj = bpy.data.objects.new(prop.name, mesh)
    collection.objects.link(obj)
    obj.rotation_mode = "QUATERNION"
    obj.location, obj.rotation_quaternion = prop.position, prop.quat
    mark_prop(obj, True)
    return obj


def mark_prop(obj: Any, on: bool) -> None:
    """Make an object furniture of the simulation, or no longer."""
    obj.assistmimic.is_prop = on
    obj.display_type = "WIRE" if on else "TEXTURED"
