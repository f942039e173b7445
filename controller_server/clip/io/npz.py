"""The project's own clip file: a plain `.npz` without pickled objects, described in docs/formats.md."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from controller_server.clip.interaction import ROLES, InteractionClip, Prop, SmplxMotion
from controller_server.core.errors import AssistMimicError, ClipError
from controller_server.core.npz_arrays import load_arrays

FORMAT = "assistmimic-clip"
VERSION = 1
_TRACKS = ("trans", "root_orient", "pose_body", "left_hand_pose", "right_hand_pose")
_OPTIONAL = ("jaw", "eyes", "expression", "rest_joints")


def read_npz(path: str | Path) -> InteractionClip:
    """Read a clip.

    Raises:
        AssistMimicError: the file is missing, is not a clip, holds pickled objects, or holds a clip that is not valid.
    """
    path = Path(path)
    arrays = load_arrays(path)
    if str(arrays.get("format", "")) != FORMAT:
        known = ", ".join(sorted(arrays)[:8])
        raise ClipError(
            f"{path}: not an assistmimic clip (no format = {FORMAT!r}; holds {known or 'nothing'}); "
            "see docs/formats.md for what can be read"
        )
    version = arrays.get("version", np.array(0))
    if not np.array_equal(version, VERSION):
        raise ClipError(f"{path}: clip format version {version}, this program reads version {VERSION}")
    try:
        return clip_from_arrays(arrays)
    except KeyError as error:
        raise ClipError(f"{path}: array {error.args[0]!r} is missing") from None
    except AssistMimicError as error:
        raise ClipError(f"{path}: {error}") from None
    except (TypeError, ValueError, OverflowError, RecursionError) as error:  # text where numbers belong, and the like
        raise ClipError(f"{path}: not a clip ({error})") from None


def clip_from_arrays(arrays: Mapping[str, np.ndarray]) -> InteractionClip:
    """Return a clip from named arrays. Raises KeyError for a missing one, AssistMimicError for a wrong one."""
    people = {}
    for role in ROLES:
        values = {name: arrays[f"{role}_{name}"] for name in _TRACKS}
        values |= {name: arrays[f"{role}_{name}"] for name in _OPTIONAL if f"{role}_{name}" in arrays}
        try:
            people[role] = SmplxMotion(**values, betas=arrays[f"{role}_betas"], gender=str(arrays[f"{role}_gender"]))
        except AssistMimicError as error:
            raise ClipError(f"{role}_{error}") from None
    try:
        props = json.loads(str(arrays.get("props", "[]")))
        props = tuple(Prop(p["name"], p["position"], p["size"], p.get("quat", (1, 0, 0, 0))) for p in props)
    except AssistMimicError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ClipError(f"props: not a JSON list of boxes with name, position, size, quat ({error})") from None
    fps = arrays["fps"]
    if np.asarray(fps).size != 1:
        raise ClipError(f"fps: expected one number, got shape {np.asarray(fps).shape}")
    return InteractionClip(
        fps=np.asarray(fps).item(),
        props=props,
        grips=arrays.get("grips"),
        source=str(arrays.get("source", "")),
        **people,
    )


def clip_to_arrays(clip: InteractionClip) -> dict[str, np.ndarray]:
    """Named arrays of a clip; the inverse of `clip_from_arrays`."""
    arrays: dict[str, np.ndarray] = {
        "format": np.array(FORMAT),
        "version": np.array(VERSION),
        "fps": np.array(clip.fps),
        "source": np.array(clip.source),
        "props": np.array(
            json.dumps(
                [
                    {
                        "name": p.name,
                        "position": p.position.tolist(),
                        "size": p.size.tolist(),
                        "quat": p.quat.tolist(),
                    }
                    for p in clip.props
                ]
            )
        ),
    }
    if clip.grips is not None:
        arrays["grips"] = clip.grips
    for role, motion in clip.people:
        for name in (*_TRACKS, *_OPTIONAL, "betas"):
            value = getattr(motion, name)
            if value is not None:
                arrays[f"{role}_{name}"] = value
        arrays[f"{role}_gender"] = np.array(motion.gender)
    return arrays


def clip_sha256(clip: InteractionClip) -> str:
    """Fingerprint of a clip's numbers, whatever file they came from."""
    digest = hashlib.sha256()
    for name, array in sorted(clip_to_arrays(clip).items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(array).tobytes() if array.dtype.kind != "U" else str(array).encode())
    return digest.hexdigest()


def write_npz(path: str | Path, clip: InteractionClip, extra: Mapping[str, np.ndarray] | None = None) -> None:
    """Write a clip, and further named arrays beside it, so that the file is either whole or not there."""
    save_arrays(Path(path), {**clip_to_arrays(clip), **(extra or {})})


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write an `.npz` through a temporary file beside it. Raises AssistMimicError when it cannot be written."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False) as f:
            part = Path(f.name)
            try:
                np.savez_compressed(f, **arrays)  # pyright: ignore[reportArgumentType]
            except BaseException:
                f.close()
                part.unlink(missing_ok=True)
                raise
        part.chmod(0o644)  # temporary files are for their owner alone
        os.replace(part, path)
    except OSError as error:
        reason = error.strerror or error
        raise ClipError(f"{path}: cannot be written ({reason}); choose a folder you may write to") from None
