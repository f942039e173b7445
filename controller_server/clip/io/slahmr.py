"""SLAHMR's world results: all people of a video in the first camera's frame, with the plane of the floor.

Layout: SLAHMR `slahmr/optim/`; see docs/formats.md.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from controller_server.clip.fit.body_frames import shortest_arc
from controller_server.clip.skeleton import HEAD, L_ANKLE, R_ANKLE
from controller_server.core.errors import ClipError
from controller_server.core.npz_arrays import load_arrays

from .peek import Peek
from .tracks import Content, SmplTrack, numbers

_NEEDED = ("trans", "root_orient", "pose_body")


def is_slahmr(seen: Peek) -> bool:
    """Return whether a file is SLAHMR's: people in the first dimension, frames in the second."""
    return set(_NEEDED) <= set(seen.arrays) and all(len(seen.arrays[name]) == 3 for name in _NEEDED) and (
        "floor_plane" in seen.arrays or "cam_R" in seen.arrays
    )  # fmt: skip


def read_slahmr(path: Path) -> Content:
    """Read everybody over the frames in which all are tracked, turned upright by the floor's plane.

    Raises:
        AssistMimicError: naming what is not as it should be.
    """
    arrays, where = load_arrays(path), str(path)
    trans = numbers(where, "trans", arrays["trans"], (None, None, 3))
    people, frames = trans.shape[:2]
    root = numbers(where, "root_orient", arrays["root_orient"], (people, frames, 3))
    body = numbers(where, "pose_body", arrays["pose_body"], (people, frames, 63)).reshape(people, frames, 21, 3)
    seen: np.ndarray = np.ones(frames, bool)
    if "track_mask" in arrays:
        mask = np.asarray(arrays["track_mask"])
        if mask.shape != (people, frames):
            raise ClipError(f"{path}: track_mask must have shape {(people, frames)}, got {mask.shape}")
        seen = np.asarray(mask.astype(bool).all(axis=0))
    if not seen.any():
        raise ClipError(f"{path}: its people are never tracked at the same time")
    first, last = int(np.argmax(seen)), frames - int(np.argmax(seen[::-1]))
    tracks = [
        SmplTrack(trans[k], root[k], body[k], model="smplh").cut(slice(first, last)) for k in range(people)
    ]  # fmt: skip
    notes = () if last - first == frames else (f"frames: {first} to {last - 1}, in which everybody is tracked",)
    normal = _normal(path, arrays)
    up = None
    if normal is not None:
        tracks, up = _upright(tracks, normal), "z"
        notes = (*notes, "up axis: turned by the file's floor plane")
    labels = tuple(f"{path.name} person {k + 1}" for k in range(people))
    return Content(tuple(tracks), labels, 30.0, fps_assumed=True, up=up, source=f"SLAHMR: {path.name}", notes=notes)


def _normal(path: Path, arrays: dict[str, np.ndarray]) -> np.ndarray | None:
    """Return the floor's unit normal, None where the file has none."""
    if "floor_plane" not in arrays:
        return None
    plane = numbers(str(path), "floor_plane", np.atleast_2d(arrays["floor_plane"]), (None, 3))[0]
    length = float(np.linalg.norm(plane))
    return plane / length if length > 1e-6 else None


def _upright(tracks: list[SmplTrack], normal: np.ndarray) -> list[SmplTrack]:
    """Return the people turned so that the normal points up, on whichever side of the floor their heads are."""
    heights = [t.to_motion(np.eye(3)).joints[0] for t in tracks]
    over = np.mean([j[:, HEAD] - j[:, [L_ANKLE, R_ANKLE]].mean(axis=1) for j in heights], axis=(0, 1))
    normal = normal if float(over @ normal) > 0 else -normal
    turn = shortest_arc(normal, np.array([0.0, 0, 1]))
    return [track.moved(turn, np.zeros(3)) for track in tracks]
