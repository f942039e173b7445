"""Inference of what a BVH file does not say: its unit and its up axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from controller_server.clip.fit.joint_names import JointMatch
from controller_server.core.errors import ClipError

from .rig import Rig

UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "inch": 0.0254, "cmu": 0.0254 / 0.45}
"""Metres per unit. The CMU recordings count in 1/0.45 inch."""
_LEG = (0.5, 1.2)
_POSSIBLE_LEG = (0.3, 1.5)
_TYPICAL_LEG = 0.85
_CLEAR_SHARE = 0.75  # of the line from ankles to shoulders, before the motion tells which way is up
_UNEVEN = 0.12  # of the leg's length, between a joint and the mirror image of the other side's
_CERTAIN_SHARE = 0.9  # before it is held against what the rest pose says
_UP = {
    "y": np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]),
    "z": np.eye(3),
    "x": np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]]),
    "-y": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
    "-z": np.diag([1.0, -1, -1]),
    "-x": np.array([[0.0, 1, 0], [0, 0, -1], [-1, 0, 0]]),
}
"""Rotations into the Z-up world as matrices, by the axis that points up; -y is that of a camera's pictures."""


@dataclass(frozen=True)
class BvhWorld:
    """How to turn a file's coordinates into the Z-up world in metres.

    Attributes:
        scale: Metres per file unit.
        up: The file's up axis: "x", "y", "z", "-x", "-y" or "-z".
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
    """Return whether a pose, shape (J, 3), is a person standing with `up` as up.

    Shoulders, hips, knees, ankles in order.
    """
    height = {
        part: np.mean([rest[match.joints[f"{side}_{part}"]] @ up for side in ("left", "right")])
        for part in ("shoulder", "hip", "knee", "ankle")
    }
    leg = leg_length(rest[None], match)
    drops = [height["shoulder"] - height["hip"], height["hip"] - height["knee"], height["knee"] - height["ankle"]]
    return bool(min(drops) > 0.15 * leg and height["hip"] - height["ankle"] > 0.8 * leg)


def is_even(rest: np.ndarray, match: JointMatch, up: np.ndarray) -> bool:
    """Return whether both sides of a standing pose are alike, as in a T-pose and hardly in a frame of a motion.

    Args:
        rest: Joint positions, shape (J, 3).
        match: Where the joints are.
        up: Unit vector, shape (3,).
    """
    hips = [rest[match.joints[f"{side}_hip"]] for side in ("left", "right")]
    lateral = hips[0] - hips[1] - up * float((hips[0] - hips[1]) @ up)
    lateral = lateral / max(float(np.linalg.norm(lateral)), 1e-12)
    frame = np.stack([lateral, up, np.cross(lateral, up)])
    leg, middle = leg_length(rest[None], match), (hips[0] + hips[1]) / 2
    for part in ("knee", "ankle", "shoulder", "elbow", "wrist"):
        left, right = (frame @ (rest[match.joints[f"{side}_{part}"]] - middle) for side in ("left", "right"))
        if np.linalg.norm(left - right * [-1, 1, 1]) > _UNEVEN * leg:
            return False
    return True


def find_world(
    files: Sequence[Rig],
    matches: Sequence[JointMatch],
    motions: Sequence[np.ndarray],
    *,
    unit: str | None = None,
    up: str | None = None,
) -> BvhWorld:
    """Return unit and up axis that all files of one scene share.

    Args:
        files: The rigs.
        matches: Where their joints are.
        motions: World positions in file units, each (T, J, 3).
        unit: Name from `UNITS` or metres per unit, instead of judging by leg length.
        up: Up axis instead of judging by the rest pose and the motion.

    Raises:
        AssistMimicError: the files disagree, or nothing fits.
    """
    where = [str(file.path) if file.label == file.path.name else file.label for file in files]
    legs = [leg_length(motion, match) for motion, match in zip(motions, matches, strict=True)]
    scale, unit_note = find_unit(where, legs, unit)
    if up is not None:
        return BvhWorld(scale, check_up(up), (unit_note, f"up axis: {up.lower()} (as told)"))
    found = []
    for name, file, match, motion in zip(where, files, matches, motions, strict=True):
        axis = up_of_rest(file.rest_positions(), match)
        # Rigs whose rest offsets lie along their bones (iClone) show a heap of sticks; the motion still shows people.
        reason = "from the rest pose" if axis else "from the motion, as nobody stands upright in the rest pose"
        found.append((axis or up_of_motion(name, motion, match), reason))
    axes = [axis for axis, _ in found]
    if len(set(axes)) > 1:
        raise ClipError(
            f"{where[0]} has {axes[0]} up ({found[0][1]}), {where[1]} has {axes[1]} up ({found[1][1]}); "
            "two people must share one world: re-export one, or say which with --bvh-up"
        )
    notes = [unit_note, f"up axis: {axes[0]} ({found[0][1]})"]
    moving = {axis_of_motion(motion, match, _CERTAIN_SHARE) for motion, match in zip(motions, matches, strict=True)}
    if len(moving) == 1 and None not in moving and moving != {axes[0]}:
        (other,) = moving
        notes.append(
            f"up axis: the rest pose stands along {axes[0]}, but in the motion both people stand along {other}; "
            f"{axes[0]} was taken, --bvh-up={other} takes the other"
        )
    return BvhWorld(scale, axes[0], tuple(notes))


def find_unit(where: Sequence[str], legs: Sequence[float], unit: str | None = None) -> tuple[float, str]:
    """Metres per unit that make all legs human, and a sentence about it. Raises AssistMimicError."""
    if unit is not None:
        scale = UNITS.get(unit.lower()) or _positive(unit)
        for name, leg in zip(where, legs, strict=True):
            if not _POSSIBLE_LEG[0] <= leg * scale <= _POSSIBLE_LEG[1]:
                raise ClipError(
                    f"{name}: with the unit {unit} the legs are {leg * scale:.3g} m long, people's are "
                    f"{_POSSIBLE_LEG[0]}-{_POSSIBLE_LEG[1]} m; correct --bvh-unit"
                )
        return scale, f"unit: {unit} (as told; legs {_metres(legs, scale)})"
    fits = {
        name: sum(abs(np.log(leg * scale / _TYPICAL_LEG)) for leg in legs)
        for name, scale in UNITS.items()
        if all(_LEG[0] <= leg * scale <= _LEG[1] for leg in legs)
    }
    if not fits:
        lengths = ", ".join(f"{name}: legs {leg:.4g} units" for name, leg in zip(where, legs, strict=True))
        raise ClipError(
            f"{lengths}: no one unit of {', '.join(UNITS)} makes them {_LEG[0]}-{_LEG[1]} m long; "
            "say metres per unit with --bvh-unit, and export both people at one scale"
        )
    name = min(fits, key=lambda key: fits[key])
    return UNITS[name], f"unit: {name} (legs {_metres(legs, UNITS[name])})"


def _metres(legs: Sequence[float], scale: float) -> str:
    return " and ".join(f"{leg * scale:.2f}" for leg in legs) + " m"


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not (np.isfinite(value) and value > 0):
        raise ClipError(f"unit {text!r}: expected {', '.join(UNITS)} or metres per unit as a number")
    return value


def check_up(up: str) -> str:
    """Return the axis in lower case. Raises AssistMimicError."""
    axis = up.strip().lower().removeprefix("+")
    if axis not in _UP:
        raise ClipError(f"up axis {up!r}: expected {', '.join(_UP)}")
    return axis


def up_of_rest(rest: np.ndarray, match: JointMatch) -> str | None:
    """Return the axis along which a rest pose, shape (J, 3), is a person standing; None when it is no such thing."""
    return next((axis for axis, matrix in _UP.items() if is_upright(rest, match, matrix[2])), None)


def axis_of_motion(motion: np.ndarray, match: JointMatch, least: float = _CLEAR_SHARE) -> str | None:
    """Return the axis along which shoulders are above ankles on average, None when none is clear.

    Args:
        motion: Positions, shape (T, J, 3), any unit.
        match: Where the joints are.
        least: Share of the line from ankles to shoulders along the axis that counts as clear.
    """

    def middle(part: str) -> np.ndarray:
        return np.mean([motion[:, match.joints[f"{side}_{part}"]] for side in ("left", "right")], axis=0)

    height = (middle("shoulder") - middle("ankle")).mean(axis=0)
    share = {
        axis: float(height @ matrix[2]) / max(float(np.linalg.norm(height)), 1e-12) for axis, matrix in _UP.items()
    }
    axis = max(share, key=lambda key: share[key])
    return axis if share[axis] >= least else None


def up_of_motion(where: str, motion: np.ndarray, match: JointMatch) -> str:
    """Return the axis along which shoulders are above ankles. Positions (T, J, 3). Raises AssistMimicError."""
    axis = axis_of_motion(motion, match)
    if axis is None:
        raise ClipError(
            f"{where}: cannot tell which way is up, as people neither stand in the rest pose nor in most of the "
            "motion; say it with --bvh-up (x, y, z, -x, -y or -z)"
        )
    return axis
