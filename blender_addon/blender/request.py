# SPDX-License-Identifier: GPL-3.0-or-later
"""Two characters in a scene as a clip to simulate, and where its result has to go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from controller_server.clip.interaction import MAX_FRAMES, InteractionClip, Prop, SmplxMotion, slice_motion
from controller_server.core.errors import SceneError

from ..rig.mapping import BoneMapping, read_mapping
from ..rig.motion import blend_motions, shifted
from ..rig.rig import Rig
from .armature import check_writable, has_animation
from .baking import ORIGIN, read_record
from .compat import object_fcurves
from .reading import Sampled, curve_values, sample
from .recognising import rig_of

HANDS = ("grip_left", "grip_right")


@dataclass(frozen=True)
class Span:
    """Frames of the scene that a job is about.

    Attributes:
        start: First frame that is written.
        end: Last frame that is written.
        pre_roll: Frames before `start` that are simulated but not written.
        blend_in: Frames from `start` on over which the result takes over.
        blend_out: Frames up to `end` over which it gives way again.
    """

    start: int
    end: int
    pre_roll: int = 0
    blend_in: int = 0
    blend_out: int = 0

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise SceneError(f"frames {self.start} to {self.end}: a clip has at least two frames")
        if self.end - self.first >= MAX_FRAMES:
            raise SceneError(
                f"frames {self.first} to {self.end} are {self.end - self.first + 1}; "
                f"at most {MAX_FRAMES} can be simulated at once, choose a shorter range"
            )

    @property
    def first(self) -> int:
        """First simulated frame."""
        return self.start - self.pre_roll

    @property
    def frames(self) -> np.ndarray:
        """Simulated frames, shape (T,)."""
        return np.arange(self.first, self.end + 1)

    @property
    def written(self) -> slice:
        """Slice of the simulated frames that are written."""
        return slice(self.pre_roll, None)

    @property
    def weight(self) -> np.ndarray:
        """Weight of the result in each written frame, shape (T - pre_roll,)."""
        n = self.end - self.start + 1
        k = np.arange(n)
        ramps = [np.ones(n)]
        if self.blend_in:
            ramps.append(np.minimum(k / self.blend_in, 1))
        if self.blend_out:
            ramps.append(np.minimum((n - 1 - k) / self.blend_out, 1))
        ramp = np.minimum.reduce(ramps)
        return ramp * ramp * (3 - 2 * ramp)


@dataclass(frozen=True)
class Request:
    """The request as it is sent, and what is needed when its answer comes back.

    Attributes:
        clip: For the server; the ground is at z = 0.
        sampled: The original animation of supporter and recipient over all simulated frames.
        span: Which frames they are.
        ground: Height of the ground in the scene [m].
        origin: Fingerprint of the clip that both were imported from; empty for any other animation.
    """

    clip: InteractionClip
    sampled: tuple[Sampled, Sampled]
    span: Span
    ground: float
    origin: str = ""


def span_of(settings: Any, scene: Any, people: Sequence[Any]) -> Span:
    """Return the frames a scene's settings mean. Raises AssistMimicError."""
    if settings.frames == "PREVIEW" and scene.use_preview_range:
        start, end = scene.frame_preview_start, scene.frame_preview_end
    elif settings.frames == "ACTION":
        actions = [obj.animation_data.action for obj in people if obj.animation_data]
        ranges = [action.frame_range for action in actions if action is not None]
        if not ranges:
            raise SceneError("neither character plays an action; choose another frame range")
        start = int(np.ceil(max(r[0] for r in ranges) - 1e-3))
        end = int(np.floor(min(r[1] for r in ranges) + 1e-3))
    elif settings.frames == "CUSTOM":
        start, end = settings.frame_start, settings.frame_end
    else:
        start, end = scene.frame_start, scene.frame_end
    return Span(start, end, settings.pre_roll, settings.blend_in, settings.blend_out)


def characters(settings: Any, scene: Any) -> list[Any]:
    """Supporter and recipient. Raises AssistMimicError."""
    people = [settings.supporter, settings.recipient]
    for role, obj in zip(("supporter", "recipient"), people, strict=True):
        if obj is None:
            raise SceneError(f"no {role} chosen; pick an armature")
        if not any(other == obj for other in scene.objects):
            raise SceneError(f"{role} {obj.name} is not in this scene; pick another")
    if people[0] == people[1]:
        raise SceneError(f"{people[0].name} is both supporter and recipient; pick two characters")
    return people


