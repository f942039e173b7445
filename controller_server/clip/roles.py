"""Supporter and recipient of a clip: by what the user says, by file names, else by who is lower and rises."""

from __future__ import annotations

import re

import numpy as np

from controller_server.core.errors import ClipError

from .interaction import InteractionClip
from .skeleton import PELVIS

_HELPS = re.compile(r"(?<![a-z])(supporter|helper|care ?giver|carer|nurse|assistant|leader|actor|cg)(?![a-z])")
_HELPED = re.compile(r"(?<![a-z])(recipient|helped|care ?receiver|receiver|patient|follower|reactor|cr)(?![a-z])")
ROLE_WORD = re.compile(f"{_HELPS.pattern}|{_HELPED.pattern}", re.IGNORECASE)
"""A word in a name that says who helps or is helped."""
_HHI = re.compile(r"^(?P<giver>[a-z0-9]+)\(cg\)_(?P<receiver>[a-z0-9]+)\(cr\)_.*?_(?P<whose>[a-z0-9]+)_\d+x?$")
_LEAST = 0.1  # of a leg's length: what the lower person must be lower, or rise more, to be taken for the helped one
_SURE = 0.4


def role_in_name(name: str) -> str | None:
    """Return "supporter" or "recipient" where a file's or person's name says it, else None.

    Known are this project's own names, HHI-Assist's `AA(CG)_RM(CR)_..._AA_50` and the words in use.
    """
    stem = re.sub(r"\.\w+$", "", name.lower())
    hhi = _HHI.match(stem)
    if hhi is not None:
        whose = {hhi["giver"]: "supporter", hhi["receiver"]: "recipient"}
        return whose.get(hhi["whose"])
    plain = re.sub(r"[_\W]+", " ", stem)
    helps, helped = _HELPS.search(plain) is not None, _HELPED.search(plain) is not None
    if helps == helped:
        return None
    return "supporter" if helps else "recipient"


def name_without_role(name: str) -> str | None:
    """Return a name without what says who of the two it is, so that both people's names become one; None without."""
    stem = name.lower()
    if role_in_name(stem) is None:
        return None
    hhi = _HHI.match(re.sub(r"\.\w+$", "", stem))
    if hhi is not None:
        return stem[: hhi.start("whose")] + "\0" + stem[hhi.end("whose") :]
    words = re.sub(r"[_\W]+", " ", stem)
    return _HELPED.sub("\0", _HELPS.sub("\0", words))


def order_by_names(first: str, second: str) -> bool | None:
    """Return whether the second person is the supporter by their names; None when the names do not say."""
    roles = role_in_name(first), role_in_name(second)
    if roles[0] == roles[1]:
        return None
    return roles[0] == "recipient" or roles[1] == "supporter"


def order_by_motion(clip: InteractionClip) -> tuple[bool, str]:
    """Return whether the second person is the supporter by how they move, and a sentence about it.

    Who is lower, and who rises or sinks more, is helped.
    """
    scores = []
    for _, motion in clip.people:
        height = motion.joints[0][:, PELVIS, 2] / max(motion.skeleton.leg_length, 1e-6)
        scores.append(float(np.ptp(np.percentile(height, (5, 95)))) - float(np.mean(height)))
    more = scores[0] - scores[1]
    if abs(more) < _LEAST:
        return False, (
            "roles: neither is lower or rises, so nobody may be helping; the first person was taken for the "
            "supporter (--supporter 2 for the second)"
        )
    certainty = "clear" if abs(more) > _SURE else "not sure"
    number, other = (2, 1) if more > 0 else (1, 2)
    return more > 0, (
        f"roles: person {number} was taken for the supporter, as person {other} is lower or rises more ({certainty}; "
        f"--supporter {other} says otherwise)"
    )


def check_supporter(number: int | None, *, swap: bool) -> None:
    """Refuse anybody but 1 and 2, and two options about one thing. Raises AssistMimicError."""
    if number is not None and swap:
        raise ClipError("--supporter and --swap say the same thing twice; give one of them")
    if number not in (None, 1, 2):
        raise ClipError(f"--supporter {number}: expected 1 or 2, the place of who helps in what is read")
