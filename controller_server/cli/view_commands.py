"""`assistmimic demo`, `doctor` and `view`."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import webbrowser
from dataclasses import asdict
from pathlib import Path

from controller_server.clip.io.formats import read_clip
from controller_server.clip.io.read_options import ReadOptions
from controller_server.core.bundled import named_clip
from controller_server.core.errors import SettingsError
from controller_server.core.whole_file import replace_file

from .exit_codes import EXIT_NONE, EXIT_SOME
from .outputs import REPORT_SUFFIXES, check_output, make_folder
from .telling import title_of
from .view_arguments import Demo, Doctor, View


def run_demo(command: Demo) -> int:
    """Convert a clip that comes along and say where its report is. Raises AssistMimicError."""
    from controller_server.pipeline.settings import ConvertSettings

    from .convert_command import convert_files

    clip, report = named_clip(Path(command.clip)), command.out / "report.html"
    code = convert_files([clip, command.out / f"{clip.stem}.npz"], ConvertSettings(), ReadOptions(), report)
    if code in (0, EXIT_NONE):
        print(f"open {report} in a browser")
        if command.open:
            webbrowser.open(report.resolve().as_uri())
    return code


def run_doctor(command: Doctor) -> int:
    """Say what this installation is and can do; 3 where something is not well."""
    from .doctor import examine, plain

    found = examine()
    if command.json:
        print(json.dumps({name: [asdict(row) for row in rows] for name, rows in found.items()}, indent=2))
    else:
        print(plain(found))
    well = all(row.ok is not False for rows in found.values() for row in rows)
    return 0 if well else EXIT_SOME


def run_view(command: View) -> int:
    """Write the page that shows a clip, or the report that a result carries, and open it. Raises AssistMimicError."""
    if not 1 <= len(command.files) <= 2:
        raise SettingsError(
            f"view: expected one clip or the two files of a pair, got {len(command.files)} file name(s)"
        )
    files = [named_clip(path) for path in command.files]
    if command.out is not None:
        check_output(command.out, REPORT_SUFFIXES, inputs=tuple(files))
    read = read_clip(files, command.read)
    for note in (*read.notes, *read.clip.warnings()):
        print(f"note: {note}", file=sys.stderr)
    from controller_server.core.npz_arrays import load_arrays
    from controller_server.pipeline.viewer import page_of_file, render_viewer

    page = page_of_file(files[0]) if read.clip_is_own else None
    title, result = title_of(files), load_arrays(files[0]) if read.clip_is_own else None
    text = page or render_viewer(read.clip, title, notes=read.notes, result=result).encode()
    path = command.out or Path(tempfile.mkdtemp(prefix="assistmimic-")) / f"{title}.html"
    make_folder(path)
    try:
        replace_file(path, text)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written ({error.strerror or error})") from None
    print(path)
    if command.open and not _opened(path.resolve().as_uri() + ("" if page else "#view=single")):
        print("no browser was found; open the file yourself", file=sys.stderr)
    return 0


def _opened(address: str) -> bool:
    """Open a page; not in a browser for terminals, which cannot draw it and would stay in the foreground."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    return webbrowser.open(address)
