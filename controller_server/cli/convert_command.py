"""`assistmimic convert`: files in, files out, a table of what came of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from controller_server.clip.io.bvh_rig import OwnRigs
from controller_server.clip.io.formats import ReadOptions, read_clip
from controller_server.clip.io.write_options import WriteOptions
from controller_server.core.errors import SettingsError
from controller_server.pipeline.settings import ConvertSettings
from controller_server.pipeline.time_left import FILE, PaceBook, kind_of
from controller_server.service.protocol.port_file import state_folder

from .convert_arguments import Convert
from .exit_codes import EXIT_INTERRUPTED
from .outputs import REPORT_SUFFIXES, check_clip_output, check_output, make_folder
from .progress import TerminalProgress
from .telling import Telling, result_object, title_of

if TYPE_CHECKING:
    from controller_server.pipeline.result import Result


def run_convert(arguments: Convert) -> int:
    """Convert the files a person named. Raises AssistMimicError."""
    return convert_files(
        arguments.files,
        arguments.settings,
        arguments.read,
        arguments.report,
        arguments.writing,
        arguments.telling,
    )


def convert_files(
    files: Sequence[Path],
    settings: ConvertSettings,
    options: ReadOptions,
    report: Path | None,
    writing: WriteOptions | None = None,
    telling: Telling | None = None,
) -> int:
    """Convert a clip. Everything that can be refused is refused before the simulation starts.

    Raises:
        AssistMimicError: bad input.
    """
    if not 2 <= len(files) <= 3:
        raise SettingsError(
            f"convert: expected IN OUT or SUPPORTER RECIPIENT OUT, got {len(files)} file name(s); "
            "the last one is written"
        )
    *inputs, out = files
    check_clip_output(out, inputs, writing)
    check_output(_partial(out), (".npz",), inputs=tuple(inputs))
    if report is not None:
        check_output(report, REPORT_SUFFIXES, inputs=tuple(inputs))
    read, telling = read_clip(inputs, options), telling or Telling()
    telling.notes((*read.notes, *read.clip.warnings()))

    # The engine is loaded only now: whoever mistyped a name should not wait for it.
    from controller_server.pipeline.convert import ConvertInterrupted, convert

    make_folder(out, quiet=telling.quiet)
    paces, kind = PaceBook(state_folder() / FILE), kind_of(settings.to_dict())
    clip = f"{title_of(inputs)} {read.clip.n_frames}"
    left = paces.time_left(read.clip.n_frames, time.monotonic(), kind, clip)
    try:
        with TerminalProgress(telling.console, left) as progress:
            result = convert(read.clip, settings, on_progress=progress, notes=read.notes)
        paces.add(kind, left.measured(time.monotonic()), clip)
    except ConvertInterrupted as interrupted:
        return _keep_partial(out, interrupted.result, read.clip.n_frames)
    own = OwnRigs.read(inputs, options, read.clip) if writing is not None and writing.out_rig == "input" else None
    return _keep(result, _Kept(out, report, title_of(inputs)), writing, own, telling)


@dataclass(frozen=True)
class _Kept:
    """Where a result goes, and what its report is called."""

    out: Path
    report: Path | None
    title: str


def _keep(result: Result, to: _Kept, writing: WriteOptions | None, own: OwnRigs | None, telling: Telling) -> int:
    from controller_server.pipeline.result import result_metadata, write_result, write_result_report

    from .summary import print_summary

    written = write_result(to.out, result, writing, own, title=to.title)
    try:
        if to.report is not None:
            make_folder(to.report, quiet=telling.quiet)
            write_result_report(to.report, result, title=to.title)
            written.append(to.report)
        if not telling.json and not telling.quiet:
            print_summary(result)
        telling.wrote(written)
        telling.object(result_object(result_metadata(result), result.scores.word, written, name=to.title))
    except KeyboardInterrupt:
        print(f"assistmimic: interrupted; the result is in {to.out}, without its report", file=sys.stderr)
        return EXIT_INTERRUPTED
    return telling.exit_code(result.scores.word)


def _partial(out: Path) -> Path:
    return out.with_name(f"{out.stem}.partial.npz")


def _keep_partial(out: Path, result: Result, n_frames: int) -> int:
    """Write what was simulated before Ctrl-C beside where the whole would have gone."""
    from controller_server.pipeline.result import write_result

    partial = _partial(out)
    write_result(partial, result)
    done = result.simulated_clip.n_frames
    print(f"assistmimic: interrupted; the first {done} of {n_frames} frames are in {partial}", file=sys.stderr)
    return EXIT_INTERRUPTED
