"""Pairing rules: the files of a folder that make a clip, one with both people or one for each person."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from controller_server.clip.roles import ROLE_WORD, name_without_role, order_by_names
from controller_server.core.errors import AssistMimicError, ClipError

from .format_list import Format, recognise
from .inter_x_h5 import clip_names

RULES = ("auto", "single", "folder", "order")
SUFFIXES = frozenset(
    (".npz", ".npy", ".bvh", ".glb", ".gltf", ".fbx", ".pkl", ".pt", ".pth", ".h5", ".hdf5", ".json", ".smpl", ".mcs")
)
"""Files with other names are no clips and are passed over."""
_BESIDE = ("interaction_order.pkl", "package.json")
_NUMBERED = re.compile(
    r"(?<![a-z0-9])(p|person|people|subject|subj|actor|character|char|track)[ _-]?(\d{1,2})(?!\d)", re.I
)
_LOOSE = re.compile(r"(?<![a-z0-9])([ab]|\d{1,2})$", re.I)


@dataclass(frozen=True)
class FoundClip:
    """A clip in a folder.

    Attributes:
        name: Its path below the folder without the file's ending, with `/`; no two clips are called the same.
        files: One, or one for each person.
        clip: Which one of a file that holds many.
    """

    name: str
    files: tuple[Path, ...]
    clip: str | None = None


def find_clips(source: Path, rule: str = "auto", *, leave_out: Path | None = None) -> list[FoundClip]:
    """Find the clips of a folder and of the folders in it, or the one file, in order of their names.

    Args:
        source: A folder, or a clip.
        rule: `auto` pairs files whose names differ in who it is alone (supporter and recipient, P1 and P2; A and B or
            1 and 2 where a file holds one person), and the two files of a folder; `single` takes each file for a clip;
            `folder` takes the two files of each folder; `order` takes the files of a folder two by two, by name. Else
            a regular expression whose group matches who it is, as `_([AB])$`: names that are the same without are one
            clip.
        leave_out: A folder in it that is not looked through.

    Raises:
        AssistMimicError: there is no such folder, no clip in it, or the rule cannot be understood.
    """
    pair = _rule(rule)
    if source.is_file():
        return _named(source.parent, [(source,)])
    if not source.is_dir():
        raise ClipError(f"{source}: no such folder")
    groups: list[tuple[Path, ...]] = []
    for folder, inside, names in os.walk(source):
        here = Path(folder)
        inside[:] = sorted(name for name in inside if name[0] != "." and here / name != leave_out)
        files = [here / name for name in sorted(names) if _may_be_clip(name)]
        groups += pair(files)
    if not groups:
        raise ClipError(f"{source}: no clip in it; `assistmimic formats` lists what can be read")
    return _named(source, groups)


def _may_be_clip(name: str) -> bool:
    return name[0] != "." and name.lower() not in _BESIDE and Path(name).suffix.lower() in SUFFIXES


Pair = Callable[[Sequence[Path]], list[tuple[Path, ...]]]


def _rule(rule: str) -> Pair:
    known: dict[str, Pair] = {
        "auto": _by_names,
        "single": lambda files: [(path,) for path in files],
        "folder": lambda files: [tuple(files)] if len(files) == 2 else [(path,) for path in files],
        "order": lambda files: [tuple(files[k : k + 2]) for k in range(0, len(files), 2)],
    }
    if rule in known:
        return known[rule]
    try:
        pattern = re.compile(rule)
    except re.error as error:
        raise ClipError(f"--pair {rule}: not a regular expression ({error}); or one of {', '.join(RULES)}") from None
    if pattern.groups != 1:
        raise ClipError(
            f"--pair {rule}: expected one of {', '.join(RULES)}, or a regular expression with one group around what "
            "tells the two people apart, as '_([AB])$'"
        )
    return lambda files: _by_pattern(files, pattern)


def _by_pattern(files: Sequence[Path], pattern: re.Pattern[str]) -> list[tuple[Path, ...]]:
    """Pair names that are the same without what the pattern's group matches."""

    def key(path: Path) -> str | None:
        match = pattern.search(path.stem)
        return None if match is None else path.stem[: match.start(1)] + "\0" + path.stem[match.end(1) :] + path.suffix

    return _paired(files, key, lambda pair: True)


def _paired(
    files: Iterable[Path], key: Callable[[Path], str | None], fits: Callable[[tuple[Path, ...]], bool]
) -> list[tuple[Path, ...]]:
    """Pair files of one key where exactly two have it and they fit; all others stay alone."""
    groups: dict[str, list[Path]] = defaultdict(list)
    for path in files:
        groups[key(path) or f"\0{path}"].append(path)
    found: list[tuple[Path, ...]] = []
    for group in groups.values():
        pair = _in_order(group)
        two = len({path.name.lower() for path in pair}) == len(pair) == 2
        found += [pair] if two and fits(pair) else [(path,) for path in group]
    return sorted(found)


