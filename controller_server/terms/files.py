"""Files of terms of one's own: imported because the command line or the configuration names them, never by a bundle."""

from __future__ import annotations

import hashlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType

from controller_server.core.errors import TermError

TERMS_VARIABLE = "ASSISTMIMIC_TERMS"
"""Environment variable: files of terms, separated as in PATH; processes that are started here inherit it."""


@dataclass(frozen=True)
class TermFile:
    """A file of terms.

    Attributes:
        name: Without its folder.
        sha256: Of what is in it.
    """

    name: str
    sha256: str


_files: dict[Path, TermFile] = {}
_importing: list[TermFile] = []
_undo: list[Callable[[], object]] = []


class _Read(SourceFileLoader):
    """Runs the very bytes that were read, whose fingerprint a bundle keeps; without a compiled file beside them."""

    def __init__(self, name: str, path: Path, data: bytes) -> None:
        super().__init__(name, str(path))
        self._data = data

    def get_code(self, fullname: str) -> CodeType:
        """Return the code of the bytes."""
        return self.source_to_code(self._data, self.path)


def line_in(name: str, error: BaseException) -> str:
    """Return ":LINE" of a file of this name that was running when something failed, or nothing."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename).name == name]
    return f":{lines[-1]}" if lines else ""


def being_imported() -> TermFile | None:
    """Return the file whose terms are being added; None for those that come with this project."""
    return _importing[-1] if _importing else None


def undo_if_it_fails(undo: Callable[[], object]) -> None:
    """Take back what a file added, should it fail further down."""
    if _importing:
        _undo.append(undo)


def import_terms(path: Path) -> TermFile:
    """Run a file, whose decorators add its terms; once in each process.

    Raises:
        TermError: it cannot be read, or something in it fails.
    """
    path = path.expanduser().resolve()
    if path in _files:
        return _files[path]
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TermError(f"{path}: cannot be read ({error.strerror or error}); name a Python file") from None
    if path.suffix != ".py":
        raise TermError(f"{path}: is no Python file; name one that ends in .py")
    file = TermFile(path.name, hashlib.sha256(data).hexdigest())
    name = f"assistmimic_terms_{path.stem}_{file.sha256[:8]}"
    loader = _Read(name, path, data)
    spec = spec_from_file_location(name, path, loader=loader)
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    _files[path] = file
    _importing.append(file)
    added = len(_undo)
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del _files[path], sys.modules[name]
        for undo in _undo[added:]:
            undo()
        said = str(error) if isinstance(error, TermError) else f"{type(error).__name__}: {error}"
        raise TermError(f"{path}{line_in(path.name, error)}: {said}") from None
    finally:
        _importing.pop()
        del _undo[added:]
    return file


def use_terms(paths: Sequence[Path]) -> None:
    """Import files of terms, here and in every process that is started from here. Raises TermError."""
    for path in paths:
        import_terms(path)
    added = [str(path.expanduser().resolve()) for path in paths]
    kept = [entry for entry in _configured() if entry not in added]
    if added:
        os.environ[TERMS_VARIABLE] = os.pathsep.join([*kept, *added])


def import_configured() -> None:
    """Import the files that the environment variable names. Raises TermError."""
    if not _importing:
        for entry in _configured():
            import_terms(Path(entry))


def _configured() -> list[str]:
    return [entry for entry in os.environ.get(TERMS_VARIABLE, "").split(os.pathsep) if entry]
