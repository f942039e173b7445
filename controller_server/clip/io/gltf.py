"""glTF files: the container (`.glb`, `.gltf`), accessors and animation curves, with numpy alone.

Specification: Khronos glTF 2.0. Read are nodes, skins and animations; meshes, materials and pictures are left out.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from controller_server.clip.rotation import quat_slerp
from controller_server.core.errors import AssistMimicError, ClipError

_MOST_BYTES = 512 * 2**20
_TYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_BROKEN = (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError, struct.error, OverflowError)


@dataclass(frozen=True)
class Gltf:
    """A file's JSON and its binary chunks.

    Attributes:
        path: Where it was read from.
        content: The JSON.
        buffers: Bytes of each buffer.
    """

    path: Path
    content: dict[str, Any]
    buffers: tuple[bytes, ...]

    def items(self, name: str) -> list[Any]:
        """Return a top-level list, empty where there is none."""
        found = self.content.get(name, [])
        return found if isinstance(found, list) else []

    def array(self, accessor: int) -> np.ndarray:
        """Return an accessor's values as floats, shape (N, width). Raises one of `BROKEN`."""
        entry = self.items("accessors")[accessor]
        if "sparse" in entry or "bufferView" not in entry:
            raise ValueError("sparse accessors are not read; export without them")
        view = self.items("bufferViews")[entry["bufferView"]]
        dtype, width, count = np.dtype(_TYPES[entry["componentType"]]), _WIDTHS[entry["type"]], int(entry["count"])
        size = dtype.itemsize * width
        stride = int(view.get("byteStride", size))
        start = int(view.get("byteOffset", 0)) + int(entry.get("byteOffset", 0))
        data = self.buffers[int(view["buffer"])]
        if count < 1 or stride < size or start < 0 or start + (count - 1) * stride + size > len(data):
            raise ValueError("an accessor outside its buffer")
        rows = np.lib.stride_tricks.as_strided(np.frombuffer(data, np.uint8)[start:], (count, size), (stride, 1))
        values = np.ascontiguousarray(rows).view(dtype).reshape(count, width).astype(float)
        if entry.get("normalized"):
            values = np.maximum(values / np.iinfo(dtype).max, -1.0)
        if not np.isfinite(values).all():
            raise ValueError("a value that is not finite")
        return values


def read_gltf(path: Path) -> Gltf:
    """Read the container. Raises AssistMimicError."""
    if path.stat().st_size > _MOST_BYTES:
        raise ClipError(f"{path}: more than {_MOST_BYTES // 2**20} MB; export without meshes and pictures")
    data = path.read_bytes()
    try:
        text, chunk = _glb(data) if data[:4] == b"glTF" else (data, b"")
        content = json.loads(text.decode("utf-8"))
        buffers = tuple(_buffer(path, entry, chunk) for entry in content.get("buffers", []))
    except AssistMimicError:
        raise
    except (*_BROKEN, binascii.Error, UnicodeDecodeError) as error:
        raise ClipError(f"{path}: not a readable glTF file ({error})") from None
    return Gltf(path, content, buffers)


def broken(path: Path, error: Exception) -> AssistMimicError:
    """Return what to say about a file whose parts do not fit together."""
    return ClipError(f"{path}: not a readable glTF file ({type(error).__name__}: {error})")


BROKEN = _BROKEN
"""What a damaged file may raise."""


def _glb(data: bytes) -> tuple[bytes, bytes]:
    _, version, total = struct.unpack("<4sII", data[:12])
    if version != 2 or total > len(data):
        raise ValueError(f"version {version}, {total} bytes")
    chunks: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= total:
        size, kind = struct.unpack("<I4s", data[at : at + 8])
        if at + 8 + size > len(data):
            raise ValueError("cut off")
        chunks.setdefault(kind, data[at + 8 : at + 8 + size])
        at += 8 + size
    return chunks[b"JSON"], chunks.get(b"BIN\x00", b"")


