"""What a dataclass says of its fields, for those who offer them to people: option help and tooltips."""

from __future__ import annotations

import inspect
import re

_ENTRY = re.compile(r"^    (\w+): (.*(?:\n     +.*)*)", re.MULTILINE)


def attribute_texts(kind: type) -> dict[str, str]:
    """Return the text of each entry under "Attributes:" in a class's docstring, by its name, on one line each.

    Where Python runs without docstrings there are none.
    """
    _, _, entries = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    return {name: " ".join(text.split()) for name, text in _ENTRY.findall(entries)}
