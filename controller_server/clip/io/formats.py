"""The one place that knows which file formats a clip can be read from and written to.

A new format is a module of its own with a reading or writing function, and an entry in `format_list` or `write_list`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from controller_server.clip.checks.plausibility import Finding, examine
from controller_server.clip.checks.scene import jumps, off_floor, stood_on_floor
from controller_server.clip.fit.body_model import with_body_model
from controller_server.clip.furniture import furnished
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.roles import check_supporter, order_by_motion, order_by_names
from controller_server.core.bundled import bundled_clips, named_clip
from controller_server.core.errors import ClipError

from .format_list import FORMATS, find_format, unknown
from .read_options import Reading, ReadOptions, refuse_idle
from .safe_pickle import forget
from .write_list import ENDINGS, write_clip, written_paths

__all__ = ["ENDINGS", "FORMATS", "ReadOptions", "ReadResult", "read_clip", "write_clip", "written_paths"]
_MISPLACED = 0.005  # m a floor may be off in formats that do not count heights from it


@dataclass(frozen=True)
class ReadResult:
    """A clip and what was found out while reading it, for people to read.

    Attributes:
        clip: Two people.
        notes: What was found out and assumed.
        clip_is_own: Whether it comes from this project's own file, which may be a result.
    """

    clip: InteractionClip
    notes: tuple[str, ...] = ()
    clip_is_own: bool = False


def read_clip(paths: Sequence[str | Path], options: ReadOptions | None = None) -> ReadResult:
    """Read a clip from one file or folder, or from one file for each person; an example clip by its name.

    Raises:
        AssistMimicError: naming the file and how to mend it.
    """
    files, options = [named_clip(Path(path)) for path in paths], options or ReadOptions()
    check_supporter(options.supporter, swap=options.swap)
    for path in files:
        if not path.exists():
            names = "" if path.suffix or len(path.parts) != 1 else f"; clips by name: {', '.join(bundled_clips())}"
            raise ClipError(f"{path}: no such file{names}")
    try:
        # Numbers beyond all bounds are refused where they matter; numpy need not complain about them as well.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return _read(_in_folder(files), options)
    finally:
        forget()


def _read(files: Sequence[Path], options: ReadOptions) -> ReadResult:
    where = ", ".join(map(str, files)) or "no file"
    form = find_format(files, options.format)
    if form is None:
        raise ClipError(unknown(files))
    refuse_idle(options, form.options, where, form.title)
    reading = form.read(files, options)
    clip, notes = _with_roles(reading, options)
    if options.body_model is not None:
        clip = with_body_model(clip, options.body_model)
    clip, moved = _on_floor(clip, reading.floor_known, options, form.own)
    clip, put = furnished(clip, options.seat, options.box)
    notes = [*notes, *jumps(clip), *moved, *put, *(() if form.own else off_floor(clip))]
    found = _judged(where, [*reading.findings, *examine(clip)], options)
    return ReadResult(clip, (*notes, *found), form.own)


def _in_folder(files: Sequence[Path]) -> list[Path]:
    """Return the two files of a folder with one for each person, by name; files as they are."""
    if len(files) != 1 or not files[0].is_dir():
        for path in files:
            if not path.is_file():
                raise ClipError(f"{path}: not a file; name a clip")
        return list(files)
    inside = [path for path in sorted(files[0].iterdir()) if path.is_file() and path.name[0] != "."]
    by_suffix: dict[str, list[Path]] = {}
    for path in inside:
        by_suffix.setdefault(path.suffix.lower(), []).append(path)
    pairs = [found for found in by_suffix.values() if len(found) == 2]
    if len(pairs) == 1:
        return pairs[0]
    if len(inside) == 1:
        return inside
    raise ClipError(
        f"{files[0]}: a folder with {len(inside)} files; a clip is one with two files of one kind, one for each "
        "person (P1 and P2): name the two files"
    )


def _with_roles(reading: Reading, options: ReadOptions) -> tuple[InteractionClip, list[str]]:
    """Return the clip with the supporter first, and notes that say who became who where that was found out."""
    notes, second = list(reading.notes), False
    if options.supporter is not None or options.swap:
        second = options.swap or options.supporter == 2
    elif reading.order is not None:
        by_names = order_by_names(*reading.order)
        if by_names is None and not reading.ordered:
            second, note = order_by_motion(reading.clip)
            notes.append(note)
        elif by_names is not None:
            second = by_names
            notes += _told_by_names(reading.order, second=second) if second or not reading.ordered else []
    if second:
        return _exchange(reading.clip), [_swapped(note) for note in notes]
    return reading.clip, notes


def _told_by_names(order: tuple[str, str], *, second: bool) -> list[str]:
    supporter, recipient = (order[1], order[0]) if second else order
    return [f"roles: {supporter} helps {recipient}, by their names (--supporter or --swap say otherwise)"]


def _exchange(clip: InteractionClip) -> InteractionClip:
    grips = None if clip.grips is None else clip.grips[:, ::-1]
    return replace(clip, supporter=clip.recipient, recipient=clip.supporter, grips=grips)


def _swapped(note: str) -> str:
    for role, other in (("supporter: ", "recipient: "), ("recipient: ", "supporter: ")):
        if note.startswith(role):
            return other + note[len(role) :]
    return note


def _on_floor(
    clip: InteractionClip, floor_known: bool, options: ReadOptions, own: bool
) -> tuple[InteractionClip, list[str]]:
    if own or options.keep_height:
        return clip, []
    return stood_on_floor(clip) if floor_known else stood_on_floor(clip, _MISPLACED)


def _judged(where: str, findings: Sequence[Finding], options: ReadOptions) -> list[str]:
    """Return what is odd as notes. Raises AssistMimicError for what is impossible, unless it is accepted."""
    impossible = [finding.text for finding in findings if finding.impossible]
    if impossible and not options.accept:
        raise ClipError(f"{where}: {'; '.join(impossible)} (--accept reads it all the same)")
    return [finding.text for finding in findings]
