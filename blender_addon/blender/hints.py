# SPDX-License-Identifier: GPL-3.0-or-later
"""Hints about a scene that are shown before and after its simulation: nothing to sit on, no keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from controller_server.clip.furniture import seat_under, sitting
from controller_server.clip.interaction import InteractionClip, Prop, SmplxMotion
from controller_server.clip.rotation import quat_rotate_inverse

from .importing import add_prop
from .request import Request, Span, span_of
from .takes import ROLES

_REACH = 0.15
"""Largest distance beside a box of a pelvis that still rests on it [m]."""
_UNDER = (-0.1, 0.4)
"""Height of the pelvis joint above the top of what carries it [m]."""
_PARTNER = 0.45
"""Nearer than this to the partner's pelvis a seated person may sit on a lap [m]."""


@dataclass(frozen=True)
class Hint:
    """A likely cause of trouble.

    Attributes:
        text: A sentence.
        what: Which mending helps (`ui.mending`); empty where only the user can.
        label: What the button says.
    """

    text: str
    what: str = ""
    label: str = ""


def hints_of(request: Request, people: Sequence[Any]) -> list[Hint]:
    """Return all that can be seen before simulating, the likeliest to matter first."""
    return [*seat_hints(request.clip, request.span), *range_hints(request.span, people)]


def seat_hints(clip: InteractionClip, span: Span) -> list[Hint]:
    """Return a sentence for everybody who sits on nothing."""
    found = []
    for role, (_, at) in sitters(clip).items():
        frames = request_frames(span, at)
        text = f"the {role} sits on nothing ({frames}): select the furniture and press Selected Are Props"
        found.append(Hint(text, "SEAT", "Make a Seat Here"))
    return found


def request_frames(span: Span, at: np.ndarray) -> str:
    """Scene frames from the first to the last of those marked, shape (T,), in words."""
    rows = np.flatnonzero(at)
    return f"frames {span.first + rows[0]} to {span.first + rows[-1]}"


def sitters(clip: InteractionClip) -> dict[str, tuple[SmplxMotion, np.ndarray]]:
    """Everybody who sits on nothing: role to the motion and the frames, shape (T,)."""
    found = {}
    motions = [motion for _, motion in clip.people]
    for k, (role, motion) in enumerate(zip(ROLES, motions, strict=True)):
        at = sitting(motion, clip.fps)
        pelvis = motion.joints[0][:, 0]
        on_partner = np.linalg.norm(pelvis - motions[1 - k].joints[0][:, 0], axis=-1) < _PARTNER
        for prop in clip.props:
            at = at & ~_carried(pelvis, prop)
        at = at & ~on_partner
        if at.any():
            found[role] = (motion, at)
    return found


def _carried(pelvis: np.ndarray, prop: Prop) -> np.ndarray:
    """Return frames in which a box is under a pelvis joint. Shape (T, 3) to (T,)."""
    local = quat_rotate_inverse(prop.quat, pelvis - prop.position)
    beside = np.abs(local[:, :2]) - prop.size[:2] / 2
    above = local[:, 2] - prop.size[2] / 2
    return (beside.max(axis=-1) < _REACH) & (above > _UNDER[0]) & (above < _UNDER[1])


def make_seats(request: Request, scene: Any) -> list[Any]:
    """Put a box under everybody who sits on nothing. Returns the new objects."""
    metres, made = request.sampled[0].rig.metres, []
    for role, (motion, at) in sitters(request.clip).items():
        seat = seat_under(motion, at, None, f"{role} seat")
        place = (seat.position + [0, 0, request.ground]) / metres
        made.append(add_prop(Prop(seat.name, place, seat.size / metres, seat.quat), scene.collection))
    return made


def keyed_range(people: Sequence[Any]) -> tuple[int, int] | None:
    """First and last frame in which both characters have keys; None where something else moves one of them."""
    ranges = []
    for obj in people:
        data = obj.animation_data if obj is not None else None
        if data is None or data.action is None or (data.use_nla and any(not t.mute for t in data.nla_tracks)):
            return None
        ranges.append(data.action.frame_range)
    return int(np.ceil(max(r[0] for r in ranges) - 1e-3)), int(np.floor(min(r[1] for r in ranges) + 1e-3))


def range_hints(span: Span, people: Sequence[Any]) -> list[Hint]:
    """Return a sentence where the range goes beyond the keys."""
    keyed = keyed_range(people)
    if keyed is None or (keyed[0] <= span.start and span.end <= keyed[1]) or keyed[0] >= keyed[1]:
        return []
    asked = f"frames {span.start} to {span.end} are simulated"
    text = f"{asked}, keys go from {keyed[0]} to {keyed[1]}: beyond them all is still"
    return [Hint(text, "RANGE", f"Simulate {keyed[0]} to {keyed[1]}")]


def range_hint(settings: Any, scene: Any) -> Hint | None:
    """Return the same of the scene as it is set, quick enough to ask for while drawing."""
    people = [settings.supporter, settings.recipient]
    if None in people:
        return None
    try:
        found = range_hints(span_of(settings, scene, people), people)
    except ValueError:
        return None
    return found[0] if found else None


def failure_hints(settings: Any, scores: Mapping[str, Any]) -> list[Hint]:
    """Return what may help after a result that is not usable, the likeliest first."""
    found = []
    wrong = [str(c.get("name", c.get("key", ""))) for c in scores.get("criteria", ()) if not c["passed"]]
    held = scores.get("holds_on_part") or {}
    if not settings.contacts and (held.get("output") is None or held["output"] < 0.8 or "holds" in wrong):
        found.append(Hint("hands that nearly touch do not reach", "CONTACTS", "Close Hands First"))
    if settings.controller != "assisted":
        found.append(Hint("help from outside can carry it", "ASSISTED", "Use Assisted"))
    weak = settings.recipient_kind not in ("FACTOR", "adult", "athlete") or settings.recipient_strength < 100
    if weak:
        found.append(Hint("the recipient may be too weak for this motion", "STRONGER", "Adult Strength"))
    return found
