"""Arrays kept on disk by what they were made of, so that nothing that takes long is worked out twice.

A file is named by a hash of what its arrays were made of, the code that made them among it. It is written under
another name and renamed when it is whole, so any number of programs may read and write one folder; a file that is
damaged, or of something else, counts as not there and is written anew. Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import mujoco
import numpy as np

from .errors import AssistMimicError
from .fingerprint import files_sha256
from .npz_arrays import load_arrays
from .whole_file import replace_file

VARIABLE = "ASSISTMIMIC_CACHE"
"""Environment variable that names the folder, or says `OFF`."""
OFF = "off"
_CODE = ("body", "clip", "control", "core", "metrics", "physics", "prepare")
_KEPT_DAYS = 60
"""What nobody has read for that long goes when something else is written."""
_OF = "of"


def cache_folder(named: str | None = None) -> Path | None:
    """Return this user's folder for what can be made again, or None if nothing is to be kept.

    Args:
        named: A folder, or `OFF`; without it the environment variable counts, then the system's custom.
    """
    named = named or os.environ.get(VARIABLE)
    if named:
        return None if named == OFF else Path(named)
    home = Path.home()
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "assistmimic" / "cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "assistmimic"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "assistmimic"


@cache
def code_version() -> str:
    """Return what prepared clips and references depend on besides clip and settings: code and libraries, as a hash."""
    files = files_sha256([(f"controller_server/{folder}", ("*.py", "*.yaml", "*.json")) for folder in _CODE])
    return hashlib.sha256(f"{files} {mujoco.__version__} {np.__version__}".encode()).hexdigest()


class ArrayStore:
    """Named arrays in files of one folder.

    Args:
        folder: Made when something is kept; None keeps and finds nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._tidied = False

    def made(self, of: Mapping[str, Any], make: Callable[[], Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """Return arrays that are kept, or make and keep them.

        Args:
            of: What they are made of, plain values for JSON; `code_version` is added.
            make: Makes them.
        """
        found = self.find(of)
        if found is None:
            found = dict(make())
            self.keep(of, found)
        return found

    def find(self, of: Mapping[str, Any]) -> dict[str, np.ndarray] | None:
        """Return the arrays that were made of this, or None."""
        if self.folder is None:
            return None
        text = _text(of)
        path = self._path(text)
        try:
            arrays = load_arrays(path)
        except AssistMimicError:  # not there, or damaged
            return None
        if str(arrays.pop(_OF, "")) != text:
            return None
        with suppress(OSError):
            os.utime(path)  # for `_tidy`
        return arrays

    def keep(self, of: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        """Keep arrays; a folder that cannot be written to keeps nothing, and nothing else comes of it."""
        if self.folder is None:
            return
        text = _text(of)
        path, data = self._path(text), io.BytesIO()
        np.savez(data, **{_OF: np.array(text), **arrays})  # pyright: ignore[reportArgumentType]
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, data.getvalue())
            self._tidy()

    def _path(self, text: str) -> Path:
        assert self.folder is not None
        key = hashlib.sha256(text.encode()).hexdigest()
        return self.folder / key[:2] / f"{key[2:34]}.npz"

    def _tidy(self) -> None:
        """Remove what nobody reads any more: of older code, of clips that are gone."""
        if self._tidied or self.folder is None:
            return
        self._tidied = True
        oldest = time.time() - 86400 * _KEPT_DAYS
        for path in self.folder.glob("??/*"):
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()


def _text(of: Mapping[str, Any]) -> str:
    return json.dumps({**of, "code": code_version()}, sort_keys=True)