def _in_order(files: Sequence[Path]) -> tuple[Path, ...]:
    """Return who helps first where names tell, else by name."""
    if len(files) == 2 and order_by_names(files[0].stem, files[1].stem):
        return files[1], files[0]
    return tuple(files)


def _by_names(files: Sequence[Path]) -> list[tuple[Path, ...]]:
    sure = _paired(files, _sure_key, lambda pair: not _holds_both(pair))
    rest = [files[0] for files in sure if len(files) == 1]
    loose = _paired(rest, _loose_key, _hold_one_each)
    found = [pair for pair in sure if len(pair) == 2] + loose
    if len(found) == 2 and len(files) == 2 and files[0].suffix.lower() == files[1].suffix.lower():
        both = _in_order(files)
        found = [both] if _hold_one_each(both) else found
    return sorted(found)


def _sure_key(path: Path) -> str | None:
    """Return a file's name without the words that say who it is; None where there are none."""
    stem = path.stem.lower()
    name = _NUMBERED.sub("\0", stem) if _NUMBERED.search(stem) else name_without_role(stem)
    return None if name is None else name + path.suffix.lower()


def _loose_key(path: Path) -> str | None:
    """Return a file's name without its last letter or number, which may say who it is; None without one."""
    name = _without_last(path.stem)
    return None if name is None else name.lower() + path.suffix.lower()


def _without_last(stem: str) -> str | None:
    found = _LOOSE.search(stem)
    return None if found is None else stem[: found.start()] + "\0"


def _format(path: Path) -> Format | None:
    """Return what a file is; None for a damaged one, which is told when it is read."""
    try:
        return recognise(path)
    except AssistMimicError:
        return None


def _holds_both(files: Sequence[Path]) -> bool:
    """Return whether one of the files is of a format that always holds two people."""
    return any(form is not None and form.people == 2 for form in map(_format, files))


def _hold_one_each(files: Sequence[Path]) -> bool:
    """Return whether files are of one format that always holds one person; one of them may be damaged."""
    forms = [form for form in map(_format, files) if form is not None]
    return bool(forms) and all(form.people == 1 and form.name == forms[0].name for form in forms)


def _named(source: Path, groups: Iterable[tuple[Path, ...]]) -> list[FoundClip]:
    """Give every clip a name of its own, on disks too that do not tell a from A.

    Where two would have the same they are called by their whole file names, then numbered.
    """
    found = [clip for files in groups for clip in _clips_of(source, files)]
    times = Counter(clip.name.casefold() for clip in found)
    found = [replace(c, name=_whole_name(source, c)) if times[c.name.casefold()] > 1 else c for c in found]
    taken: set[str] = set()
    named = []
    for clip in sorted(found, key=lambda clip: (clip.name, clip.files, clip.clip or "")):
        name, number = clip.name, 1
        while name.casefold() in taken:
            number += 1
            name = f"{clip.name}_{number}"
        taken.add(name.casefold())
        named.append(replace(clip, name=name))
    return named


def _clips_of(source: Path, files: tuple[Path, ...]) -> list[FoundClip]:
    """Return the one clip of files, or all clips of a file that holds many."""
    name = _name(source, files)
    if len(files) == 1 and files[0].suffix.lower() in (".h5", ".hdf5"):
        inside = clip_names(files[0])
        if len(inside) > 1:
            return [FoundClip(f"{name}/{_plain(clip)}", files, clip) for clip in inside]
    return [FoundClip(name, files)]


def _name(source: Path, files: tuple[Path, ...]) -> str:
    folder = PurePosixPath(files[0].parent.relative_to(source).as_posix())
    stem = files[0].stem if len(files) == 1 else _shared_name(files[0].stem, files[1].stem)
    if not stem:  # P1.npz and P2.npz
        return str(folder) if folder.name else _plain(source.resolve().name)
    return str(folder / stem)


def _shared_name(first: str, second: str) -> str:
    """Return what two people's files are called without what tells them apart; empty where nothing is left."""
    for strip in (_without_words, lambda stem: _without_last(stem) or stem):
        if strip(first).lower() == strip(second).lower():
            return _tidy(strip(first))
    return _tidy(re.sub(r"[^ _\-.]*$", "", os.path.commonprefix([first, second])))  # whole words alone


def _without_words(stem: str) -> str:
    return _NUMBERED.sub("", ROLE_WORD.sub("", stem) if not _NUMBERED.search(stem) else stem)


def _tidy(name: str) -> str:
    return re.sub(r"[ _\-.\0]{2,}", "_", name).strip(" _-.\0")


def _whole_name(source: Path, clip: FoundClip) -> str:
    folder = PurePosixPath(clip.files[0].parent.relative_to(source).as_posix())
    inside = f"_{_plain(clip.clip)}" if clip.clip else ""
    return str(folder / ("+".join(path.name.replace(".", "_") for path in clip.files) + inside))


def _plain(name: str) -> str:
    """Return a name of a clip inside a file as part of a file's name: it leads nowhere else."""
    return re.sub(r"[^\w.\-]+", "_", name).strip(".") or "clip"
