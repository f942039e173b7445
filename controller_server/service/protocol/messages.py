"""The wire protocol, defined here and nowhere else; docs/protocol.md says the same in prose.

A message is a ZeroMQ multipart message: one msgpack map, the header, and then one frame for each array: its raw
little-endian bytes in C order. The tables below name every message and its header fields by direction. Fields that
are not in the table are ignored, so that a newer peer may say more; a type that is not is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgpack
import numpy as np

from controller_server.core.errors import ServiceError

PROTOCOL = 1
"""Version of the protocol. Peers of different versions refuse each other; `v`, `type` and `error` never change."""
HEARTBEAT = 1.0
"""A waiting client sends a ping this often [s]."""
LOST = 5.0
"""A peer that was silent for so long is taken for gone [s]."""

JOB_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
ARRAY_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")
DTYPES = ("<f8", "<f4", "<i8", "<i4", "<i2", "|i1", "<u8", "<u4", "<u2", "|u1")
"""Element types that may travel, as numpy writes them."""
MAX_HEADER, MAX_ARRAYS, MAX_NDIM, MAX_DEPTH = 1 << 20, 64, 6, 8
"""Bytes of a header, arrays of a message, dimensions of an array, nesting of header values."""
MAX_MESSAGE = 256 << 20
"""Bytes of all arrays of one message; a result of 20,000 frames has 220 MB."""


class MessageError(ServiceError):
    """A message that cannot be understood.

    Attributes:
        code: What kind of wrong: bad_message, unknown_type, protocol_version, too_large.
        seq: The sender's number of the message, where it could be read.
    """

    def __init__(self, code: str, message: str, seq: int | None = None) -> None:
        super().__init__(message)
        self.code, self.seq = code, seq


@dataclass(frozen=True)
class Message:
    """One message: its type, header fields and arrays by name."""

    type: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field, or something else where it was not sent."""
        return self.fields.get(name, default)


Check = Callable[[Any], bool]
"""Whether a header value is of a kind."""


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 128 and value.isprintable()


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_job(value: Any) -> bool:
    return isinstance(value, str) and JOB_ID.fullmatch(value) is not None


def _is_map(value: Any) -> bool:
    return isinstance(value, dict)


def _is_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(ARRAY_NAME.fullmatch(k) and isinstance(v, str) for k, v in value.items())


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


KINDS: Mapping[str, tuple[Check, str]] = {
    "whole": (_is_int, "a whole number, 0 or more"),
    "number": (_is_number, "a finite number"),
    "text": (_is_text, "text"),
    "name": (_is_name, "printable text of 1-128 characters"),
    "bool": (_is_bool, "true or false"),
    "job": (_is_job, "a job's id: 8-64 letters, digits, _ and -"),
    "map": (_is_map, "a map"),
    "texts": (_is_texts, "a map of array names to text"),
    "list": (_is_list, "a list"),
}
"""Kinds of header values: how they are checked, and what they are in words."""

Table = Mapping[str, Mapping[str, str]]
"""Message type -> field -> kind; a question mark behind the kind says that the field may be left out."""

_END: Table = {
    "result": {"job": "job", "text": "texts", "seconds": "number?"},
    "failed": {"job": "job", "code": "name", "message": "text", "detail": "text?"},
    "cancelled": {"job": "job"},
}
_NEWS: Table = {
    "progress": {
        **{"job": "job", "stage": "name", "done": "whole", "total": "whole", "unit": "name"},
        **{"eta_s": "number?", "elapsed_s": "number?"},
    },
    "preview": {"job": "job", "stage": "name"},
}
FROM_CLIENT: Table = {
    "hello": {"seq": "whole?"},
    "submit": {
        **{"seq": "whole?", "job": "job", "settings": "map", "text": "texts"},
        **{"client": "name?", "engine": "name?", "name": "name?", "watch": "bool?", "previews": "bool?"},
    },
    "watch": {"seq": "whole?", "job": "job", "previews": "bool?"},
    "cancel": {"seq": "whole?", "job": "job"},
    "status": {"seq": "whole?", "job": "job?"},
    "jobs": {"seq": "whole?", "limit": "whole?"},
    "ping": {"seq": "whole?", "job": "job?"},
}
FROM_SERVER: Table = {
    "welcome": {
        **{"re": "whole?", "server": "name", "session": "name", "capabilities": "map", "limits": "map"},
        **{"heartbeat_s": "number", "lost_s": "number"},
    },
    "accepted": {"re": "whole?", "job": "job", "state": "name", "position": "whole", "ahead": "whole?"},
    "cancelling": {"re": "whole?", "job": "job"},
    "status": {"re": "whole?", "status": "map"},
    "jobs": {"re": "whole?", "jobs": "list"},
    "pong": {"re": "whole?", "watching": "bool", "ahead": "whole?"},
    "error": {"re": "whole?", "job": "job?", "code": "name", "message": "text", "detail": "text?"},
    **_NEWS,
    **{name: {"re": "whole?", **fields} for name, fields in _END.items()},
}
FROM_WORKER: Table = {"ready": {"token": "name", "engine": "name", "capabilities": "map?"}, **_NEWS, **_END}
TO_WORKER: Table = {
    "run": {
        **{"job": "job", "settings": "map", "text": "texts", "threads": "whole"},
        **{"previews": "bool?", "name": "name?"},
    },
    "cancel": {"job": "job"},
    "stop": {},
}


def encode(message: Message) -> list[bytes | memoryview]:
    """Return frames of a message. The arrays' own memory is handed on: leave it alone until it is sent."""
    header = {"v": PROTOCOL, "type": message.type, **message.fields}
    if not message.arrays:
        return [pack(header)]
    header["arrays"], frames = describe(message.arrays)
    return [pack(header), *frames]


