"""The one place that knows which file formats a clip can be read from and written to.

A new format is a module of its own with a reading or writing function, and a line in `_READERS` or `_WRITERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..errors import AssistMimicError
from .body_model import with_body_model
from .bvh_clip import read_bvh_pair
from .bvh_write import write_bvh_pair
from .interaction import InteractionClip
from .joint_arrays import holds_joints, read_joint_arrays
from .npz import read_npz, write_npz
from .scene import jumps, stood_on_floor


@dataclass(frozen=True)
class ReadOptions:
    """What a file does not say, or says wrongly.

    Attributes:
        bvh_unit: Unit of a BVH or of joint positions (m, cm, mm, inch, cmu, or metres per unit) instead of judging by
            leg length.
        bvh_up: Their up axis (x, y or z) instead of judging by the rest pose.
        joint_map: YAML table of joint names, for rigs that are not known; see docs/formats.md.
        fps: Frame rate of joint positions that come without one.
        keep_height: Whether to leave a BVH's or joint positions' floor where it is, however far from z = 0.
        swap: Whether the recipient comes first in what is read.
        body_model: Folder with the licensed SMPL-X model files, to give people the proportions of their betas.
    """

    bvh_unit: str | None = None
    bvh_up: str | None = None
    joint_map: Path | None = None
    fps: float | None = None
    keep_height: bool = False
    swap: bool = False
    body_model: Path | None = None


@dataclass(frozen=True)
class ReadResult:
    """A clip and what was found out while reading it, for people to read."""

    clip: InteractionClip
    notes: tuple[str, ...] = ()


def read_clip(paths: Sequence[str | Path], options: ReadOptions | None = None) -> ReadResult:
    """Read a clip from one file, or from a supporter's and a recipient's.

    Raises:
        AssistMimicError: naming the file and how to mend it.
    """
    files, options = [Path(path) for path in paths], options or ReadOptions()
    for path in files:
        if not path.exists():
            raise AssistMimicError(f"{path}: no such file")
        if not path.is_file():
            raise AssistMimicError(f"{path}: not a file; name a clip")
    for is_mine, read in _READERS:
        if is_mine(files):
            clip, notes = read(files, options)
            break
    else:
        raise AssistMimicError(_unknown(files))
    if options.swap:
        clip = replace(
            clip,
            supporter=clip.recipient,
            recipient=clip.supporter,
            grips=None if clip.grips is None else clip.grips[:, ::-1],
        )
        notes = [_swapped(note) for note in notes]
    if options.body_model is not None:
        clip = with_body_model(clip, options.body_model)
    return ReadResult(clip, tuple(notes))


def _swapped(note: str) -> str:
    for role, other in (("supporter: ", "recipient: "), ("recipient: ", "supporter: ")):
        if note.startswith(role):
            return other + note[len(role) :]
    return note


def write_clip(path: str | Path, clip: InteractionClip, extra: Mapping[str, np.ndarray] | None = None) -> list[Path]:
    """Write a clip in the format its suffix names; `.bvh` makes one file for each person.

    Args:
        path: Where to.
        clip: What to write.
        extra: Further named arrays, for formats that can carry them (`.npz`).

    Returns:
        The files written.

    Raises:
        AssistMimicError: the suffix is unknown or the file cannot be written.
    """
    path = Path(path)
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise AssistMimicError(
            f"{path}: no format is called {path.suffix or 'nothing'!r}; use one of {', '.join(_WRITERS)}"
        )
    return write(path, clip, extra)


_Read = Callable[[Sequence[Path], ReadOptions], tuple[InteractionClip, list[str]]]
_Write = Callable[[Path, InteractionClip, Mapping[str, np.ndarray] | None], list[Path]]


def _suffixes(files: Sequence[Path]) -> list[str]:
    return [path.suffix.lower() for path in files]


def _is_joint_file(files: Sequence[Path]) -> bool:
    if _suffixes(files) == [".npz"]:
        return holds_joints(files[0])
    return _suffixes(files) == [".npy"]


def _read_joints(files: Sequence[Path], options: ReadOptions) -> tuple[InteractionClip, list[str]]:
    clip, notes = read_joint_arrays(
        files[0], fps=options.fps, unit=options.bvh_unit, up=options.bvh_up, joint_map=options.joint_map
    )
    return _looked_over(clip, notes, options)


def _read_own(files: Sequence[Path], options: ReadOptions) -> tuple[InteractionClip, list[str]]:
    return read_npz(files[0]), []


def _read_bvh(files: Sequence[Path], options: ReadOptions) -> tuple[InteractionClip, list[str]]:
    clip, notes = read_bvh_pair(
        files[0], files[1], unit=options.bvh_unit, up=options.bvh_up, joint_map=options.joint_map
    )
    return _looked_over(clip, notes, options)


def _looked_over(clip: InteractionClip, notes: list[str], options: ReadOptions) -> tuple[InteractionClip, list[str]]:
    """What is done to clips from files that say nothing about their floor."""
    notes = [*notes, *jumps(clip)]
    if options.keep_height:
        return clip, notes
    clip, moved = stood_on_floor(clip)
    return clip, [*notes, *moved]


_READERS: tuple[tuple[Callable[[Sequence[Path]], bool], _Read], ...] = (
    (_is_joint_file, _read_joints),
    (lambda files: _suffixes(files) == [".npz"], _read_own),
    (lambda files: _suffixes(files) == [".bvh", ".bvh"], _read_bvh),
)
"""Tried in turn: whether the files are of a format, and how to read them."""


def _write_own(path: Path, clip: InteractionClip, extra: Mapping[str, np.ndarray] | None) -> list[Path]:
    write_npz(path, clip, extra)
    return [path]


def _write_bvh(path: Path, clip: InteractionClip, extra: Mapping[str, np.ndarray] | None) -> list[Path]:
    return write_bvh_pair(path, clip)


_WRITERS: Mapping[str, _Write] = {".npz": _write_own, ".bvh": _write_bvh}


def _unknown(files: Sequence[Path]) -> str:
    names = ", ".join(map(str, files)) or "no file"
    if _suffixes(files) == [".bvh"]:
        return f"{names}: one person; a clip needs two, give SUPPORTER.bvh RECIPIENT.bvh"
    if len(files) == 2:
        return f"{names}: two files are read as a pair only when both are .bvh"
    return f"{names}: not a clip; what can be read: one .npz, one .npy of joint positions, or two .bvh"
