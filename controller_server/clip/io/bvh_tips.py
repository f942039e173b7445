"""End Sites of a BVH that say where toes and hands point; many exporters write one constant for all of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from controller_server.clip.fit.joint_names import JointMatch

from .rig import Rig

_ACROSS = np.cos(np.radians(65))
_NEARLY_ONE = 1e-6


def believable_tips(file: Rig, match: JointMatch) -> tuple[JointMatch, list[str]]:
    """Return the match without End Sites that point across their bone, and a sentence about them.

    A hand's End Site goes on along the forearm as the rest pose has it, a toe's along the foot; else it is a constant
    that says nothing, and hands go on along the forearm, toes stay flat.
    """
    rest, lost = file.rest_positions(), []
    for tip, before, base in (
        *((f"{side}_hand", f"{side}_elbow", f"{side}_wrist") for side in ("left", "right")),
        *((f"{side}_toes", f"{side}_ankle", f"{side}_foot") for side in ("left", "right")),
    ):
        row = match.tips.get(tip)
        if row is None or row not in file.ends or before not in match.joints or base not in match.joints:
            continue
        bone = rest[match.joints[base]] - rest[match.joints[before]]
        end = rest[row] - rest[match.joints[base]]
        size = float(np.linalg.norm(bone) * np.linalg.norm(end))
        if size < _NEARLY_ONE * float(bone @ bone) or float(bone @ end) < _ACROSS * size:
            lost.append(tip)
    if _are_one_constant(file, match):
        lost = sorted({*lost, *(tip for tip in match.tips if match.tips[tip] in file.ends)})
    if not lost:
        return match, []
    names = ", ".join(tip.replace("_", " ") for tip in lost)
    kept = {tip: row for tip, row in match.tips.items() if tip not in lost}
    return replace(match, tips=kept), [f"End Sites of {names} point across the bone: not used"]


def _are_one_constant(file: Rig, match: JointMatch) -> bool:
    """Return whether the End Sites of both feet and both hands have one and the same OFFSET."""
    rows, rest = [row for row in match.tips.values() if row in file.ends], file.rest_positions()
    offsets = np.array([rest[row] - rest[file.parents[row]] for row in rows])
    return len(rows) == 4 and bool(np.abs(offsets - offsets[0]).max() < _NEARLY_ONE * np.abs(offsets[0]).max())
