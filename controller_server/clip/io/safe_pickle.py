"""Pickles of plain data, read without running anything: numpy arrays, containers, joblib streams, torch tensors.

Python's own unpickler calls whatever a file names. This one knows a short list of names, puts functions of its own
behind each, and refuses every other by its name. torch and joblib are not needed.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import math
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import numpy as np

from controller_server.core.errors import AssistMimicError, ClipError

MOST_BYTES = 512 * 2**20
"""Largest file, packed or unpacked."""
_LARGEST_ARRAY = 64 * 2**20  # bytes; larger ones are meshes, which nobody here needs
_PACKERS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open, b"\x5d\x00\x00": lzma.open}
_TORCH_TYPES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "?",
}
_TORCH_MAGIC = 0x1950A86A20F9469CFC6C
_BROKEN = (
    *(pickle.UnpicklingError, EOFError, OSError, ValueError, TypeError, KeyError, IndexError, AttributeError),
    *(ImportError, MemoryError, OverflowError, RecursionError, UnicodeError, AssertionError, struct.error, zlib.error),
    *(lzma.LZMAError, zipfile.BadZipFile, NotImplementedError),
)


def load_pickle(path: Path) -> Any:
    """Return what a pickle, a joblib file, a `torch.save` file or an object `.npy` holds.

    Torch tensors come as arrays, arrays of more than 64 MB as None.

    Raises:
        AssistMimicError: it names something that could run code, is damaged, or is too large.
    """
    stat = path.stat()
    return _loaded(path, stat.st_mtime_ns, stat.st_size)


def forget() -> None:
    """Let go of what was loaded last."""
    _loaded.cache_clear()


@lru_cache(maxsize=2)
def _loaded(path: Path, _when: int, size: int) -> Any:
    if size > MOST_BYTES:
        raise ClipError(f"{path}: {size / 2**20:.0f} MB; more than {MOST_BYTES // 2**20} MB is not opened")
    try:
        content = path.read_bytes()
        if zipfile.is_zipfile(io.BytesIO(content)):
            return _torch_zip(path, content)
        if content.startswith(b"\x93NUMPY"):
            return _object_npy(path, content)
        return _Reader(_unpacked(path, content), path).load()
    except AssistMimicError:
        raise
    except _BROKEN as error:
        reason = " ".join(str(error).split())[:120]
        raise ClipError(f"{path}: not a readable pickle ({type(error).__name__}: {reason})") from None


def _unpacked(path: Path, content: bytes) -> IO[bytes]:
    """Return a file's bytes, unpacked where joblib packed them, never more than fit."""
    if content.startswith(b"\x04\x22\x4d\x18"):
        raise ClipError(f"{path}: packed with lz4; save it again without compression")
    if content[:1] == b"\x78":
        unpack = zlib.decompressobj()
        plain = unpack.decompress(content, MOST_BYTES)
        if unpack.unconsumed_tail:
            raise ClipError(f"{path}: more than {MOST_BYTES // 2**20} MB unpacked")
        return io.BytesIO(plain)
    for start, opened in _PACKERS.items():
        if content.startswith(start):
            with opened(io.BytesIO(content)) as packed:
                plain = packed.read(MOST_BYTES + 1)
            if len(plain) > MOST_BYTES:
                raise ClipError(f"{path}: more than {MOST_BYTES // 2**20} MB unpacked")
            return io.BytesIO(plain)
    return io.BytesIO(content)


