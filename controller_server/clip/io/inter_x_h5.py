"""Inter-X's processed files, `inter-x.h5` and its splits: many clips of 30 fps in one file. Needs h5py.

Layout: Inter-X `preprocess/1_prepare_data.py`: a data set (T, 56, 6) for each clip, both people side by side; 55
rotation vectors, then the translation. The shape is gone, and each person was grounded alone, so the floor is found
again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from controller_server.core.errors import AssistMimicError, ClipError

from .assemble import assemble
from .peek import Peek
from .read_options import Reading, ReadOptions
from .tracks import Content, SmplTrack, numbers

_LISTED = 8


def is_inter_x_h5(seen: Peek) -> bool:
    """Return whether a file is HDF5."""
    return seen.magic == "hdf5"


def read_inter_x_h5(files: Sequence[Path], options: ReadOptions) -> Reading:
    """Read one clip of a file, by its name where there are several. Raises AssistMimicError."""
    if len(files) != 1:
        raise ClipError(f"{', '.join(map(str, files))}: each of them holds both people; name one file")
    path = files[0]
    values = _clip(path, options.clip)
    order = ("reactor", "actor") if "regen" in path.stem.lower() else ("P1", "P2")
    tracks = []
    for person in range(2):
        part = values[:, :, 3 * person : 3 * person + 3]
        tracks.append(SmplTrack(part[:, 55], part[:, 0], part[:, 1:22], part[:, 25:40], part[:, 40:55]))
    content = Content(
        tuple(tracks),
        tuple(f"{path.name} {name}" for name in order),
        30.0,
        fps_assumed=True,
        up="y",
        source=f"Inter-X: {path.name}",
        notes=(
            "body shape: not in the file, neutral proportions were taken",
            "heights: each person was grounded alone, so one on a chair or on the other is too low",
        ),
    )
    return assemble(files, [content], options)


def clip_names(path: Path) -> list[str]:
    """Return the names of the clips in a file; none where it cannot be read, which reading it will say."""
    try:
        import h5py  # pyright: ignore[reportMissingImports, reportMissingTypeStubs]

        with h5py.File(path, "r") as file:
            return sorted(_datasets(file, h5py.Dataset))
    except (ImportError, OSError, ValueError, KeyError, RuntimeError, TypeError):
        return []


def _datasets(file: Any, kind: type) -> list[str]:
    """Return the names of the arrays at the top of an open file."""
    return [str(key) for key in file if isinstance(file[key], kind)]


def _clip(path: Path, name: str | None) -> np.ndarray:
    try:
        import h5py  # pyright: ignore[reportMissingImports, reportMissingTypeStubs]
    except ImportError:
        raise ClipError(f"{path}: HDF5 files need h5py: pip install h5py") from None
    try:
        with h5py.File(path, "r") as file:
            names = _datasets(file, h5py.Dataset)
            if name is None and len(names) == 1:
                name = names[0]
            if name not in names:
                told = ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
                wanted = f"no clip {name!r} in it" if name else f"{len(names)} clips in it"
                raise ClipError(f"{path}: {wanted} ({told}); say which with --clip NAME")
            found: Any = file[str(name)]
            if found.ndim != 3 or found.shape[1:] != (56, 6) or found.shape[0] > 100_000:
                raise ClipError(f"{path}: {name} must have shape (T, 56, 6), got {found.shape}")
            return numbers(str(path), str(name), np.asarray(found), (None, 56, 6))
    except AssistMimicError:
        raise
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        raise ClipError(f"{path}: not a readable HDF5 file ({error})") from None
