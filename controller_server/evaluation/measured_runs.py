"""Runs that an evaluation has measured so far, a line of JSON each, so that one that was cut off goes on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from controller_server.clip.interaction import InteractionClip
from controller_server.clip.io.npz import clip_sha256
from controller_server.control.policy.bundle import PolicyBundle
from controller_server.core.errors import AssistMimicError

Record = dict[str, Any]
"""A run: its `key`, its rows, and the numbers of each trial that comparisons need."""


def key_of(bundle: PolicyBundle, clip: InteractionClip, asked: Mapping[str, Any]) -> str:
    """Return what tells runs apart: the same policy on the same clip under the same conditions has the same key."""
    digest = hashlib.sha256(clip_sha256(clip).encode())
    card = bundle.card.to_dict()
    card.pop("scores", None)  # `--save` writes them; they change nothing
    digest.update(json.dumps([card, asked], sort_keys=True, default=str).encode())
    for name, arrays in sorted(bundle.parameters.items()):
        for part, array in sorted(arrays.items()):
            digest.update(f"{name} {part} {array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


class KeptRuns:
    """Runs by key, on disk where there is a file.

    Args:
        path: Where lines are added; None keeps nothing beyond this process.

    Raises:
        AssistMimicError: the file cannot be read.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path, self._runs = path, {}
        if path is None or not path.exists():
            return
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError as error:
            raise AssistMimicError(f"{path}: cannot be read ({error.strerror or error})") from None
        for line in lines:
            with suppress(ValueError, KeyError, TypeError):  # the last one, of a process that was killed while it wrote
                record = json.loads(line)
                self._runs[record["key"]] = record

    def get(self, key: str) -> Record | None:
        """Return a run that was made before, or None."""
        return self._runs.get(key)

    def add(self, record: Record) -> Record:
        """Keep a run; it is on the disk when this returns it, as it will be read back. Raises AssistMimicError."""
        text = json.dumps(record)
        kept = self._runs[record["key"]] = json.loads(text)
        if self._path is None:
            return kept
        try:
            with self._path.open("a+b") as file:
                if file.tell() and not _ends_a_line(self._path):
                    file.write(b"\n")
                file.write(text.encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise AssistMimicError(f"{self._path}: cannot be written ({error.strerror or error})") from None
        return kept

    def forget(self) -> None:
        """Remove the file: the whole is written elsewhere."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
