"""`assistmimic convert`: files in, files out, a table of what came of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from ..clip.bvh_rig import OwnRigs
from ..clip.formats import ReadOptions, read_clip
from ..clip.write_options import WriteOptions
from ..errors import AssistMimicError
from ..settings import ConvertSettings
from . import EXIT_INTERRUPTED
from .outputs import check_clip_output, check_output, make_folder
from .progress import TerminalProgress

if TYPE_CHECKING:
    from ..result import Result

REPORT_SUFFIXES = (".html", ".htm")


def run_convert(
    files: Sequence[Path],
    settings: ConvertSettings,
    options: ReadOptions,
    report: Path | None,
    writing: WriteOptions | None = None,
) -> int:
    """Convert a clip. Everything that can be refused is refused before the simulation starts.

    Raises:
        AssistMimicError: bad input.
    """
    if not 2 <= len(files) <= 3:
        raise AssistMimicError(
            f"convert: expected IN OUT or SUPPORTER RECIPIENT OUT, got {len(files)} file name(s); "
            "the last one is written"
        )
    *inputs, out = files
    check_clip_output(out, inputs, writing)
    check_output(_partial(out), (".npz",), inputs=tuple(inputs))
    if report is not None:
        check_output(report, REPORT_SUFFIXES, inputs=tuple(inputs))
    read = read_clip(inputs, options)
    say = Console(stderr=True)
    for note in (*read.notes, *read.clip.warnings()):
        say.print(f"note: {note}", highlight=False, soft_wrap=True)

    # The engine is loaded only now: whoever mistyped a name should not wait for it.
    from ..convert import ConvertInterrupted, convert

    make_folder(out)
    try:
        with TerminalProgress(say) as progress:
            result = convert(read.clip, settings, on_progress=progress, notes=read.notes)
    except ConvertInterrupted as interrupted:
        return _keep_partial(out, interrupted.result, read.clip.n_frames)
    own = OwnRigs.read(inputs, options, read.clip) if writing is not None and writing.out_rig == "input" else None
    return _keep(result, out, report, writing, own)


def _keep(result: Result, out: Path, report: Path | None, writing: WriteOptions | None, own: OwnRigs | None) -> int:
    from ..result import write_result, write_result_report
    from .summary import print_summary

    written = write_result(out, result, writing, own)
    try:
        if report is not None:
            make_folder(report)
            write_result_report(report, result, title=out.stem)
            written.append(report)
        print_summary(result, written)
    except KeyboardInterrupt:
        print(f"assistmimic: interrupted; the result is in {out}, without its report", file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0


def _partial(out: Path) -> Path:
    return out.with_name(f"{out.stem}.partial.npz")


def _keep_partial(out: Path, result: Result, n_frames: int) -> int:
    """Write what was simulated before Ctrl-C beside where the whole would have gone."""
    from ..result import write_result

    partial = _partial(out)
    write_result(partial, result)
    done = result.simulated_clip.n_frames
    print(f"assistmimic: interrupted; the first {done} of {n_frames} frames are in {partial}", file=sys.stderr)
    return EXIT_INTERRUPTED
