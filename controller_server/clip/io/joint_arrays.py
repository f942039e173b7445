"""Joint positions, as motion generators and pose estimators give them: an array `joints`, or a bare `.npy`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from controller_server.clip.fit.joint_order import order_of
from controller_server.clip.skeleton import JOINT_NAMES
from controller_server.core.errors import ClipError
from controller_server.core.npz_arrays import UNREADABLE, load_arrays

from .tracks import Content, JointTrack

KEY = "joints"
"""Name of the positions in an `.npz`."""
BODY = JOINT_NAMES[:22]
ORDERS = {
    22: BODY,
    24: (*BODY, "left_hand", "right_hand"),
    52: (*BODY, *JOINT_NAMES[25:]),
    55: JOINT_NAMES,
}
"""Names by number of joints where a file gives none: SMPL(-X) body, SMPL, SMPL-H, SMPL-X."""


def read_joint_arrays(path: Path) -> Content:
    """Read joint positions of one person or two.

    Args:
        path: An `.npz` with `joints` (2, T, J, 3), supporter first, or (T, J, 3), and optionally `joint_names` (J),
            `fps`, `up` and `source`; or an `.npy` with the positions alone, also (T, 2, J, 3).

    Raises:
        AssistMimicError: naming the file.
    """
    arrays = load_arrays(path) if path.suffix.lower() == ".npz" else {KEY: load_npy(path)}
    people = _people(path, arrays[KEY])
    names, notes = _names(path, arrays.get("joint_names"), people)
    fps, up = arrays.get("fps"), arrays.get("up")
    if fps is not None and (np.asarray(fps).size != 1 or not np.issubdtype(np.asarray(fps).dtype, np.number)):
        raise ClipError(f"{path}: fps must be one number, got {fps!r}")
    return Content(
        tuple(JointTrack(person, names) for person in people),
        (path.name,) * len(people),
        fps=None if fps is None else float(np.asarray(fps).item()),
        up=None if up is None else str(up),
        floor_known=True,
        order=len(people) == 2,
        source=str(arrays.get("source", f"joint positions: {path.name}")),
        notes=tuple(notes),
    )


def load_npy(path: Path) -> np.ndarray:
    """Return the array of an `.npy` of plain numbers. Raises AssistMimicError."""
    if not path.is_file():
        raise ClipError(f"{path}: no such file")
    try:
        return np.load(path, allow_pickle=False)
    except UNREADABLE as error:
        raise ClipError(f"{path}: not a readable .npy file of plain numbers ({error})") from None


def _people(path: Path, array: np.ndarray) -> list[np.ndarray]:
    """Return each person's positions, (T, J, 3)."""
    fits = array.ndim in (3, 4) and array.shape[-1] == 3 and np.issubdtype(array.dtype, np.number)
    if not fits or (array.ndim == 4 and 2 not in array.shape[:2]):
        raise ClipError(
            f"{path}: {KEY} must have shape (2 people, T frames, J joints, 3), or (T, J, 3) in a file for each "
            f"person, got {array.shape}"
        )
    people = [array] if array.ndim == 3 else list(array if array.shape[0] == 2 else array.swapaxes(0, 1))
    if len(people[0]) < 2:
        raise ClipError(f"{path}: {len(people[0])} frame(s); a clip has at least 2")
    for number, person in enumerate(people):
        bad = ~np.isfinite(person)
        if bad.any():
            frame, which = np.argwhere(bad)[0][:2]
            raise ClipError(
                f"{path}: {KEY} is not a finite number at frame {frame}, person {number}, joint {which}; "
                "fill the gap or cut that frame out"
            )
    return [person.astype(float) for person in people]


def _names(path: Path, names: np.ndarray | None, people: list[np.ndarray]) -> tuple[tuple[str, ...], list[str]]:
    count = people[0].shape[1]
    if names is None:
        if count not in ORDERS:
            raise ClipError(
                f"{path}: {count} joints without names; add an array 'joint_names' "
                f"(without it {', '.join(map(str, ORDERS))} joints are read in SMPL or SMPL-X order)"
            )
        return order_of(path, ORDERS[count], people)
    if names.ndim != 1 or len(names) != count or names.dtype.kind not in "US":
        raise ClipError(f"{path}: joint_names must be {count} strings, got {names.dtype} of shape {names.shape}")
    return tuple(n.decode("utf-8", "replace") if isinstance(n, bytes) else str(n) for n in names.tolist()), []
