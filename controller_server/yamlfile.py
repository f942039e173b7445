"""Reading YAML that people write: never executing anything, with one line about what is wrong and where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from .errors import AssistMimicError


def read_yaml(path: Path) -> Any:
    """What a YAML file says, in plain values.

    Raises:
        AssistMimicError: the file is not there, cannot be read, or is not YAML; names the line.
    """
    if not path.is_file():
        raise AssistMimicError(f"{path}: cannot be read (no such file)")
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AssistMimicError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        what = getattr(error, "problem", None) or " ".join(str(error).split())[:120]
        raise AssistMimicError(f"{path}{line}: not readable as YAML ({what})") from None
