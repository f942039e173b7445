# SPDX-License-Identifier: GPL-3.0-or-later
"""A clip as two characters in the scene."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from controller_server.clip.interaction import InteractionClip, Prop
from controller_server.clip.io.formats import ReadOptions, read_clip
from controller_server.clip.io.npz import clip_sha256
from controller_server.clip.resample import resample
from controller_server.clip.rotation import quat_rotate

from .armature import has_animation
from .baking import ORIGIN, bake
from .compat import assign
from .figure import new_figure, plain_material
from .reading import sample
from .recognising import rig_of
from .staging import Box

_CHAIR_COLOUR = np.array([0.74, 0.66, 0.55])


@dataclass(frozen=True)
class Arrival:
    """A clip that has become part of a scene.

    Attributes:
        people: The armatures of supporter and recipient.
        props: Its furniture.
        box: Where both move, and the furniture stands.
        notes: What was found out while reading.
        frames: Number of frames of the scene.
        rate: What became of the frame rate, a sentence; empty where the scene's was the clip's.
    """

    people: list[Any]
    props: list[Any]
    box: Box
    notes: tuple[str, ...]
    frames: int
    rate: str = ""


def import_clip(
    paths: list[Path],
    scene: Any,
    *,
    options: ReadOptions | None = None,
    start: int = 1,
    set_range: bool = True,
    rate: str = "AUTO",
) -> Arrival:
    """Read a clip and build both people and its props.

    Args:
        paths: One file, or a supporter's and a recipient's.
        scene: Where to.
        options: What the file does not say.
        start: Frame of the first pose.
        set_range: Whether the scene's frames become the clip's.
        rate: Whose frame rate counts: "CLIP", "SCENE", or "AUTO" for the clip's where nothing moves in the scene yet.

    Raises:
        AssistMimicError: naming the file and how to mend it.
    """
    read = read_clip(paths, options)
    own, before = read.clip, scene_rate(scene)
    if abs(before - own.fps) > 1e-3 and (rate == "CLIP" or (rate == "AUTO" and not _moves(scene))):
        set_scene_rate(scene, own.fps)
    now = scene_rate(scene)
    arrival = clip_to_scene(own, scene, paths[0].stem, start=start, set_range=set_range)
    sentence = ""
    if abs(now - own.fps) > 1e-3:
        sentence = (
            f"resampled from {own.fps:g} to the scene's {now:g} fps: {own.n_frames} frames became {arrival.frames}; "
            "import with the clip's rate to keep them all"
        )
    elif abs(now - before) > 1e-3:
        sentence = f"the scene was set from {before:g} to {now:g} fps"
    return replace(arrival, notes=read.notes, rate=sentence)


def scene_rate(scene: Any) -> float:
    """Return frames per second of a scene."""
    return scene.render.fps / scene.render.fps_base


def set_scene_rate(scene: Any, fps: float) -> None:
    """Let a scene play so many frames per second."""
    scene.render.fps = max(1, round(fps))
    scene.render.fps_base = scene.render.fps / fps


def _moves(scene: Any) -> bool:
    """Return whether anything in a scene is animated, so that another rate would change it."""
    if scene.animation_data is not None and scene.animation_data.action is not None:
        return True
    editor = scene.sequence_editor
    strips = next((getattr(editor, name) for name in ("strips_all", "sequences_all") if hasattr(editor, name)), ())
    return len(strips) > 0 or any(has_animation(obj) for obj in scene.objects)


def clip_to_scene(clip: InteractionClip, scene: Any, name: str, *, start: int = 1, set_range: bool = True) -> Arrival:
    """Build both people and the props of a clip, at the scene's frame rate."""
    record = {ORIGIN: clip_sha256(clip)}
    clip = resample(clip, scene_rate(scene))
    collection = bpy.data.collections.new(name)
    scene.collection.children.link(collection)
    frames = start + np.arange(clip.n_frames)
    people = []
    for role, motion in clip.people:
        obj = new_figure(role, motion.skeleton, role, collection)
        rig = rig_of(obj, scene)
        own = replace(motion, rest_joints=rig.rest_joints)  # as Blender keeps them, in single precision
        action, slot = bake(obj, sample([(obj, rig)], frames, scene)[0], own, f"{name} {role}", record=record)
        assign(obj, action, slot)
        if clip.grips is not None:
            _key_grips(obj, frames, clip.grips[:, len(people)])
        people.append(obj)
    props = [add_prop(prop, collection) for prop in clip.props]
    if set_range:
        scene.frame_start, scene.frame_end = int(frames[0]), int(frames[-1])
        scene.frame_set(int(frames[0]))
    corners = [corner for prop in clip.props for corner in _corners(prop)]
    return Arrival(people, props, Box.around(np.array([*clip.joints.reshape(-1, 3), *corners])), (), clip.n_frames)


def _corners(prop: Prop) -> np.ndarray:
    """Of a prop's box in the world [m], shape (8, 3)."""
    half = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    return prop.position + quat_rotate(prop.quat, half * prop.size)


def _key_grips(obj: Any, frames: np.ndarray, grips: np.ndarray) -> None:
    """Key where a hand's grip changes. `grips`: left and right, shape (T, 2)."""
    for hand, name in enumerate(("grip_left", "grip_right")):
        values = grips[:, hand]
        changes = np.flatnonzero(np.r_[True, np.diff(values) != 0])
        for k in np.unique(np.r_[changes, changes[1:] - 1, len(values) - 1]):
            setattr(obj.assistmimic, name, values[k])
            obj.keyframe_insert(f"assistmimic.{name}", frame=int(frames[k]))


def add_prop(prop: Prop, collection: Any) -> Any:
    """Return a box that is a prop, solid, in a plain colour."""
    mesh = bpy.data.meshes.new(prop.name)
    half = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    faces = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    mesh.from_pydata((half * prop.size).tolist(), [], faces)
    mesh.materials.append(plain_material("AssistMimic furniture", _CHAIR_COLOUR))
    obj = bpy.data.objects.new(prop.name, mesh)
    collection.objects.link(obj)
    obj.rotation_mode = "QUATERNION"
    obj.location, obj.rotation_quaternion = prop.position, prop.quat
    obj.color = (*(_CHAIR_COLOUR**2.2).tolist(), 1.0)
    obj.assistmimic.is_prop = True
    return obj


def mark_prop(obj: Any, on: bool) -> None:
    """Make an object furniture of the simulation, or no longer: it stays as it looks, its box is drawn round it."""
    obj.assistmimic.is_prop = on
    obj.show_bounds, obj.display_bounds_type = on, "BOX"
