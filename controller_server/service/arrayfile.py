"""Text and arrays in one file, written so that it is either whole or not there, and read without copying.

The layout: a magic word, the length of the header, the header (msgpack: `text`, and `arrays` as on the wire), and the
arrays' bytes one after the other, each on an address that is a multiple of 64.
"""

from __future__ import annotations

import math
import mmap
import os
import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgpack
import numpy as np

from ..errors import AssistMimicError
from .payload import Payload
from .protocol import describe, pack, undescribe

_MAGIC = b"amarray1"
_HEAD = struct.Struct("<8sQ")
_ALIGN = 64


class ArrayFileError(Exception):
    """A file is missing or damaged."""


def write_array_file(path: Path, text: Mapping[str, str], arrays: Mapping[str, np.ndarray]) -> int:
    """Write, make sure it is on the disk, and only then give it its name.

    Returns:
        Bytes written.

    Raises:
        OSError: there is no room, or no permission.
    """
    described, frames = describe(arrays)
    header = pack({"text": dict(text), "arrays": described})
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(_HEAD.pack(_MAGIC, len(header)))
            file.write(header)
            for frame in frames:
                file.write(b"\0" * (-file.tell() % _ALIGN))
                file.write(frame)
            written = file.tell()
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
    return written


def read_array_file(path: Path) -> Payload:
    """Text and arrays; the arrays are read-only views of the mapped file.

    Raises:
        ArrayFileError: the file is missing or damaged.
    """
    try:
        with path.open("rb") as file:
            whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
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
        return header["text"], undescribe(header["arrays"], frames)
    except (OSError, ValueError, TypeError, KeyError, struct.error, AssistMimicError) as error:
        raise ArrayFileError(f"{path.name}: {error}") from None
