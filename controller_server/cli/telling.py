"""Output of commands: tables for people, one JSON object for programs, or an exit code alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from .exit_codes import EXIT_SOME


@dataclass(frozen=True)
class Telling:
    """Settings of how the outcome is told.

    Attributes:
        json: Print one JSON object on stdout; everything else goes to stderr.
        quiet: Print nothing but errors, and with --json the object.
        strict: Exit with 3 where a result is no success.
    """

    json: bool = False
    quiet: bool = False
    strict: bool = False

    @property
    def console(self) -> Console:
        """The console for progress and remarks."""
        return Console(stderr=True, quiet=self.quiet)

    def notes(self, notes: Iterable[str]) -> None:
        """Say what reading found out."""
        for note in notes:
            self.console.print(f"note: {note}", highlight=False, soft_wrap=True, markup=False)

    def wrote(self, paths: Iterable[Path]) -> None:
        """Say what was written, beside the object where there is one."""
        if not self.quiet:
            for path in paths:
                print(f"wrote {path}", file=sys.stderr if self.json else sys.stdout)

    def lines(self, lines: Iterable[str]) -> None:
        """Print what people read."""
        if not self.quiet and not self.json:
            for line in lines:
                print(line)

    def object(self, values: Mapping[str, Any]) -> None:
        """Print the object, where one is wanted."""
        if self.json:
            print(json.dumps(values, indent=2, allow_nan=False))

    def exit_code(self, verdict: str) -> int:
        """Return the exit code of one result."""
        return EXIT_SOME if self.strict and verdict not in ("", "success") else 0


def result_object(meta: Mapping[str, Any], verdict: str, files: Sequence[Path], **more: Any) -> dict[str, Any]:
    """Return what programs are told of a result: its metadata (docs/results.md), the verdict and the files."""
    criteria = meta.get("scores", {}).get("criteria", ())
    faults = [criterion["sentence"] for criterion in criteria if not criterion["passed"]]
    return {**more, "verdict": verdict, "faults": faults, "files": [str(path) for path in files], **meta}


def title_of(inputs: Sequence[Path]) -> str:
    """Return what a clip is called after the files it is read from."""
    return " + ".join(path.stem for path in inputs)
