"""Data sets behind clips: their licence, and whom to thank. Told by where a file lies, not by what it is called."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from controller_server.core.validation import build
from controller_server.core.yaml_file import read_yaml

from .clip_sources import DATA, find_file

FILE = "data_set.yaml"
"""The file in which a folder of clips describes itself."""
_KNOWN = Path(__file__).with_name("data_sets.yaml")


@dataclass(frozen=True)
class DataSet:
    """Source of motion.

    Attributes:
        name: As people call it.
        licence: What may be done with it.
        acknowledgements: Whom to thank and what to cite; empty if nobody.
        folders: Names of folders that hold it.
    """

    name: str
    licence: str = ""
    acknowledgements: str = ""
    folders: tuple[str, ...] = ()


def data_set_of(file: str) -> DataSet | None:
    """Return the data set a clip's file is from, if any.

    Args:
        file: As an entry of `TrainConfig.clips` names it.

    Raises:
        AssistMimicError: the folder's own `data_set.yaml` cannot be read.
    """
    parts = Path(file.removeprefix(DATA)).parts
    for values in read_yaml(_KNOWN):
        known = build(DataSet, values, str(_KNOWN))
        if set(parts) & set(known.folders):
            return known
    own = find_file(file).parent / FILE
    return build(DataSet, read_yaml(own), str(own)) if own.exists() else None


def acknowledgements(clips: Iterable[str]) -> str:
    """Return whom clips owe thanks, each once. Raises AssistMimicError as `data_set_of`."""
    files = [part.partition("@")[0] for entry in clips for part in entry.split("+")]
    found = [data_set_of(file) for file in files]
    return " ".join(dict.fromkeys(one.acknowledgements for one in found if one is not None and one.acknowledgements))
