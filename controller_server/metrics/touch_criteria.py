"""Criteria of touch: do hands stay on what they held in the input, do they carry, is there help from nowhere?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from controller_server.clip.interaction import ROLES

from .criteria import Criterion, at_least, at_most, nothing_to_judge, percent
from .evidence import Evidence
from .holding import HoldOutcome, share_felt, share_kept
from .motion_criteria import place

_SIDES = ("left", "right")
_TRUNK_PARTS = {"spine1": "belly", "spine2": "waist", "spine3": "chest"}
_LIMB_PARTS = {
    "hip": "thigh",
    "knee": "shin",
    "collar": "shoulder",
    "shoulder": "upper arm",
    "elbow": "forearm",
    "wrist": "hand",
}


def all_of(evidence: Evidence) -> Iterator[Criterion]:
    """Yield every criterion of touch."""
    outcomes, limits = evidence.holds, evidence.judge.limits
    kept = share_kept(outcomes)
    if kept is None:
        none = "no hand holds the partner"
        yield nothing_to_judge("hands", limits.max_hand_error_m, "m", none)
        yield nothing_to_judge("contacts_kept", limits.min_contacts_kept, "", none, least=True)
        yield nothing_to_judge("each_contact", limits.min_contact_kept, "", none, least=True)
    else:
        far = max(outcomes, key=lambda hold: hold.error_m)
        text = f"{_whose(far)} {far.error_m:.2f} m off on the {_held(far)} at {far.error_s:.1f} s"
        yield at_most("hands", far.error_m, limits.max_hand_error_m, "m", text, time_s=far.error_s, person=far.person)
        least = min(outcomes, key=lambda hold: hold.kept)
        yield at_least("contacts_kept", kept, limits.min_contacts_kept, "", f"{percent(kept)} of hand contacts kept")
        text = f"{_whose(least)} on the {_held(least)} for {percent(least.kept)} of its hold"
        text += "" if least.lost_s is None else f", first lost at {least.lost_s:.1f} s"
        yield at_least(
            "each_contact", least.kept, limits.min_contact_kept, "", text, time_s=least.lost_s, person=least.person
        )
    yield _felt(outcomes, limits.min_felt_share, limits.min_felt_n)
    yield _help(evidence)


def _whose(hold: HoldOutcome) -> str:
    return f"{ROLES[hold.person]}'s {_SIDES[hold.side]} hand"


def _held(hold: HoldOutcome) -> str:
    return f"{ROLES[1 - hold.person]}'s {part_name(hold.joint)}"


def part_name(joint: int) -> str:
    """Return the part of the body that begins at a joint, in words."""
    side, _, part = place(joint).partition(" ")
    if not part:
        return _TRUNK_PARTS.get(side, side)
    return f"{side} {_LIMB_PARTS.get(part, part)}"


def _felt(outcomes: list[HoldOutcome], limit: float, felt_n: float) -> Criterion:
    gripping = [hold for hold in outcomes if hold.felt is not None]
    share = share_felt(outcomes)
    if share is None:
        return nothing_to_judge("holds_carry", limit, "", "no hand is to grip", least=True)
    least = min(gripping, key=lambda hold: hold.felt or 0.0)
    text = f"gripping hands feel the partner for {percent(share)} of their holds"
    text += f"; least {_whose(least)} on the {_held(least)}, {percent(least.felt or 0.0)}" if share < 1 else ""
    return at_least("holds_carry", share, limit, "", text, person=least.person)


def _help(evidence: Evidence) -> Criterion:
    people = evidence.wrenches
    person = int(np.argmax([wrench.max_body_weights for wrench in people]))
    wrench, acted = people[person], bool(np.any(evidence.within.wrench))
    if not acted:
        return at_most("outside_help", 0.0, 0.0, "body weights", "no outside help")
    text = f"an outside force of up to {wrench.max_n:.0f} N held the {ROLES[person]}"
    value = max(wrench.mean_body_weights, 1e-6)
    return at_most("outside_help", value, 0.0, "body weights", text, person=person)