def _buffer(path: Path, entry: Any, chunk: bytes) -> bytes:
    uri = entry.get("uri")
    if uri is None:
        return chunk
    head, _, text = str(uri).partition(",")
    if head.startswith("data:"):
        return base64.b64decode(text, validate=True)
    # A name alone: no file outside the folder is ever opened.
    if Path(uri).name != uri or uri in (".", ".."):
        raise ClipError(f"{path}: its data is in another folder ({uri}); export as .glb")
    beside = path.with_name(uri)
    if not beside.is_file() or beside.is_symlink() or beside.stat().st_size > _MOST_BYTES:
        raise ClipError(f"{path}: {uri} is missing beside it; export as .glb")
    return beside.read_bytes()


def local_matrix(node: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a node's translation (3,), rotation (w, x, y, z) and scale (3,), with defaults."""
    if "matrix" in node:
        matrix = np.array(node["matrix"], dtype=float).reshape(4, 4).T
        return decomposed(matrix)
    x, y, z, w = node.get("rotation", (0, 0, 0, 1))
    quat = np.array([w, x, y, z], dtype=float)
    quat = quat / max(float(np.linalg.norm(quat)), 1e-9)
    return np.array(node.get("translation", (0, 0, 0)), float), quat, np.array(node.get("scale", (1, 1, 1)), float)


def decomposed(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return translation, rotation and scale of matrices without shear. Shape (..., 4, 4)."""
    from controller_server.clip.rotation import quat_from_matrix

    scale = np.linalg.norm(matrix[..., :3, :3], axis=-2)
    turn = matrix[..., :3, :3] / np.maximum(scale[..., None, :], 1e-12)
    flipped = np.linalg.det(turn) < 0
    turn = np.where(flipped[..., None, None], -turn, turn)
    return matrix[..., :3, 3], quat_from_matrix(turn), scale


def sampled(times: np.ndarray, values: np.ndarray, at: np.ndarray, kind: str, *, turns: bool) -> np.ndarray:
    """Return an animation curve at some times, held before its first key and after its last.

    Args:
        times: Of the keys [s], shape (K,).
        values: Shape (K, N), or (3 K, N) for CUBICSPLINE: in-tangent, value, out-tangent.
        at: Wanted times [s], shape (S,).
        kind: STEP, LINEAR or CUBICSPLINE.
        turns: Whether the values are quaternions (w, x, y, z).
    """
    keys = len(times)
    points = values.reshape(keys, 3, -1)[:, 1] if kind == "CUBICSPLINE" else values
    if keys == 1:
        return np.repeat(points, len(at), axis=0)
    at = np.clip(at, times[0], times[-1])
    k = np.clip(np.searchsorted(times, at, side="right") - 1, 0, keys - 2)
    step = np.maximum(times[k + 1] - times[k], 1e-9)
    t = ((at - times[k]) / step)[:, None]
    if kind == "STEP":
        return np.where(t < 1, points[k], points[k + 1])
    if kind == "CUBICSPLINE":
        tangents = values.reshape(keys, 3, -1)
        out, into = tangents[k, 2] * step[:, None], tangents[k + 1, 0] * step[:, None]
        found = (
            (2 * t**3 - 3 * t**2 + 1) * points[k]
            + (t**3 - 2 * t**2 + t) * out
            + (3 * t**2 - 2 * t**3) * points[k + 1]
            + (t**3 - t**2) * into
        )
        return found / np.maximum(np.linalg.norm(found, axis=-1, keepdims=True), 1e-9) if turns else found
    return quat_slerp(points[k], points[k + 1], t) if turns else points[k] * (1 - t) + points[k + 1] * t


def key_rate(times: np.ndarray) -> float:
    """Return the frame rate keys were set at, 30 where they are uneven [1/s]. Shape (K,)."""
    steps = np.diff(np.unique(np.round(times, 6)))
    steps = steps[steps > 1e-4]
    if len(steps) == 0:
        return 30.0
    middle = float(np.median(steps))
    even = np.mean(np.abs(steps / middle - np.round(steps / middle)) < 0.02) > 0.9
    rate = 1 / middle
    usual = float(round(rate)) if abs(rate - round(rate)) < 0.02 * rate else rate
    return usual if even and 5 <= rate <= 240 and math.isfinite(rate) else 30.0
