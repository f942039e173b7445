"""Arrays of several parts in one flat mapping: names have the part's as prefix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

Value = TypeVar("Value")


def under(values: Mapping[str, Value], prefix: str) -> dict[str, Value]:
    """Values whose names begin with a prefix, by the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}
