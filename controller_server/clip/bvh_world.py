"""What a BVH file does not say: its unit and which way is up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import AssistMimicError
from .bvh import Bvh
from .joint_names import JointMatch

UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "inch": 0.0254, "cmu": 0.0254 / 0.45}
"""Metres per unit. The CMU recordings count in 1/0.45 inch."""
_LEG = (0.5, 1.2)
_TYPICAL_LEG = 0.85
# Rotations into the Z-up world, as matrices.
_UP = {
    "y": np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]),
    "z": np.eye(3),
    "x": np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]]),
}


@dataclass(frozen=True)
class BvhWorld:
    """How to turn a file's coordinates into the Z-up world in metres.

    Attributes:
        scale: Metres per file unit.
        up: The file's up axis, "x", "y" or "z".
        notes: How both were found out, for people to read.
    """

    scale: float
    up: str
    notes: tuple[str, ...] = ()

    @property
    def matrix(self) -> np.ndarray:
        """Rotation of the file's axes into the Z-up world, shape (3, 3)."""
        return _UP[self.up]


def leg_length(positions: np.ndarray, match: JointMatch) -> float:
    """Hip to ankle along the bones, mean of both legs and median over time. Positions (T, J, 3), any unit."""
    rows = [[match.joints[f"{side}_{part}"] for part in ("hip", "knee", "ankle")] for side in ("left", "right")]
    bones = np.diff(positions[:, np.array(rows)], axis=2)
    return float(np.median(np.linalg.norm(bones, axis=-1).sum(axis=-1)))


def is_upright(rest: np.ndarray, match: JointMatch, up: np.ndarray) -> bool:
    """Whether a pose, shape (J, 3), is a person standing with `up` as up: shoulders, hips, knees, ankles in order."""
    height = {
        part: np.mean([rest[match.joints[f"{side}_{part}"]] @ up for side in ("left", "right")])
        for part in ("shoulder", "hip", "knee", "ankle")
    }
    leg = leg_length(rest[None], match)
    drops = [height["shoulder"] - height["hip"], height["hip"] - height["knee"], height["knee"] - height["ankle"]]
    return bool(min(drops) > 0.15 * leg and height["hip"] - height["ankle"] > 0.8 * leg)


def find_world(
    files: Sequence[Bvh],
    matches: Sequence[JointMatch],
    motions: Sequence[np.ndarray],
    *,
    unit: str | None = None,
    up: str | None = None,
) -> BvhWorld:
    """Unit and up axis that all files of one scene share.

    Args:
        files: The parsed files.
        matches: Where their joints are.
        motions: World positions in file units, each (T, J, 3).
        unit: Name from `UNITS` or metres per unit, instead of judging by leg length.
        up: "x", "y" or "z", instead of judging by the rest pose.

    Raises:
        AssistMimicError: the files disagree, or nothing fits.
    """
    scale, unit_note = _find_unit(files, matches, motions, unit)
    if up is not None and up.lower() not in _UP:
        raise AssistMimicError(f"up axis {up!r}: expected x, y or z")
    found = [(up.lower(), "as told") if up else _find_up(*one) for one in zip(files, matches, motions, strict=True)]
    axes = [axis for axis, _ in found]
    if len(set(axes)) > 1:
        raise AssistMimicError(
            f"{files[0].path} has {axes[0]} up and {files[1].path} has {axes[1]} up ({found[0][1]}; {found[1][1]}); "
            "two people must share one world: re-export one, or say which with --bvh-up"
        )
    return BvhWorld(scale, axes[0], (unit_note, f"up axis: {axes[0]} ({found[0][1]})"))


def _find_unit(
    files: Sequence[Bvh], matches: Sequence[JointMatch], motions: Sequence[np.ndarray], unit: str | None
) -> tuple[float, str]:
    legs = [leg_length(motion, match) for motion, match in zip(motions, matches, strict=True)]
    if unit is not None:
        scale = UNITS.get(unit.lower())
        if scale is None:
            try:
                scale = float(unit)
            except ValueError:
                scale = 0.0
            if not (np.isfinite(scale) and scale > 0):
                raise AssistMimicError(f"unit {unit!r}: expected {', '.join(UNITS)} or metres per unit as a number")
        told = " and ".join(f"{leg * scale:.2f}" for leg in legs)
        return scale, f"unit: {unit} (as told; legs {told} m)"
    fits = {
        name: sum(abs(np.log(leg * scale / _TYPICAL_LEG)) for leg in legs)
        for name, scale in UNITS.items()
        if all(_LEG[0] <= leg * scale <= _LEG[1] for leg in legs)
    }
    if not fits:
        lengths = ", ".join(f"{file.path}: legs {leg:.4g} units" for file, leg in zip(files, legs, strict=True))
        raise AssistMimicError(
            f"{lengths}: no one unit of {', '.join(UNITS)} makes them {_LEG[0]}-{_LEG[1]} m long; "
            "say metres per unit with --bvh-unit, and export both people at one scale"
        )
    name = min(fits, key=lambda key: fits[key])
    told = " and ".join(f"{leg * UNITS[name]:.2f}" for leg in legs)
    return UNITS[name], f"unit: {name} (legs {told} m)"


def _find_up(file: Bvh, match: JointMatch, motion: np.ndarray) -> tuple[str, str]:
    rest = file.rest_positions()
    for axis, matrix in _UP.items():
        if is_upright(rest, match, matrix[2]):
            return axis, "from the rest pose"

    # Rigs whose rest offsets lie along their bones (iClone) show a heap of sticks; the motion still shows a person.
    def middle(part: str) -> np.ndarray:
        return np.mean([motion[:, match.joints[f"{side}_{part}"]] for side in ("left", "right")], axis=0)

    height = (middle("shoulder") - middle("ankle")).mean(axis=0)
    share = {axis: float(height @ matrix[2]) / float(np.linalg.norm(height)) for axis, matrix in _UP.items()}
    axis = max(share, key=lambda key: share[key])
    if share[axis] < 0.75:
        raise AssistMimicError(
            f"{file.path}: cannot tell which way is up, neither from the rest pose nor from the motion; "
            "say it with --bvh-up x, y or z"
        )
    return axis, "from the motion, since nobody stands upright in the rest pose"