def local_objects(scene: Any, names: Sequence[str]) -> list[Any]:
    """Objects of this file by name; linked ones of the same name are not meant. Raises AssistMimicError."""
    found = {obj.name: obj for obj in scene.objects if obj.library is None}
    for name in names:
        if name not in found:
            raise SceneError(f"{name} is gone from scene {scene.name}; the result was not written")
    return [found[name] for name in names]


def mapping_of(settings: Any) -> BoneMapping | None:
    """Return the user's own bone mapping, if one is named. Raises AssistMimicError."""
    if not settings.bone_mapping:
        return None
    return read_mapping(Path(bpy.path.abspath(settings.bone_mapping)))


def read_request(settings: Any, scene: Any) -> Request:
    """Snapshot of a scene. Raises AssistMimicError naming what is wrong and how to mend it."""
    people = characters(settings, scene)
    mapping = mapping_of(settings)
    rigs = [rig_of(obj, scene, mapping) for obj in people]
    for role, obj, rig in zip(("supporter", "recipient"), people, rigs, strict=True):
        check_writable(obj, rig)
        if not has_animation(obj):
            raise SceneError(f"{role} {obj.name} has no animation; key it, or give it an action")
    _check_one_scale(people, rigs)
    span = span_of(settings, scene, people)
    sampled = sample(list(zip(people, rigs, strict=True)), span.frames, scene)
    ground = settings.ground * rigs[0].metres
    motions = [shifted(s.motion, -ground) for s in sampled]
    clip = InteractionClip(
        fps=scene.render.fps / scene.render.fps_base,
        supporter=motions[0],
        recipient=motions[1],
        props=tuple(box_of(obj, rigs[0].metres, ground) for obj in scene.objects if obj.assistmimic.is_prop),
        grips=_grips(people, span.frames) if settings.grips == "KEYED" else None,
        source=f"Blender: {people[0].name} helps {people[1].name}, frames {span.first} to {span.end}",
    )
    return Request(clip, (sampled[0], sampled[1]), span, ground, _origin(people))


def _check_one_scale(people: Sequence[Any], rigs: Sequence[Rig]) -> None:
    metres = [rig.metres for rig in rigs]
    if abs(metres[0] - metres[1]) > 1e-6:
        raise SceneError(
            f"{people[0].name} is built at {metres[0]:.3g} m for a unit, {people[1].name} at {metres[1]:.3g}; "
            "scale one of the objects so that both have one size"
        )


def _origin(people: Sequence[Any]) -> str:
    actions = [obj.animation_data.action for obj in people]
    found = {str(read_record(action).get(ORIGIN, "")) for action in actions}
    return found.pop() if len(found) == 1 else ""


def box_of(obj: Any, metres: float, ground: float) -> Prop:
    """Return the box around an object, as it stands now. Raises AssistMimicError."""
    corners = np.array(obj.bound_box, dtype=float)
    low, high = corners.min(axis=0), corners.max(axis=0)
    _, quat, scale = obj.matrix_world.decompose()
    centre = np.array(obj.matrix_world) @ [*((low + high) / 2), 1.0]
    return Prop(
        name=obj.name,
        position=centre[:3] * metres - [0, 0, ground],
        size=(high - low) * np.abs(scale) * metres,
        quat=np.array(quat),
    )


def _grips(people: Sequence[Any], frames: np.ndarray) -> np.ndarray:
    """Return what is keyed on the characters' hands, shape (T, 2, 2)."""
    grips = np.empty((len(frames), 2, 2))
    for person, obj in enumerate(people):
        curves = {curve.data_path: curve for curve in object_fcurves(obj)}
        for hand, name in enumerate(HANDS):
            curve = curves.get(f"assistmimic.{name}")
            values = getattr(obj.assistmimic, name) if curve is None else curve_values(curve, frames)
            grips[:, person, hand] = values
    return np.clip(grips, 0, 1)


def written_motion(motion: SmplxMotion, sampled: Sampled, request: Request) -> SmplxMotion:
    """Return a simulated motion back in the scene's height, cut to the frames that are written and blended there."""
    span = request.span
    own = slice_motion(shifted(motion, request.ground), span.written)
    if not (span.blend_in or span.blend_out):
        return own
    return blend_motions(slice_motion(sampled.motion, span.written), own, span.weight)
