"""Arrays in an `.npz`, read without ever unpickling."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np

from .errors import FileError

UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, tokenize.TokenError, SyntaxError, NotImplementedError, struct.error),
    *(EOFError, OSError, AttributeError, TypeError, ValueError, KeyError, MemoryError, SystemError),
)
"""What `numpy.load` was seen to raise, or may raise, on a damaged file."""


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return all arrays of an `.npz`, without ever unpickling. Raises AssistMimicError."""
    if not path.is_file():
        raise FileError(f"{path}: no such file")
    if not zipfile.is_zipfile(path):  # numpy would take anything else for a pickle
        raise FileError(f"{path}: not a readable .npz file (no zip archive); export it again")
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        for name, array in arrays.items():
            if array.dtype.kind == "U" and array.size and int(_code_points(array).max(initial=0)) > 0x10FFFF:
                raise ValueError(f"array {name!r} holds text that is none")
        return arrays
    except ValueError as error:
        if "pickle" in str(error).lower() or "object" in str(error).lower():
            raise FileError(
                f"{path}: holds pickled objects, which can run code and are never opened; save plain arrays instead"
            ) from None
        raise FileError(f"{path}: not a readable .npz file ({error})") from None
    except UNREADABLE as error:
        raise FileError(f"{path}: not a readable .npz file ({error})") from None


def _code_points(array: np.ndarray) -> np.ndarray:
    return np.frombuffer(array.tobytes(), ">u4" if array.dtype.byteorder == ">" else "<u4")
