"""Motions of people by themselves, by kind, with the hash of each file: which are learned, which only tried."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from controller_server.core.errors import AssistMimicError
from controller_server.core.validation import build
from controller_server.core.yaml_file import read_yaml

from .clip_sources import find_file


@dataclass(frozen=True)
class SinglePersonMotion:
    """One person's motion.

    Attributes:
        kind: What the person does: walk, bend, ...
        motion: A motion as `single_person.strangers` takes it.
        split: "train", or "held_out" for what no policy may learn from.
        sha256: Of the file.
    """

    kind: str
    motion: str
    split: Literal["train", "held_out"]
    sha256: str

    @property
    def name(self) -> str:
        """The file's name without folder and suffix, and the role if one of two people is meant."""
        file, _, role = self.motion.partition("@")
        return f"{Path(file).stem} {role}".strip()


def single_person_motions(file: Path, *, kinds: Sequence[str] = ()) -> list[SinglePersonMotion]:
    """Return the motions of a set, whose files have to be the ones it was made with.

    Args:
        file: YAML, a list of `SinglePersonMotion`.
        kinds: Which are wanted; all by default.

    Raises:
        AssistMimicError: the set cannot be read, a file is missing or another one, or there is no such kind.
    """
    values = read_yaml(file)
    if not isinstance(values, list):
        raise AssistMimicError(f"{file}: expected a list of motions")
    motions = [build(SinglePersonMotion, entry, str(file)) for entry in values]
    missing = set(kinds) - {motion.kind for motion in motions}
    if missing:
        there = ", ".join(dict.fromkeys(motion.kind for motion in motions))
        raise AssistMimicError(f"{file}: no motion of kind {', '.join(sorted(missing))}; there are {there}")
    chosen = [motion for motion in motions if not kinds or motion.kind in kinds]
    for motion in chosen:
        if _sha256(motion.motion) != motion.sha256:
            raise AssistMimicError(f"{motion.motion}: is not the file that {file} names (its SHA-256 differs)")
    return chosen


def _sha256(motion: str) -> str:
    path = find_file(motion.partition("@")[0])
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise AssistMimicError(f"{path}: cannot be read ({error.strerror or error})") from None
