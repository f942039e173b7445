"""Numbers of settings within their bounds."""

from __future__ import annotations

from typing import Any

from .errors import AssistMimicError


def check_ranges(config: Any, where: str, **ranges: tuple[float, float]) -> None:
    """Make sure that numbers of a configuration are within their bounds. Raises AssistMimicError."""
    for name, (least, most) in ranges.items():
        value = getattr(config, name)
        if not least <= value <= most:
            entry = f"{where}.{name}" if where else name
            raise AssistMimicError(f"{entry}: {value:g} is outside {least:g}-{most:g}")
