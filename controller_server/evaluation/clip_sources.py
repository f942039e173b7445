"""Clips as configurations and the command line name them: bundled, in a file, or in the folder ASSISTMIMIC_DATA."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from controller_server.clip.interaction import InteractionClip
from controller_server.clip.io.formats import read_clip
from controller_server.core.bundled import named_clip
from controller_server.core.errors import AssistMimicError

from .captured_clip import REAL_CLIP, load_real_clip

DATA = "data:"
"""Prefix of the name of a clip that lies in the folder ASSISTMIMIC_DATA."""


_NAMED = 3
"""Clips that a run is called after, at most."""


def clip_name(name: str) -> str:
    """Return what a clip is called: its file's name without folder and suffix."""
    return Path(name.split("+")[-1].removeprefix(DATA)).stem


def run_name(clips: Sequence[str]) -> str:
    """Return what a run, and its bundle, is called after the clips it learns: up to three of them by name."""
    names = list(dict.fromkeys(re.sub(r"[^A-Za-z0-9_.-]", "_", clip_name(clip)) for clip in clips))
    told = "-".join(names) if len(names) <= _NAMED else f"{names[0]}-and-{len(names) - 1}-more"
    return told.lstrip("_.-")[:80] or "run"


def read_source(name: str) -> InteractionClip:
    """Return the clip of one entry of `TrainConfig.clips`. Raises AssistMimicError."""
    if name == DATA + REAL_CLIP:
        return load_real_clip(data_folder()).clip
    return read_clip([find_file(part) for part in name.split("+")]).clip


def find_file(name: str) -> Path:
    """Return the path of a file that may lie in the folder of data, or of a clip that comes along.

    Raises AssistMimicError.
    """
    return data_folder() / name.removeprefix(DATA) if name.startswith(DATA) else named_clip(Path(name))


def data_folder() -> Path:
    """Return the folder of data that is not in the repository. Raises AssistMimicError."""
    folder = os.environ.get("ASSISTMIMIC_DATA")
    if not folder:
        raise AssistMimicError("training: set ASSISTMIMIC_DATA to the folder that holds the data")
    return Path(folder)
