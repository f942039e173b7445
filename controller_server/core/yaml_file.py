"""Reading YAML that people write: never executing anything, with one line about what is wrong and where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from .errors import FileError

_UNREADABLE = (yaml.YAMLError, ValueError, KeyError, AttributeError, TypeError, OverflowError, RecursionError)
"""What `yaml.safe_load` raises: a date without such a day, `!!int abc` and `!!bool x` are no YAMLError."""


_SAFE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader in C, ten times as fast, where PyYAML was built with it."""


class _Loader(_SAFE):
    """The safe loader that refuses a name given twice, of which YAML's own keeps the last in silence."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """Return names and values. Raises ConstructorError at the second of two equal names."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    problem = f"{key.value!r} is given twice"
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """Return what a YAML file says, in plain values.

    Raises:
        AssistMimicError: the file is not there, cannot be read, or is not YAML; names the line.
    """
    try:
        if path.is_dir():
            raise FileError(f"{path}: cannot be read (is a folder)")
        if not path.is_file():
            raise FileError(f"{path}: cannot be read (no such file)")
        text = path.read_bytes()
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror or error})") from None
    return parse_yaml(text, str(path))


def parse_yaml(text: str | bytes, where: str) -> Any:
    """Return what YAML says, in plain values. Raises AssistMimicError, which begins with `where` and names the line."""
    try:
        return yaml.load(text, _Loader)
    except _UNREADABLE as error:
        mark = getattr(error, "problem_mark", None)
        # Where something is missing at the end, libyaml names the line after the last.
        last = text.rstrip().count("\n") if isinstance(text, str) else text.rstrip().count(b"\n")
        line = f", line {min(mark.line, last) + 1}" if mark else ""
        what = getattr(error, "problem", None) or " ".join(str(error).split())[:120]
        raise FileError(f"{where}{line}: not readable as YAML ({what})") from None
