"""The code and the bundled policies as one hash, to tell results of different versions apart."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from .bundled import POLICIES

_ROOT = Path(__file__).resolve().parents[2]


_MADE_BY = (("controller_server", ("*.py", "*.yaml", "*.json")), (str(POLICIES), ("*",)))


def fingerprint() -> str:
    """Return what a row depends on besides its own settings: the code and the bundled policies, as one hash."""
    return files_sha256(_MADE_BY)[:16]


def files_sha256(made_by: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Return one hash of files: those of each folder, below the folder of this program, that match a pattern."""
    digest = hashlib.sha256()
    for folder, patterns in made_by:
        files = {path for pattern in patterns for path in (_ROOT / folder).rglob(pattern) if path.is_file()}
        for path in sorted(files):
            digest.update(str(path.relative_to(_ROOT)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
