"""Meshcapade's `.smpl` (one person, a plain `.npz`) and `.mcs` (a scene, glTF JSON with a `.smpl` for each person)."""

from __future__ import annotations

import base64
import binascii
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from controller_server.core.errors import AssistMimicError, ClipError
from controller_server.core.npz_arrays import UNREADABLE, load_arrays

from .peek import Peek
from .tracks import Content, Model, SmplTrack, numbers

_MODELS: Mapping[int, Model] = {0: "smpl", 1: "smplh", 2: "smplx"}
_GENDERS = ("neutral", "male", "female")
_MOST_BYTES = 200 * 2**20
_MOST_PEOPLE = 16


def is_smpl(seen: Peek) -> bool:
    """Return whether a file is a `.smpl`."""
    return {"codecVersion", "bodyPose"} <= set(seen.arrays) or (seen.suffix == ".smpl" and "bodyPose" in seen.arrays)


def is_mcs(seen: Peek) -> bool:
    """Return whether a file is an `.mcs`."""
    return seen.magic == "json" and seen.suffix in (".mcs", ".gltf", ".json") and _says_scene(seen.path)


def _says_scene(path: Path) -> bool:
    with path.open("rb") as file:
        return b"MC_scene_description" in file.read(_MOST_BYTES)


def read_smpl(path: Path) -> Content:
    """Read one person. Y up, as PromptHMR-Vid and the service write it. Raises AssistMimicError."""
    track, fps = _person(str(path), load_arrays(path))
    return Content((track,), (path.name,), fps=fps, up="y", floor_known=True, source=f"Meshcapade: {path.name}")


def read_mcs(path: Path) -> Content:
    """Read all people of a scene over the frames in which all are there. Raises AssistMimicError."""
    if path.stat().st_size > _MOST_BYTES:
        raise ClipError(f"{path}: larger than {_MOST_BYTES // 2**20} MB; save fewer frames")
    try:
        scene = json.loads(path.read_text(encoding="utf-8", errors="replace"))
        bodies = scene["scenes"][0]["extensions"]["MC_scene_description"]["smpl_bodies"]
        found = [_body(path, scene, body) for body in bodies[: _MOST_PEOPLE + 1]]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise ClipError(f"{path}: not a Meshcapade scene ({type(error).__name__}: {error})") from None
    if len(found) > _MOST_PEOPLE:
        raise ClipError(f"{path}: more than {_MOST_PEOPLE} people")
    first = max((start for _, _, start in found), default=0)
    last = min((start + track.n_frames for track, _, start in found), default=0)
    if found and last - first < 2:
        raise ClipError(f"{path}: its people are never there at the same time")
    tracks = tuple(track.cut(slice(first - start, last - start)) for track, _, start in found)
    rates = {fps for _, fps, _ in found}
    if len(rates) > 1:
        raise ClipError(f"{path}: people of {' and '.join(f'{r:g}' for r in sorted(rates))} fps")
    labels = tuple(f"{path.name} person {k + 1}" for k in range(len(tracks)))
    notes = () if first == 0 else (f"frames: from frame {first} on, where everybody is there",)
    fps = next(iter(rates), None)
    return Content(tracks, labels, fps, up="y", floor_known=True, source=f"Meshcapade: {path.name}", notes=notes)


def _body(path: Path, scene: Any, body: Any) -> tuple[SmplTrack, float, int]:
    """Return a person, the frame rate and the frame in which the person comes in."""
    start = int(body.get("frame_presence", [0])[0])
    view = scene["bufferViews"][int(body["bufferView"])]
    uri = scene["buffers"][int(view["buffer"])]["uri"]
    kind, _, text = str(uri).partition(",")
    if not kind.startswith("data:") or not kind.endswith("base64"):
        raise ClipError(f"{path}: a person's data is in another file; save the scene in one file")
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ClipError(f"{path}: damaged ({error})") from None
    offset = int(view.get("byteOffset", 0))
    content = content[offset : offset + int(view.get("byteLength", len(content)))]
    track, fps = _person(str(path), _arrays(path, content))
    return track, fps, start


def _arrays(path: Path, content: bytes) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MOST_BYTES:
                raise ClipError(f"{path}: a person's data is larger than {_MOST_BYTES // 2**20} MB unpacked")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except AssistMimicError:
        raise
    except UNREADABLE as error:
        raise ClipError(f"{path}: a person's data is damaged ({error})") from None


def _person(where: str, arrays: Mapping[str, np.ndarray]) -> tuple[SmplTrack, float]:
    model = int(_scalar(where, arrays, "smplVersion", 2))
    if model not in _MODELS:
        raise ClipError(f"{where}: body model {model}; SMPL, SMPL-H and SMPL-X (0, 1, 2) can be read")
    if "bodyTranslation" not in arrays or "bodyPose" not in arrays:
        raise ClipError(f"{where}: bodyTranslation or bodyPose is missing")
    trans = numbers(where, "bodyTranslation", arrays["bodyTranslation"], (None, 3))
    body = numbers(where, "bodyPose", arrays["bodyPose"], (len(trans), None, 3))
    if body.shape[1] < 22:
        raise ClipError(f"{where}: bodyPose must have 22 joints, got {body.shape[1]}")
    hands = [
        numbers(where, name, arrays[name], (len(trans), 15, 3)) if name in arrays else None
        for name in ("leftHandPose", "rightHandPose")
    ]
    gender = int(_scalar(where, arrays, "gender", 0))
    track = SmplTrack(
        trans,
        body[:, 0],
        body[:, 1:22],
        *hands,
        betas=np.asarray(arrays.get("shapeParameters", np.zeros(10)), dtype=float).reshape(-1),
        gender=_GENDERS[gender] if 0 <= gender < len(_GENDERS) else "neutral",
        model=_MODELS[model],
    )
    return track, float(_scalar(where, arrays, "frameRate", 30.0))


def _scalar(where: str, arrays: Mapping[str, np.ndarray], name: str, default: float) -> float:
    value = np.asarray(arrays.get(name, default))
    if value.size != 1 or value.dtype.kind not in "fiu":
        raise ClipError(f"{where}: {name} must be one number")
    return float(value.reshape(-1)[0])
