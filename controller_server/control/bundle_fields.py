"""Reading plain values with complaints that name the entry, for files that people edit."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

import numpy as np

from ..errors import AssistMimicError


def plain(value: Any) -> Any:
    """Numbers of numpy, tuples and enums as YAML's own kinds."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Enum):
        return value.value
    return value.item() if isinstance(value, np.generic) else value


def mapping(values: Any, where: str, names: tuple[str, ...] | None = None) -> dict[str, Any]:
    """Names and values; exactly these names where any are given. Raises AssistMimicError."""
    if not isinstance(values, Mapping):
        raise AssistMimicError(f"{where}: expected names and values, got {values!r}")
    for name in names or ():
        if name not in values:
            raise AssistMimicError(f"{where}: {name} is missing")
    for name in values:
        if names is not None and name not in names:
            raise AssistMimicError(f"{where}: there is no entry {name!r}")
    return {str(name): value for name, value in values.items()}


def text(value: Any, where: str) -> str:
    """A string. Raises AssistMimicError."""
    if not isinstance(value, str):
        raise AssistMimicError(f"{where}: expected text, got {value!r}")
    return value


def number(value: Any, where: str, *, whole: bool = False) -> float:
    """A finite number. Raises AssistMimicError."""
    fits = isinstance(value, int) or (isinstance(value, float) and not whole and np.isfinite(value))
    fits = fits and abs(value) < 2**63
    if isinstance(value, bool) or not fits:
        raise AssistMimicError(f"{where}: expected a {'whole ' if whole else ''}number, got {value!r}")
    return value
