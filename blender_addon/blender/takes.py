# SPDX-License-Identifier: GPL-3.0-or-later
"""Results in a file: two new actions each, shown, accepted or rejected, and the originals always one step away.

A take is a Blender property group (`ui.properties.Take`), so that it is saved with the file and undone with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import bpy
import numpy as np

from controller_server.clip.skeleton import JOINT_NAMES
from controller_server.core.errors import SceneError
from controller_server.service.client.client import JobResult

from .baking import bake, read_record
from .compat import assign, assigned_slot, slot_for, slot_identifier
from .request import Request, written_motion
from .stash import set_amount, stash, unstash
from .stills import write_channels

ROLES = ("supporter", "recipient")


def add_take(settings: Any, people: list[Any], request: Request, result: JobResult) -> Any:
    """Write a result into two new actions and show it.

    Args:
        settings: The scene's `SceneSettings`.
        people: Supporter and recipient, playing the original animation.
        request: What was handed in.
        result: What came back.

    Returns:
        The new take.
    """
    meta, clip = result.meta, result.clip
    joints = [JOINT_NAMES.index(name) for name in meta["joints"]]
    frames = clip.n_frames
    if frames != request.clip.n_frames:
        raise SceneError(f"the result has {frames} frames, {request.clip.n_frames} were handed in")
    take = settings.takes.add()
    take.job, take.seed = result.job, str(meta["settings"]["seed"])
    take.controller, take.success = meta["controller"], bool(meta["scores"]["success"])
    take.start, take.end, take.first = request.span.start, request.span.end, request.span.first
    take.ground, take.metres = request.ground, request.sampled[0].rig.metres
    take.meta = json.dumps(meta)
    for role, obj, sampled, (_, motion) in zip(ROLES, people, request.sampled, clip.people, strict=True):
        data = obj.animation_data
        source = data.action if data is not None else None
        person = getattr(take, role)
        person.obj, person.source = obj, source
        person.source_slot = slot_identifier(assigned_slot(data)) if source is not None else ""
        part = sampled.cut(request.span.written)
        record = {"job": result.job, "role": role, "source": source.name if source else "", **_provenance(meta)}
        name = re.sub(r"\.sim(\.\d+)?$", "", source.name if source else obj.name) + ".sim"
        action, slot = bake(obj, part, written_motion(motion, sampled, request), name, joints=joints, record=record)
        person.action, person.slot = action, slot_identifier(slot)
    take.name = f"{take.controller}, seed {take.seed}"
    settings.take_index = len(settings.takes) - 1
    show(take, settings.amount)
    return take


def _provenance(meta: dict[str, Any]) -> dict[str, Any]:
    kept = ("controller", "complete", "scores", "settings", "versions", "input_sha256", "notes")
    return {name: meta[name] for name in kept if name in meta}


def people_of(take: Any) -> Iterator[Any]:
    """Yield its two people, as far as their objects still exist."""
    for role in ROLES:
        person = getattr(take, role)
        if person.obj is not None:
            yield person


def show(take: Any, amount: float = 1.0) -> None:
    """Let both characters play a take, the original stashed underneath."""
    for person in people_of(take):
        if person.action is None:
            continue
        source_slot = slot_for(person.source, person.source_slot) if person.source else None
        if person.source is not None:
            assign(person.obj, person.source, source_slot)
            stash(person.obj, person.source, source_slot)
        assign(person.obj, person.action, slot_for(person.action, person.slot))
        set_amount(person.obj, person.source, source_slot, amount)


def show_source(take: Any) -> None:
    """Let both characters play their original animation again, as it was before the first take."""
    for person in people_of(take):
        data = person.obj.animation_data
        if data is None:
            continue
        source_slot = slot_for(person.source, person.source_slot) if person.source else None
        set_amount(person.obj, person.source, source_slot, 1.0)
        assign(person.obj, person.source, source_slot)
        if person.source is not None:
            unstash(person.obj, person.source, source_slot)
        write_channels(person.obj, stills_of(person))


def stills_of(person: Any) -> dict[str, Any]:
    """Return what the channels were that a person's result keys and the original does not; data path to value."""
    return read_record(person.action).get("stills", {})


def is_shown(take: Any) -> bool:
    """Return whether both characters play it."""
    people = list(people_of(take))
    return bool(people) and all(
        person.obj.animation_data is not None
        and person.action is not None
        and person.obj.animation_data.action == person.action
        for person in people
    )


def remove(settings: Any, index: int) -> None:
    """Take a result out of the file, its actions too; the characters play the original again if they played it."""
    take = settings.takes[index]
    if is_shown(take):
        show_source(take)
    actions = [person.action for person in people_of(take) if person.action is not None]
    settings.takes.remove(index)
    settings.take_index = min(settings.take_index, len(settings.takes) - 1)
    for action in actions:
        if not any(action in (p.action, p.source) for other in settings.takes for p in people_of(other)):
            bpy.data.actions.remove(action)


def under_review(settings: Any, people: list[Any]) -> Any:
    """Return the take both characters play and nobody has accepted yet, or None."""
    for take in settings.takes:
        if take.state == "REVIEW" and is_shown(take) and [p.obj for p in people_of(take)] == list(people):
            return take
    return None


def frame_of(take: Any, index: int) -> int:
    """Scene frame of a frame of the simulated clip."""
    return take.first + index


def worst_frame(take: Any) -> int:
    """Scene frame of the largest deviation."""
    return frame_of(take, int(np.clip(json.loads(take.meta)["scores"]["worst_frame"], 0, take.end - take.first)))
