"""The report's page that a server's result carries: taken out, and left out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from controller_server.report.report_entry import PAGE, unpack_page

if TYPE_CHECKING:
    from controller_server.service.client.client import JobResult

_META = "result_meta"


def page_of(result: JobResult) -> bytes | None:
    """Return the page, or None where the result carries none. Raises AssistMimicError."""
    packed = result.arrays.get(PAGE)
    return None if packed is None else unpack_page(packed, f"job {result.job}")


def without_page(result: JobResult) -> JobResult:
    """Return the result as it is without the page, its settings included."""
    if PAGE not in result.arrays:
        return result
    arrays = {name: array for name, array in result.arrays.items() if name != PAGE}
    meta = result.meta
    meta["settings"]["carry_report"] = False
    return replace(result, text={**result.text, _META: json.dumps(meta, allow_nan=False)}, arrays=arrays)
