"""Scenes of the prior: two strangers in one world, each with a motion that a person can do alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from controller_server.clip.interaction import ROLES, InteractionClip, Prop, SmplxMotion, slice_motion
from controller_server.clip.io.formats import ReadOptions, read_clip
from controller_server.clip.resample import resample
from controller_server.clip.skeleton import N_BODY_JOINTS
from controller_server.core.errors import AssistMimicError

from .clip_sources import find_file

_APART = 3.0  # between the two people's paths [m]
_FPS = 30.0
_LEAP = 0.5  # m that a joint does not move within a frame


def strangers(entry: str) -> tuple[str, InteractionClip]:
    """Return one entry of a prior's clips: a name, and two motions as a clip whose people are out of each other's way.

    Args:
        entry: "MOTION+MOTION"; a motion is a file of one person, or "FILE@supporter" or "FILE@recipient" of a clip
            with two, whose furniture comes along. What is longer is cut to the length of what is shorter.

    Raises:
        AssistMimicError: the entry is not a pair of motions, or a file cannot be read.
    """
    parts = entry.split("+")
    if len(parts) != 2:
        raise AssistMimicError(f"clips: {entry!r} is not a pair of motions with a + between them")
    clips = [_motion(part) for part in parts]
    names = [f"{Path(part.partition('@')[0]).stem}{part.partition('@')[2][:1]}" for part in parts]
    frames = min(clip.n_frames for clip, _ in clips)
    (first, a), (second, b) = ((resample(clip, _FPS, frames), role) for clip, role in clips)
    paths = [_where(getattr(clip, role)) for clip, role in ((first, a), (second, b))]
    shift = np.array([paths[0][1][0] + _APART - paths[1][0][0], paths[0][0][1] - paths[1][0][1], 0.0])
    moved = getattr(second, b)
    moved = replace(moved, trans=moved.trans + shift)
    props = (*(first.props if "@" in parts[0] else ()), *(_moved(p, shift) for p in second.props if "@" in parts[1]))
    clip = InteractionClip(_FPS, getattr(first, a), moved, props, np.zeros((frames, 2, 2)), source=entry)
    return "-".join(names), clip


def _motion(part: str) -> tuple[InteractionClip, str]:
    """Return a clip at the control rate's frames and the role whose motion is meant."""
    name, _, role = part.partition("@")
    if role not in ("", *ROLES):
        raise AssistMimicError(f"clips: {part!r}: after @ comes supporter or recipient")
    path = find_file(name)
    # Readers expect two people: a file of one is read as both.
    # One person read as both is no pair, and does not have to look like one.
    clip = read_clip([path] if role else [path, path], ReadOptions(accept=not role)).clip
    return resample(_without_rest_pose(clip), _FPS), role or "supporter"


def _without_rest_pose(clip: InteractionClip) -> InteractionClip:
    """Return the clip without a first frame that only shows the rest pose.

    Nobody gets from there to the second frame in time.
    """
    first, second = clip.joints[:2, 0, :N_BODY_JOINTS] if clip.n_frames > 2 else (0, 0)
    if np.abs(first - second).max() < _LEAP:
        return clip
    people = {role: slice_motion(motion, slice(1, None)) for role, motion in clip.people}
    return replace(clip, **people, grips=None if clip.grips is None else clip.grips[1:])


def _where(motion: SmplxMotion) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest coordinates of a person's path [m]."""
    pelvis = motion.trans + motion.skeleton.rest_joints[0]
    return pelvis.min(axis=0), pelvis.max(axis=0)


def _moved(prop: Prop, shift: np.ndarray) -> Prop:
    return replace(prop, position=prop.position + shift)
