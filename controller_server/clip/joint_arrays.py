"""Joint positions of two people, as motion generators and pose estimators give them, to a clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import AssistMimicError
from .bvh_world import BvhWorld, check_up, find_unit, leg_length, up_of_motion
from .capture import Capture
from .fit import fit
from .interaction import MAX_FPS, MIN_FPS, ROLES, InteractionClip
from .joint_names import TIPS, JointMatch, match_joints, read_joint_table
from .npz import UNREADABLE, load_arrays
from .skeleton import JOINT_NAMES, N_JOINTS, joint

KEY = "joints"
"""Name of the positions in an `.npz`."""
_BODY = JOINT_NAMES[:22]
_ORDERS = {
    22: _BODY,
    24: (*_BODY, "left_hand", "right_hand"),
    52: (*_BODY, *JOINT_NAMES[25:]),
    55: JOINT_NAMES,
}
"""Names by number of joints where a file gives none: SMPL(-X) body, SMPL, SMPL-H, SMPL-X."""


def read_joint_arrays(
    path: str | Path,
    *,
    fps: float | None = None,
    unit: str | None = None,
    up: str | None = None,
    joint_map: str | Path | None = None,
) -> tuple[InteractionClip, list[str]]:
    """Read `(2, T, J, 3)` joint positions, supporter first, and fit SMPL-X to them.

    Args:
        path: An `.npz` with `joints`, and optionally `joint_names` (J), `fps`, `up` ("y" or "z") and `source`; or
            an `.npy` with the positions alone.
        fps: Frame rate, instead of the file's.
        unit: Unit instead of judging by leg length.
        up: Up axis, instead of the file's, or of judging by the motion.
        joint_map: YAML table of joint names.

    Returns:
        The clip, and what was found out on the way.

    Raises:
        AssistMimicError: naming the file.
    """
    path = Path(path)
    arrays = load_arrays(path) if path.suffix.lower() == ".npz" else {KEY: _load_npy(path)}
    positions = _positions(path, arrays[KEY])
    rate = _rate(path, fps if fps is not None else arrays.get("fps"))
    names = _names(path, arrays.get("joint_names"), positions.shape[2])
    table = read_joint_table(joint_map) if joint_map is not None else None
    match = match_joints(names, str(path), table)
    match = _with_hands(match, names)
    scale, unit_note = find_unit([str(path)], [leg_length(positions.reshape(-1, len(names), 3), match)], unit)
    told = up if up is not None else arrays.get("up")
    if told is not None:
        axis, reason = check_up(str(told)), "as told"
    else:
        axis, reason = up_of_motion(str(path), positions.reshape(-1, len(names), 3), match), "from the motion"
    world = BvhWorld(scale, axis)
    notes = [unit_note, f"up axis: {axis} ({reason})"]
    people = []
    for role, person in zip(ROLES, positions, strict=True):
        motion, report = fit(_capture(person @ world.matrix.T * scale, match))
        notes.append(f"{role}: {path.name}, joint names {match.table}, {report}")
        people.append(motion)
    source = str(arrays.get("source", f"joint positions: {path.name}"))
    return InteractionClip(rate, people[0], people[1], source=source), notes


def holds_joints(path: Path) -> bool:
    """Whether an `.npz` holds joint positions; False for what cannot be read at all."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return KEY in archive.files
    except UNREADABLE:
        return False


def _load_npy(path: Path) -> np.ndarray:
    if not path.is_file():
        raise AssistMimicError(f"{path}: no such file")
    try:
        return np.load(path, allow_pickle=False)
    except UNREADABLE as error:
        raise AssistMimicError(f"{path}: not a readable .npy file of plain numbers ({error})") from None


def _positions(path: Path, array: np.ndarray) -> np.ndarray:
    if array.ndim != 4 or array.shape[0] != 2 or array.shape[3] != 3 or not np.issubdtype(array.dtype, np.number):
        hint = "; transpose people and frames" if array.ndim == 4 and array.shape[1] == 2 else ""
        raise AssistMimicError(
            f"{path}: {KEY} must have shape (2 people, T frames, J joints, 3), got {array.shape}{hint}"
        )
    if array.shape[1] < 2:
        raise AssistMimicError(f"{path}: {array.shape[1]} frame(s); a clip has at least 2")
    array = array.astype(float)
    bad = ~np.isfinite(array)
    if bad.any():
        person, frame, which = np.argwhere(bad)[0][:3]
        raise AssistMimicError(
            f"{path}: {KEY} is not a finite number at frame {frame}, person {person}, joint {which}; "
            "fill the gap or cut that frame out"
        )
    return array


def _rate(path: Path, fps: np.ndarray | float | None) -> float:
    if fps is None:
        raise AssistMimicError(f"{path}: no frame rate; add an array 'fps' to the .npz or give it with --fps")
    if np.asarray(fps).size != 1 or not np.issubdtype(np.asarray(fps).dtype, np.number):
        raise AssistMimicError(f"{path}: fps must be one number, got {fps!r}")
    rate = float(np.asarray(fps).item())
    if not MIN_FPS <= rate <= MAX_FPS:
        raise AssistMimicError(f"{path}: fps {rate:g} is outside {MIN_FPS:g}-{MAX_FPS:g}; set the true frame rate")
    return rate


def _names(path: Path, names: np.ndarray | None, count: int) -> list[str]:
    if names is None:
        if count not in _ORDERS:
            raise AssistMimicError(
                f"{path}: {count} joints without names; add an array 'joint_names' "
                f"(without it {', '.join(map(str, _ORDERS))} joints are read in SMPL or SMPL-X order)"
            )
        return list(_ORDERS[count])
    if names.ndim != 1 or len(names) != count or names.dtype.kind not in "US":
        raise AssistMimicError(f"{path}: joint_names must be {count} strings, got {names.dtype} of shape {names.shape}")
    return [n.decode("utf-8", "replace") if isinstance(n, bytes) else str(n) for n in names.tolist()]


def _with_hands(match: JointMatch, names: list[str]) -> JointMatch:
    """SMPL's hand joints, which SMPL-X does not have, tell where the hands point."""
    hands = {tip: names.index(tip) for tip in ("left_hand", "right_hand") if tip in names and tip not in match.tips}
    return JointMatch(match.table, match.joints, match.rotations, {**match.tips, **hands})


def _capture(positions: np.ndarray, match: JointMatch) -> Capture:
    found = np.full((len(positions), N_JOINTS, 3), np.nan)
    for name, row in match.joints.items():
        found[:, joint(name)] = positions[:, row]
    return Capture(found, tips={name: positions[:, match.tips[name]] for name in TIPS if name in match.tips})