def _object_npy(path: Path, content: bytes) -> Any:
    """Return the object of an `.npy` that holds one; an array of objects as it is."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if not dtype.hasobject:
        return np.load(io.BytesIO(content), allow_pickle=False)
    array = _Reader(file, path).load()
    if not isinstance(array, np.ndarray):
        raise ClipError(f"{path}: not a readable .npy of objects")
    return array.item() if array.size == 1 else array


class _Array:
    """Stands for joblib's `NumpyArrayWrapper`, behind which the array's bytes follow in the stream."""

    def read(self, reader: _Reader, state: Mapping[str, Any]) -> np.ndarray | None:
        dtype, shape = state["dtype"], tuple(int(n) for n in state["shape"])
        if not isinstance(dtype, np.dtype):
            raise ValueError("an array without a type")
        count = math.prod(shape)
        if dtype.hasobject:
            return _Reader(reader.file, reader.path).load()
        if state.get("numpy_array_alignment_bytes") is not None:
            reader.file.read(reader.file.read(1)[0])
        size = count * dtype.itemsize
        if min(shape, default=0) < 0 or size > MOST_BYTES:
            raise ValueError("an array larger than the file")
        content = reader.file.read(size)
        if size > _LARGEST_ARRAY:
            return None
        array = np.frombuffer(content, dtype=dtype, count=count)
        if state.get("order") == "F":
            return array.reshape(shape[::-1]).transpose()
        return array.reshape(shape)


class _Storage:
    """Stands for torch's storage classes."""

    def __init__(self, dtype: str) -> None:
        self.dtype = np.dtype(dtype)


class _Reader(pickle._Unpickler):  # pyright: ignore[reportAttributeAccessIssue]  # Python's own, written in Python
    """The restricted unpickler. The one written in C takes memory for memo numbers that a file may make up."""

    dispatch = dict(pickle._Unpickler.dispatch)  # pyright: ignore[reportAttributeAccessIssue]

    def __init__(self, file: IO[bytes], path: Path, storages: Callable[[Any], Any] | None = None) -> None:
        super().__init__(file, encoding="latin1")
        self.file, self.path, self.storages = file, path, storages

    def find_class(self, module: str, name: str) -> Any:
        module = module.replace("numpy._core", "numpy.core").replace("__builtin__", "builtins")
        known = _KNOWN.get((module, name))
        if known is not None:
            return known
        if module == "torch.storage" and name == "_load_from_bytes":
            return self._old_torch
        if module in ("torch", "torch.storage") and (name in _TORCH_TYPES or name == "UntypedStorage"):
            return _Storage(_TORCH_TYPES.get(name, "<u1"))
        raise ClipError(
            f"{self.path}: asks for {module}.{name}, which plain data has no need of and which could run code; not "
            "opened. Save arrays in an .npz instead"
        )

    def persistent_load(self, pid: Any) -> Any:
        if self.storages is None:
            raise pickle.UnpicklingError("an object from outside the file")
        return self.storages(pid)

    def load_build(self) -> None:
        """Give an object its content, by hand for each kind: no attribute is ever set as a file says."""
        stack = self.stack  # pyright: ignore[reportAttributeAccessIssue]
        state, top = stack.pop(), stack[-1]
        if isinstance(top, np.dtype):
            # The state's flags could hide that a type holds objects; byte order is all that is read of it.
            if state[1] == ">" or any(part is not None for part in state[2:5]):
                raise ValueError("arrays of structures or of swapped bytes are not read")
        elif isinstance(top, np.ndarray):
            _check_array_state(state)
            top.__setstate__(state)
        elif isinstance(top, _Array):
            stack[-1] = top.read(self, state)
        elif not isinstance(top, dict):  # an OrderedDict's attributes are of no use here
            raise ValueError(f"a state for {type(top).__name__}")

    dispatch[pickle.BUILD[0]] = load_build  # pyright: ignore[reportArgumentType]

    def _old_torch(self, content: bytes) -> np.ndarray:
        """Return the storage in the format `torch.save` had before its zip files."""
        file, found = io.BytesIO(content), {}
        if _Reader(file, self.path).load() != _TORCH_MAGIC:
            raise ValueError("not a torch storage")
        for _ in range(2):  # protocol version, byte order and sizes
            _Reader(file, self.path).load()

        def storage(pid: Any) -> _Late:
            kind, key = pid[1], pid[2]
            return found.setdefault(key, _Late(kind.dtype))

        whole = _Reader(file, self.path, storage).load()
        for key in _Reader(file, self.path).load():
            late = found[key]
            (count,) = struct.unpack("<q", file.read(8))
            if not 0 <= count * late.dtype.itemsize <= len(content):
                raise ValueError("a storage larger than the file")
            late.values = np.frombuffer(file.read(count * late.dtype.itemsize), dtype=late.dtype)
        return whole.values


