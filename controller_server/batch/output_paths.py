"""Paths in OUT of the files of a clip."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from controller_server.clip.io.write_list import written_paths
from controller_server.core.errors import AssistMimicError

RESULTS, FAILURES, REPORTS, PICTURES = "results", "failures", "reports", "pictures"


@dataclass(frozen=True)
class Places:
    """The files of one clip.

    Attributes:
        out: The batch's folder.
        name: The clip's.
        write: How result files' names end.
    """

    out: Path
    name: str
    write: str

    def motion(self, *, good: bool) -> Path:
        """Return where a result, or the best motion of a failure, goes."""
        return self._below(RESULTS if good else FAILURES, self.write)

    @property
    def report(self) -> Path:
        """The report."""
        return self._below(REPORTS, ".html")

    @property
    def picture(self) -> Path:
        """The strip of small pictures."""
        return self._below(PICTURES, ".svg")

    def clear(self) -> None:
        """Remove what an earlier end left."""
        motions = [path for good in (True, False) for path in written_paths(self.motion(good=good))]
        for path in (*motions, self.report, self.picture):
            path.unlink(missing_ok=True)
        for good in (True, False):  # a format that is a folder
            folder = self.motion(good=good)
            if folder.is_dir() and not any(folder.iterdir()):
                with contextlib.suppress(OSError):
                    folder.rmdir()

    def relative(self, path: Path) -> str:
        """Return a path as the ledger and the index have it."""
        return path.relative_to(self.out).as_posix()

    def _below(self, kind: str, ending: str) -> Path:
        folder = self.out / kind
        path = folder / f"{self.name}{ending}"
        if ".." in Path(self.name).parts or not path.is_relative_to(folder):
            raise AssistMimicError(f"{self.name}: this name leads out of {folder}; rename the file")
        return path
