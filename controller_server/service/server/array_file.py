"""Text and arrays in one file, written so that it is either whole or not there, and read without copying.

The layout: a magic word, the length of the header, the header (msgpack: `text`, `arrays` as on the wire, and `crc32` of
the bytes of all arrays), and the arrays' bytes one after the other, each on an address that is a multiple of 64.
"""

from __future__ import annotations

import math
import mmap
import os
import struct
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgpack
import numpy as np

from controller_server.core.errors import AssistMimicError
from controller_server.service.protocol.messages import describe, pack, undescribe
from controller_server.service.protocol.payload import Payload

_MAGIC = b"amarray1"
_HEAD = struct.Struct("<8sQ")
_ALIGN = 64


class ArrayFileError(Exception):
    """A file is missing or damaged."""


def pack_arrays(text: Mapping[str, str], arrays: Mapping[str, np.ndarray]) -> list[bytes | memoryview]:
    """Return the contents of a file, piece by piece; the arrays' own memory is handed on."""
    described, frames = describe(arrays)
    header = pack({"text": dict(text), "arrays": described, "crc32": _crc32(frames)})
    pieces: list[bytes | memoryview] = [_HEAD.pack(_MAGIC, len(header)), header]
    at = _HEAD.size + len(header)
    for frame in frames:
        pieces += [b"\0" * (-at % _ALIGN), frame]
        at += -at % _ALIGN + len(frame)
    return pieces


def unpack_arrays(whole: memoryview) -> Payload:
    """Return the inverse of `pack_arrays`; the arrays are read-only views. Raises ArrayFileError."""
    try:
        magic, length = _HEAD.unpack_from(whole)
        if magic != _MAGIC:
            raise ValueError("not an array file")
        at = _HEAD.size + length
        header = msgpack.unpackb(whole[_HEAD.size : at], raw=False)
        frames = []
        for _, dtype, shape in header["arrays"]:
            at += -at % _ALIGN
            size = math.prod(shape) * np.dtype(dtype).itemsize
            frames.append(whole[at : at + size])
            at += size
        if _crc32(frames) != header["crc32"]:
            raise ValueError("the checksum does not fit")
        return header["text"], undescribe(header["arrays"], frames)
    except (ValueError, TypeError, KeyError, struct.error, AssistMimicError) as error:
        raise ArrayFileError(f"damaged ({error})") from None


def _crc32(frames: Sequence[bytes | memoryview]) -> int:
    crc = 0
    for frame in frames:
        crc = zlib.crc32(frame, crc)
    return crc


def write_array_file(path: Path, pieces: Sequence[bytes | memoryview], *, sync: bool) -> None:
    """Write, and only then give it its name.

    Args:
        path: File to write.
        pieces: From `pack_arrays`.
        sync: Wait until it would survive a power cut; otherwise a power cut may damage it, which is noticed on reading.

    Raises:
        OSError: there is no room, or no permission.
    """
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(pieces)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def read_array_file(path: Path) -> Payload:
    """Text and arrays; the arrays are read-only views of the mapped file.

    Raises:
        ArrayFileError: the file is missing or damaged.
    """
    try:
        with path.open("rb") as file:
            whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:
        raise ArrayFileError(f"cannot be read ({error})") from None
    return unpack_arrays(whole)
