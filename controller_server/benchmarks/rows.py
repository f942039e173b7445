"""Rows of a long benchmark, kept as they are made, so that a run that was cut off goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from controller_server.core.errors import AssistMimicError


class KeptRows:
    """A file of rows, one JSON object a line; a row is found again by what made it.

    Args:
        path: The file; it is made if it is not there. None keeps nothing.
        common: What all rows of this run have in common and a found row must have too.

    Raises:
        AssistMimicError: the file cannot be read or written, or holds something else.
    """

    def __init__(self, path: Path | None, common: Mapping[str, Any]) -> None:
        self.path, self._common = path, dict(common)
        self._rows: dict[str, dict[str, Any]] = {}
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            text = path.read_text(encoding="utf-8") if path.exists() else ""
            whole = text[: text.rfind("\n") + 1]
            if whole != text:  # cut off in the middle of a row
                path.write_text(whole, encoding="utf-8")
            path.open("a", encoding="utf-8").close()
        except OSError as error:
            raise AssistMimicError(f"{path}: rows cannot be kept there ({error.strerror or error})") from None
        try:
            entries = [json.loads(line) for line in whole.splitlines()]
            self._rows = {_key(entry["of"]): entry["row"] for entry in entries}
        except (ValueError, KeyError, TypeError):
            raise AssistMimicError(
                f"{path}: holds something else than rows of a benchmark; name another folder or delete the file"
            ) from None

    def find(self, of: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the row that was made of this before, or None."""
        return self._rows.get(_key({**self._common, **of}))

    def add(self, of: Mapping[str, Any], row: Mapping[str, Any]) -> None:
        """Keep a row. Raises AssistMimicError when the file cannot be written."""
        entry = {"of": {**self._common, **of}, "row": dict(row)}
        self._rows[_key(entry["of"])] = entry["row"]
        if self.path is None:
            return
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry, allow_nan=False) + "\n")
        except OSError as error:
            raise AssistMimicError(f"{self.path}: a row could not be written ({error.strerror or error})") from None


def _key(of: Any) -> str:
    return json.dumps(of, sort_keys=True)