class _Late:
    """A storage whose bytes come later in the file."""

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype, self.values = dtype, np.zeros(0, dtype)


def _check_array_state(state: Any) -> None:
    """Refuse an array's state whose parts do not fit: numpy trusts the length of a list of objects."""
    shape, dtype, raw = state[-4], state[-3], state[-1]
    if not isinstance(dtype, np.dtype) or dtype.fields is not None or not all(isinstance(n, int) for n in shape):
        raise ValueError("an array's content is damaged")
    count = math.prod(shape)
    if min(shape, default=0) < 0 or count * max(dtype.itemsize, 1) > MOST_BYTES:
        raise ValueError("an array larger than the file")
    fits = isinstance(raw, list) and len(raw) == count if dtype.hasobject else isinstance(raw, (bytes, bytearray, str))
    if not fits:
        raise ValueError("an array's content is damaged")


def _reconstruct(kind: Any, shape: Any, typecode: Any) -> np.ndarray:
    return np.ndarray((0,), np.dtype("u1"))


def _scalar(dtype: Any, content: Any = b"") -> Any:
    if not isinstance(dtype, np.dtype) or dtype.hasobject:
        raise ValueError("a number's type is damaged")
    content = content.encode("latin1") if isinstance(content, str) else content
    return np.frombuffer(content, dtype=dtype, count=1)[0]


def _frombuffer(content: Any, dtype: Any, shape: Any, order: Any, *_: Any) -> np.ndarray:
    return np.frombuffer(content, dtype=dtype).reshape(shape, order="F" if order == "F" else "C")


def _dtype(code: Any, *_: Any) -> np.dtype:
    if not isinstance(code, str):
        raise ValueError("an array's type is damaged")
    return np.dtype(code, copy=True)


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    return str(text).encode("latin1")


def _empty_bytes(*content: Any) -> bytes:
    if content:
        raise ValueError("bytes made of something else")
    return b""


def _dict(*_: Any) -> dict[Any, Any]:
    return {}


def _filled(pairs: Any = ()) -> dict[Any, Any]:
    return dict(pairs)


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> np.ndarray | None:
    """Return a tensor as an array after checking that it lies within its storage."""
    values = storage.values if isinstance(storage, _Late) else storage
    size, stride, offset = tuple(map(int, size)), tuple(map(int, stride)), int(offset)
    if min((*size, *stride, offset), default=0) < 0:
        raise ValueError("a tensor outside its storage")
    if 0 in size:
        return np.zeros(size, values.dtype)
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if last >= len(values) or math.prod(size) > MOST_BYTES:
        raise ValueError("a tensor outside its storage")
    strides = tuple(step * values.itemsize for step in stride)
    return np.lib.stride_tricks.as_strided(values[offset:], size, strides, writeable=False).copy()


def _parameter(data: Any, *_: Any) -> Any:
    return data


_KNOWN: Mapping[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy.core.numeric", "_frombuffer"): _frombuffer,
    ("numpy", "ndarray"): _dict,  # only ever handed to _reconstruct
    ("numpy", "dtype"): _dtype,
    ("_codecs", "encode"): _encode,
    ("collections", "OrderedDict"): _filled,
    ("collections", "defaultdict"): _dict,
    ("builtins", "dict"): _filled,
    ("builtins", "bytes"): _empty_bytes,
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): _Array,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch", "device"): _dict,
}


def _torch_zip(path: Path, content: bytes) -> Any:
    """Return what a `torch.save` file holds."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        if sum(entry.file_size for entry in entries.values()) > MOST_BYTES:
            raise ClipError(f"{path}: more than {MOST_BYTES // 2**20} MB unpacked")
        name = next((name for name in entries if name.split("/")[-1] == "data.pkl"), None)
        if name is None:
            raise ClipError(f"{path}: a zip archive, but neither .npz nor a file of torch")
        folder = name[: -len("data.pkl")]

        def storage(pid: Any) -> np.ndarray:
            _, kind, key, *_ = pid
            return np.frombuffer(archive.read(f"{folder}data/{key}"), dtype=kind.dtype)

        return _Reader(io.BytesIO(archive.read(name)), path, storage).load()
