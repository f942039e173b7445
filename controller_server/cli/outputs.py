"""Checks of output paths, made before the long work and not after it."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from controller_server.clip.io.bvh_rig import check_own_rigs
from controller_server.clip.io.write_list import ENDINGS, written_paths
from controller_server.clip.io.write_options import WriteOptions
from controller_server.core.errors import SettingsError

REPORT_SUFFIXES = (".html", ".htm")


def check_output(path: Path, suffixes: tuple[str, ...], *, inputs: tuple[Path, ...] = ()) -> None:
    """Make sure a file can be written once there is something to write; creates nothing that stays.

    Raises:
        AssistMimicError: wrong suffix, an input would be overwritten, or the folder cannot be written to.
    """
    if not path.name.lower().endswith(suffixes):
        what = repr(path.suffix) if path.suffix else "a file without suffix"
        raise SettingsError(f"{path}: cannot write {what}; use {_either(suffixes)}")
    if path.is_dir():
        raise SettingsError(f"{path}: is a folder; name a file in it")
    for given in inputs:
        if path.exists() and given.exists() and path.samefile(given):
            raise SettingsError(f"{path}: is also the input and would be overwritten; choose another name")
    folder = path.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SettingsError(
            f"{path}: cannot be written ({folder}: {error.strerror or error}); choose a folder you may write to"
        ) from None


def check_clip_output(out: Path, inputs: Sequence[Path], options: WriteOptions | None = None) -> None:
    """Make sure that the files a clip becomes can be written, and as was asked for. Raises AssistMimicError."""
    if not out.name.lower().endswith(".inter-x"):  # a folder, which may be there
        check_output(out, ENDINGS, inputs=tuple(inputs))
    for path in written_paths(out):
        check_output(path, (path.suffix.lower(),), inputs=tuple(inputs))
    if options is not None:
        options.check(out)
        if options.out_rig == "input":
            check_own_rigs(inputs)


def make_folder(path: Path, *, quiet: bool = False) -> None:
    """Create the folder of a file that is about to be written, and say so. Raises AssistMimicError."""
    if path.parent.is_dir():
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"{path}: its folder cannot be made ({error.strerror or error})") from None
    if not quiet:
        print(f"made the folder {path.parent}", file=sys.stderr)


def _either(suffixes: tuple[str, ...]) -> str:
    return " or ".join(suffixes)
