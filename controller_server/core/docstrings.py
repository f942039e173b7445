"""Reading of a dataclass's docstring: its summary, and the meaning of each field."""

from __future__ import annotations

import inspect
import re
from typing import Any


def summary(kind: Any) -> str:
    """Return the first paragraph of a docstring as one line."""
    return " ".join((inspect.getdoc(kind) or "").split("\n\n", maxsplit=1)[0].split())


def description(kind: Any) -> str:
    """Return a docstring up to its first section, a line for each paragraph."""
    text = re.split(r"^(?:Attributes|Args|Returns|Raises):$", inspect.getdoc(kind) or "", maxsplit=1, flags=re.M)[0]
    return "\n\n".join(" ".join(part.split()) for part in text.strip().split("\n\n"))


def attribute_texts(kind: Any) -> dict[str, str]:
    """Return the meaning of each field by name: its entry under `Attributes:`, also in the classes it inherits from.

    Where Python runs without docstrings there are none.
    """
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        text = inspect.cleandoc(base.__dict__.get("__doc__") or "")
        section = re.search(r"^Attributes:\n((?:[ \n].*\n?)*)", text, re.M)
        entries = re.findall(r"^ {4}(\w+): ((?:.*)(?:\n {6,}.*)*)", section[1] if section else "", re.M)
        found.update({name: " ".join(meaning.split()) for name, meaning in entries})
    return found
