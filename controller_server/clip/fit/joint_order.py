"""In which order nameless joints come: bones keep their length and both sides are alike, or the order is another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from controller_server.clip.skeleton import JOINT_NAMES, PARENTS
from controller_server.core.errors import ClipError

_DEPTH_FIRST = (
    *("pelvis", "left_hip", "left_knee", "left_ankle", "left_foot"),
    *("right_hip", "right_knee", "right_ankle", "right_foot"),
    *("spine1", "spine2", "spine3", "neck", "head"),
    *("left_collar", "left_shoulder", "left_elbow", "left_wrist", "left_hand"),
    *("right_collar", "right_shoulder", "right_elbow", "right_wrist", "right_hand"),
)
_HUMAN = 0.35
_PARENT = {name: JOINT_NAMES[max(PARENTS[j], 0)] for j, name in enumerate(JOINT_NAMES[:22])}


def order_of(path: Path, usual: Sequence[str], people: Sequence[np.ndarray]) -> tuple[tuple[str, ...], list[str]]:
    """Return joint names in the order in which the bodies are human, and a note where that is not the usual one.

    Args:
        path: File to name.
        usual: The order by number of joints.
        people: Positions, each (T, J, 3), any unit and axes.

    Raises:
        AssistMimicError: the bodies are human in no known order.
    """
    scores = {tuple(usual): unlikeness(usual, people)}
    if len(usual) in (22, 24):
        depth = tuple(name for name in _DEPTH_FIRST if name in usual)
        scores[depth] = unlikeness(depth, people)
    best = min(scores, key=lambda names: scores[names])
    if scores[best] > _HUMAN:
        raise ClipError(
            f"{path}: joints in SMPL order make no human (bones change their length, left and right differ); say the "
            "order with an array 'joint_names' in an .npz"
        )
    if best == tuple(usual) or scores[tuple(usual)] < _HUMAN:
        return tuple(usual), []
    return best, [f"joint order: {path.name} goes down each limb in turn (depth first), not in SMPL order"]


def unlikeness(names: Sequence[str], people: Sequence[np.ndarray]) -> float:
    """Return how much bones change their length and sides differ, as a share of their length: 0 for a skeleton."""
    rows = {name: k for k, name in enumerate(names)}
    worst = []
    for person in people:
        lengths = {
            name: np.linalg.norm(person[:, rows[name]] - person[:, rows[parent]], axis=-1)
            for name, parent in _PARENT.items()
            if name != "pelvis" and name in rows
        }
        middle = {name: max(float(np.median(length)), 1e-9) for name, length in lengths.items()}
        changes = [float(np.std(length)) / middle[name] for name, length in lengths.items()]
        sides = [
            abs(np.log(middle[f"left_{part}"] / middle[f"right_{part}"]))
            for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
        ]
        # Thigh and shin are over twice as long as the way from pelvis to hip.
        short = max(0.0, 1.5 - min(middle["left_knee"], middle["left_ankle"]) / middle["left_hip"])
        worst.append(float(np.mean(changes)) + float(np.mean(sides)) + short)
    return max(worst)
