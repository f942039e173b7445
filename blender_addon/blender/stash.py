# SPDX-License-Identifier: GPL-3.0-or-later
"""The original animation under a result: kept in a muted, locked NLA track, blended with by the result's influence."""

from __future__ import annotations

from typing import Any

from .compat import assign_strip, slot_identifier

TRACK = "AssistMimic original"


def stash(obj: Any, action: Any, slot: Any) -> None:
    """Keep an action in a muted, locked NLA track on top of the others; once only."""
    if find_stash(obj, action, slot) is not None:
        return
    data = obj.animation_data
    start, end = action.frame_range
    track = data.nla_tracks.new()
    track.name = TRACK
    strip = track.strips.new(action.name, int(start), action)
    assign_strip(strip, slot)
    strip.action_frame_start, strip.action_frame_end = start, max(end, start + 1)
    strip.frame_start, strip.frame_end = start, max(end, start + 1)
    strip.extrapolation = "HOLD"
    track.mute, track.lock = True, True


def find_stash(obj: Any, action: Any, slot: Any) -> Any:
    """Return the track that keeps an action, or None."""
    if obj.animation_data is None:
        return None
    for track in obj.animation_data.nla_tracks:
        for strip in track.strips:
            same_slot = slot is None or slot_identifier(strip.action_slot) == slot_identifier(slot)
            if track.name.startswith(TRACK) and strip.action == action and same_slot:
                return track
    return None


def unstash(obj: Any, action: Any, slot: Any) -> None:
    """Remove the track that keeps an action."""
    track = find_stash(obj, action, slot)
    if track is not None:
        obj.animation_data.nla_tracks.remove(track)


def set_amount(obj: Any, action: Any, slot: Any, amount: float) -> None:
    """Set how much of the result shows over the stashed original: 0 the original, 1 the result alone."""
    data = obj.animation_data
    if data is None:
        return
    data.action_blend_type, data.action_extrapolation = "REPLACE", "HOLD"
    data.action_influence = amount
    track = find_stash(obj, action, slot) if action is not None else None
    if track is not None:
        track.mute = amount >= 1.0
        if amount < 1.0:
            data.use_nla = True
