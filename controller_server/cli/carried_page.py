"""The report's page that a server's result carries: taken out, and left out."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import AssistMimicError

if TYPE_CHECKING:
    from ..service.client import JobResult

PAGE = "result_report"
_META = "result_meta"
_LARGEST = 1 << 28
"""Of a page that is unpacked [bytes]."""


def page_of(result: JobResult) -> bytes | None:
    """Return the page, or None where the result carries none. Raises AssistMimicError."""
    packed = result.arrays.get(PAGE)
    if packed is None:
        return None
    try:
        return zlib.decompressobj().decompress(packed.tobytes(), _LARGEST)
    except zlib.error as error:
        raise AssistMimicError(f"job {result.job}: its report is damaged ({error})") from None


def without_page(result: JobResult) -> JobResult:
    """Return the result as it is without the page, its settings included."""
    if PAGE not in result.arrays:
        return result
    arrays = {name: array for name, array in result.arrays.items() if name != PAGE}
    meta = result.meta
    meta["settings"]["carry_report"] = False
    return replace(result, text={**result.text, _META: json.dumps(meta, allow_nan=False)}, arrays=arrays)
