"""Check that a clip can be two people: up axis, sides, places, sizes, speeds, frame rate.

Every reader's clip passes here. What no human body can do is impossible and refused unless `accept` is given; what is
only rare is odd and told. Each finding says what was seen, what was assumed, and which option says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from controller_server.clip.interaction import InteractionClip
from controller_server.clip.rotation import cross
from controller_server.clip.skeleton import (
    HEAD,
    JOINT_NAMES,
    L_ANKLE,
    L_FOOT,
    L_HIP,
    PARENTS,
    PELVIS,
    R_ANKLE,
    R_FOOT,
    R_HIP,
    joint,
)

from .human_speed import rate_findings, speed_findings

_L_SHOULDER, _R_SHOULDER = joint("left_shoulder"), joint("right_shoulder")
_L_KNEE, _R_KNEE = joint("left_knee"), joint("right_knee")
_LEGS = ((L_HIP, _L_KNEE, L_ANKLE, L_FOOT), (R_HIP, _R_KNEE, R_ANKLE, R_FOOT))
_ON_HEAD, _LYING = -0.5, 0.25  # height share of the line from ankles to shoulders
_ALWAYS, _MOSTLY = 0.95, 0.6  # share of frames
_BACKWARDS = -0.2  # cosine between toes and the way the shin faces; people have +0.5 to +1
_LEAST_BEND = 0.02  # m a knee stands out of the line from hip to ankle before it tells which way it bends
_ONE_PLACE = 0.10  # m between pelvis joints; two bodies need about 0.2
_SAME_BODY = 0.02  # m between the same joints of both
_SIZE_RATIO = 1.6  # of statures: a tall adult and a small child are just within
_ODD_FIT_MM, _IMPOSSIBLE_FIT_MM = 40.0, 100.0
_BONES = [joint(f"{side}_{p}") for p in ("knee", "ankle", "elbow", "wrist") for side in ("left", "right")]
_BONE_CHANGE, _BONE_CHANGE_M = 0.12, 0.03  # 5th to 95th percentile of a bone's length, relative and absolute


@dataclass(frozen=True)
class Finding:
    """Something about a clip that no human, or hardly any human, does.

    Attributes:
        text: What was seen, what was assumed and which option says otherwise, for people to read.
        impossible: Whether no human body can do this; else it is only odd.
    """

    text: str
    impossible: bool = False


def examine(clip: InteractionClip) -> list[Finding]:
    """Return everything that is impossible or odd about a clip, impossible findings first."""
    found = [
        *_posture_findings(clip),
        *_side_findings(clip),
        *_place_findings(clip),
        *_size_findings(clip),
        *speed_findings(clip),
        *rate_findings(clip),
    ]
    findings = [f if isinstance(f, Finding) else Finding(f) for f in found]
    return sorted(_together(findings), key=lambda finding: not finding.impossible)


def _together(findings: list[Finding]) -> list[Finding]:
    """Return the findings with what holds of supporter and recipient alike said once."""
    found: list[Finding] = []
    for finding in findings:
        other = replace(finding, text=finding.text.replace("recipient: ", "supporter: ", 1))
        if finding.text.startswith("recipient: ") and other in found:
            text = finding.text.replace("recipient: ", "both people: ", 1)
            found[found.index(other)] = replace(finding, text=text)
        else:
            found.append(finding)
    return found


def uprightness(joints: np.ndarray) -> np.ndarray:
    """Return the height share of the line from the ankles to the shoulders: 1 standing, 0 lying, -1 on the head.

    Args:
        joints: One person's joint positions in the Z-up world [m], shape (T, 55, 3).

    Returns:
        Shape (T,).
    """
    line = joints[:, [_L_SHOULDER, _R_SHOULDER]].mean(axis=1) - joints[:, [L_ANKLE, R_ANKLE]].mean(axis=1)
    return line[:, 2] / np.maximum(np.linalg.norm(line, axis=-1), 1e-9)


def _posture_findings(clip: InteractionClip) -> list[Finding]:
    shares = [uprightness(motion.joints[0]) for _, motion in clip.people]
    heads = [motion.joints[0][:, HEAD, 2] - motion.joints[0][:, PELVIS, 2] for _, motion in clip.people]
    hanging = [bool(np.mean((s < _ON_HEAD) & (h < 0)) > _MOSTLY) for s, h in zip(shares, heads, strict=True)]
    lying = [bool(np.mean(np.abs(s) < _LYING) > _ALWAYS) for s in shares]
    option = "; if another axis points up, say it with --bvh-up (x, y, z, -x, -y or -z)"
    if all(hanging):
        return [Finding(f"both people are upside down, feet over their heads, in most of the clip{option}", True)]
    if all(lying):
        return [Finding(f"both people lie flat in the whole clip{option}")]
    found = []
    for (role, _), upside_down, flat in zip(clip.people, hanging, lying, strict=True):
        if upside_down:
            found.append(Finding(f"{role}: upside down, feet over the head, in most of the clip{option}"))
        elif flat:
            found.append(Finding(f"{role}: lies flat in the whole clip; taken as meant"))
    return found


def toe_direction(joints: np.ndarray) -> float:
    """Return the mean cosine between the feet and the way the shins face: near 1 for people, negative if left is right.

    Args:
        joints: One person's joint positions [m], shape (T, 55, 3).
    """
    lateral = joints[:, L_HIP] - joints[:, R_HIP]
    cosines = []
    for _, knee, ankle, foot in _LEGS:
        forward, toes = cross(lateral, joints[:, knee] - joints[:, ankle]), joints[:, foot] - joints[:, ankle]
        norm = np.linalg.norm(forward, axis=-1) * np.linalg.norm(toes, axis=-1)
        cosines.append(np.mean(np.sum(forward * toes, axis=-1) / np.maximum(norm, 1e-9)))
    return float(np.mean(cosines))


def knee_direction(joints: np.ndarray) -> float | None:
    """Return which way knees bend: 1 forwards, -1 backwards; None while they are straight.

    Args:
        joints: One person's joint positions [m], shape (T, 55, 3).
    """
    lateral, total, forwards = joints[:, L_HIP] - joints[:, R_HIP], 0.0, 0.0
    for hip, knee, ankle, _ in _LEGS:
        line = joints[:, hip] - joints[:, ankle]
        bend = joints[:, knee] - joints[:, ankle]
        along = np.sum(bend * line, axis=-1, keepdims=True) / np.maximum(np.sum(line**2, axis=-1, keepdims=True), 1e-9)
        bend = bend - along * line
        forward = cross(lateral, line)
        forward = forward / np.maximum(np.linalg.norm(forward, axis=-1, keepdims=True), 1e-9)
        total += float(np.mean(np.linalg.norm(bend, axis=-1))) / 2
        forwards += float(np.mean(np.sum(bend * forward, axis=-1))) / 2
    return forwards / total if total > _LEAST_BEND else None


def _side_findings(clip: InteractionClip) -> list[Finding]:
    found = []
    for role, motion in clip.people:
        toes, knees = toe_direction(motion.joints[0]), knee_direction(motion.joints[0])
        toes_back, knees_back = toes < _BACKWARDS, knees is not None and knees < _BACKWARDS
        if toes_back:
            seen = "toes point backwards" + (" and knees bend the wrong way" if knees_back else "")
            found.append(
                Finding(
                    f"{role}: {seen}: left and right are exchanged; say --sides exchanged if the file's joint names "
                    "are, --sides mirrored if its coordinates are left-handed (Unity, DirectX)",
                    True,
                )
            )
        elif knees_back:
            found.append(
                Finding(
                    f"{role}: knees bend backwards; joints may be named wrongly (--joint-map), or left and right be "
                    "exchanged (--sides)"
                )
            )
    return found


def _place_findings(clip: InteractionClip) -> list[Finding]:
    joints = clip.joints
    apart = np.linalg.norm(joints[:, 0] - joints[:, 1], axis=-1)
    mend = "read two people who were recorded in one world, not each about an origin of their own"
    if float(np.mean(apart)) < _SAME_BODY:
        return [Finding(f"both people make the same movements in the same place; {mend}", True)]
    if float(np.mean(apart[:, PELVIS] < _ONE_PLACE)) > _MOSTLY:
        distance = float(np.median(apart[:, PELVIS]))
        return [Finding(f"both people are in one place, pelvis {distance:.2f} m from pelvis; {mend}", True)]
    return []


def _size_findings(clip: InteractionClip) -> list[Finding]:
    found = []
    tall = [motion.skeleton.stature for _, motion in clip.people]
    if max(tall) > _SIZE_RATIO * min(tall):
        found.append(
            Finding(
                f"supporter {tall[0]:.2f} m tall, recipient {tall[1]:.2f} m: one of them may be in another unit; "
                "export both at one scale"
            )
        )
    for (role, _), height in zip(clip.people, tall, strict=True):
        if not 0.8 <= height <= 2.3:
            found.append(Finding(f"{role}: {height:.2f} m tall; if that is the unit, say it with --bvh-unit"))
    return found


def bone_findings(who: str, positions: np.ndarray, measured: np.ndarray) -> list[Finding]:
    """Return findings about bones of captured positions that change their length.

    Args:
        who: Whom to name.
        positions: Joints in SMPL-X order [m], shape (T, 55, 3); NaN where there are none.
        measured: Which joints there are, shape (55,).
    """
    worst, name = 0.0, ""
    for j in _BONES:
        if not (measured[j] and measured[PARENTS[j]]):
            continue
        length = np.linalg.norm(positions[:, j] - positions[:, PARENTS[j]], axis=-1)
        low, middle, high = np.percentile(length, (5, 50, 95))
        change = (high - low) / max(float(middle), 1e-6)
        if change > max(worst, _BONE_CHANGE) and high - low > _BONE_CHANGE_M:
            worst, name = float(change), JOINT_NAMES[j]
    if not name:
        return []
    return [
        Finding(
            f"{who}: the bone to the {name.replace('_', ' ')} changes its length by {worst:.0%} in the clip; one "
            "length was fitted. Joints may be in another order than was taken (joint_names, --joint-map)"
        )
    ]


def fit_findings(who: str, mean_mm: float) -> list[Finding]:
    """Return what a fit's mean distance between fitted and captured joints [mm] says, for `who` to be named."""
    if mean_mm <= _ODD_FIT_MM:
        return []
    return [
        Finding(
            f"{who}: no human skeleton comes nearer to the joints than {mean_mm:.0f} mm on average; joint names or "
            "their order are probably not what was taken (--joint-map, joint_names)",
            mean_mm > _IMPOSSIBLE_FIT_MM,
        )
    ]
