"""CHI3D's SMPL-X annotations: JSON with both people's rotation matrices in one world.

Layout: imar_vision_datasets_tools `util/`; see docs/formats.md. Hands are relative to the model's mean hand, which is
licensed, and are left out.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from controller_server.clip.rotation import quat_from_matrix, rotvec_from_quat
from controller_server.core.errors import AssistMimicError, ClipError

from .peek import Peek
from .tracks import Content, SmplTrack, numbers

_NEEDED = ("transl", "global_orient", "body_pose")
_MOST_BYTES = 200 * 2**20


def is_chi3d(seen: Peek) -> bool:
    """Return whether a file is CHI3D's."""
    return seen.magic == "json" and seen.suffix == ".json" and all(f'"{n}"'.encode() in _all(seen) for n in _NEEDED)


def _all(seen: Peek) -> bytes:
    return seen.path.read_bytes() if seen.path.stat().st_size <= _MOST_BYTES else b""


def read_chi3d(path: Path) -> Content:
    """Read both people; the up axis is judged by the motion. Raises AssistMimicError."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        arrays = {name: np.array(content[name], dtype=float) for name in (*_NEEDED, "betas") if name in content}
        trans = numbers(str(path), "transl", arrays["transl"], (2, None, 3))
        frames = trans.shape[1]
        root = numbers(str(path), "global_orient", arrays["global_orient"].reshape(2, frames, 3, 3), (2, frames, 3, 3))
        body = numbers(str(path), "body_pose", arrays["body_pose"], (2, frames, 21, 3, 3))
        betas = arrays["betas"].reshape(2, -1, arrays["betas"].shape[-1]).mean(axis=1) if "betas" in arrays else None
    except AssistMimicError:
        raise
    except (ValueError, KeyError, TypeError, IndexError, RecursionError, OSError) as error:
        raise ClipError(f"{path}: not a CHI3D annotation ({type(error).__name__}: {error})") from None
    turns = rotvec_from_quat(quat_from_matrix(np.concatenate([root[:, :, None], body], axis=2)))
    tracks = tuple(
        SmplTrack(trans[k], turns[k, :, 0], turns[k, :, 1:], betas=None if betas is None else betas[k])
        for k in range(2)
    )
    labels = tuple(f"{path.name} person {k + 1}" for k in range(2))
    return Content(tracks, labels, 50.0, fps_assumed=True, source=f"CHI3D: {path.name}")