def pack(header: Mapping[str, Any]) -> bytes:
    """Return a map as msgpack."""
    packed = msgpack.packb(header)
    assert packed is not None  # only a packer told not to gives None
    return packed


def describe(arrays: Mapping[str, np.ndarray]) -> tuple[list[list[Any]], list[bytes | memoryview]]:
    """Return what a header says of arrays, [name, element type, shape] each, and their bytes."""
    described, frames = [], []
    for name, array in arrays.items():
        little = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
        if little.dtype.str not in DTYPES:
            raise ValueError(f"array {name!r}: elements of type {array.dtype} do not travel")
        described.append([name, little.dtype.str, list(little.shape)])
        # A view as bytes: memoryview cannot cast arrays without elements.
        frames.append(little.reshape(-1).view(np.uint8).data if little.size else b"")
    return described, frames


def decode(frames: Sequence[Any], table: Table) -> Message:
    """Return a message from its frames (anything with a buffer); arrays are read-only views of them.

    Raises:
        MessageError: it is not a message of the table.
    """
    if not frames:
        raise MessageError("bad_message", "no frame: a message begins with a header")
    header = _header(frames[0])
    seq = header.get("seq")
    seq = seq if _is_int(seq) else None
    try:
        return _message(header, frames[1:], table)
    except MessageError as error:
        raise MessageError(error.code, str(error), seq) from None


def _header(frame: Any) -> dict[str, Any]:
    buffer = memoryview(frame)
    if buffer.nbytes > MAX_HEADER:
        raise MessageError("too_large", f"header of {buffer.nbytes} bytes; at most {MAX_HEADER} are read")
    try:
        header = msgpack.unpackb(buffer, raw=False, strict_map_key=True, ext_hook=_no_extension)
    except (ValueError, TypeError, RecursionError, OverflowError, msgpack.exceptions.UnpackException) as error:
        raise MessageError("bad_message", f"header is not msgpack ({type(error).__name__})") from None
    if not isinstance(header, dict):
        raise MessageError("bad_message", "header is not a map")
    if not _is_plain(header, MAX_DEPTH):
        raise MessageError("bad_message", f"header holds binary data, or is nested deeper than {MAX_DEPTH}")
    return header


def _no_extension(code: int, data: bytes) -> Any:
    raise ValueError("extension types are not read")


def _is_plain(value: Any, depth: int) -> bool:
    """Return whether a value is made of maps, lists, text, numbers, truth values and nothing, not too deep."""
    if isinstance(value, (dict, list)):
        items = value.values() if isinstance(value, dict) else value
        return depth > 0 and all(_is_plain(item, depth - 1) for item in items)
    return value is None or isinstance(value, (str, int, float))


def _message(header: Mapping[str, Any], frames: Sequence[Any], table: Table) -> Message:
    version, kind = header.get("v"), header.get("type")
    if version != PROTOCOL or isinstance(version, bool):
        said = f"version {version}" if _is_int(version) else "no version"
        raise MessageError(
            "protocol_version", f"this side speaks protocol version {PROTOCOL}, the other says {said}; update the older"
        )
    if not isinstance(kind, str) or kind not in table:
        said = repr(kind[:40]) if isinstance(kind, str) else "none"
        raise MessageError("unknown_type", f"message type {said} is none of {', '.join(table)}")
    values = {}
    for name, described in table[kind].items():
        value, (check, words) = header.get(name), KINDS[described.rstrip("?")]
        if value is None:
            if not described.endswith("?"):
                raise MessageError("bad_message", f"{kind}: field {name!r} is missing")
        elif not check(value):
            raise MessageError("bad_message", f"{kind}: field {name!r} is not {words}")
        else:
            values[name] = value
    return Message(kind, values, undescribe(header.get("arrays", []), frames))


def undescribe(described: Any, frames: Sequence[Any]) -> dict[str, np.ndarray]:
    """Return the inverse of `describe`: read-only views of the frames. Raises MessageError where they do not fit."""
    if not isinstance(described, list) or len(described) > MAX_ARRAYS:
        raise MessageError("bad_message", f"arrays: expected a list of at most {MAX_ARRAYS}")
    if len(described) != len(frames):
        raise MessageError("bad_message", f"arrays: {len(described)} described, {len(frames)} frames sent")
    arrays: dict[str, np.ndarray] = {}
    for entry, frame in zip(described, frames, strict=True):
        name, dtype, shape = _array_head(entry)
        if name in arrays:
            raise MessageError("bad_message", f"array {name!r} is described twice")
        buffer = memoryview(frame)
        if math.prod(shape) * np.dtype(dtype).itemsize != buffer.nbytes:
            raise MessageError(
                "bad_message", f"array {name!r}: {dtype} of shape {shape} does not fill {buffer.nbytes} bytes"
            )
        array = np.frombuffer(buffer, dtype).reshape(shape)
        array.flags.writeable = False
        arrays[name] = array
    return arrays


def _array_head(entry: Any) -> tuple[str, str, list[int]]:
    if not isinstance(entry, list) or len(entry) != 3:
        raise MessageError("bad_message", "arrays: each is [name, element type, shape]")
    name, dtype, shape = entry
    if not isinstance(name, str) or not ARRAY_NAME.fullmatch(name):
        raise MessageError("bad_message", "arrays: names are 1-64 letters, digits and underscores")
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise MessageError("bad_message", f"array {name!r}: element type is none of {', '.join(DTYPES)}")
    if not isinstance(shape, list) or len(shape) > MAX_NDIM or not all(map(_is_int, shape)):
        raise MessageError("bad_message", f"array {name!r}: shape is not a list of at most {MAX_NDIM} whole numbers")
    return name, dtype, shape
