# SPDX-License-Identifier: GPL-3.0-or-later
"""Channels a result keys and the original does not: what they were, to be put back when the original is played."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any


def read_channels(obj: Any, paths: Iterable[str]) -> dict[str, Any]:
    """Return data path to value, as plain numbers and lists of them."""
    found = {}
    for path in sorted(paths):
        owner, name, is_custom = _parts(path)
        value = obj.path_resolve(owner)[name] if is_custom else getattr(obj.path_resolve(owner), name)
        found[path] = value if isinstance(value, (int, float)) else list(value)
    return found


def write_channels(obj: Any, stills: Mapping[str, Any]) -> None:
    """Put values back; what is not there any more is left out."""
    for path, value in stills.items():
        owner, name, is_custom = _parts(path)
        with contextlib.suppress(ValueError, KeyError, AttributeError):
            if is_custom:
                obj.path_resolve(owner)[name] = value
            else:
                setattr(obj.path_resolve(owner), name, value)


def _parts(path: str) -> tuple[str, str, bool]:
    """Return whose channel it is, what it is called there, and whether it is a custom property."""
    is_custom = path.endswith('"]')
    owner, _, name = path[:-2].rpartition('["') if is_custom else path.rpartition(".")
    return owner, name, is_custom
