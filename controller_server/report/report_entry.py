"""The report's page as an entry of a result: packed into it, and taken out again."""

from __future__ import annotations

import zlib

import numpy as np

from controller_server.core.errors import AssistMimicError

PAGE = "result_report"
"""Name of the entry."""
_LARGEST = 1 << 28
"""Largest size of an unpacked page [bytes]."""


def pack_page(text: str) -> np.ndarray:
    """Return a page as bytes in an array."""
    return np.frombuffer(zlib.compress(text.encode()), dtype=np.uint8)


def unpack_page(packed: np.ndarray, where: str) -> bytes:
    """Return the page. Raises AssistMimicError, which begins with `where`, when it is damaged."""
    try:
        return zlib.decompressobj().decompress(packed.tobytes(), _LARGEST)
    except zlib.error as error:
        raise AssistMimicError(f"{where}: the report it carries is damaged ({error})") from None
