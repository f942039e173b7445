"""A first look at a file without reading it whole: its first bytes, the arrays in it and their shapes."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from controller_server.core.errors import ClipError
from controller_server.core.npz_arrays import UNREADABLE

from .npz import FORMAT

_HEAD = 4096


@dataclass(frozen=True)
class Peek:
    """A file from outside.

    Attributes:
        path: Where it is.
        suffix: In lower case, with its dot.
        magic: What its first bytes say: zip, npy, bvh, glb, fbx, hdf5, pickle, json, torch or "".
        arrays: Shapes of an `.npz` file's arrays, by name.
        shape: Of an `.npy` file's array; () for anything else.
        has_objects: Whether an `.npy` or `.npz` holds pickled objects.
        is_own: Whether it says that it is this project's clip.
        head: Its first bytes.
    """

    path: Path
    suffix: str
    magic: str
    arrays: dict[str, tuple[int, ...]] = field(default_factory=dict)
    shape: tuple[int, ...] = ()
    has_objects: bool = False
    is_own: bool = False
    head: bytes = b""


def peek(path: Path) -> Peek:
    """Look at a file. Raises AssistMimicError where it cannot be opened."""
    suffix = path.suffix.lower()
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise ClipError(f"{path}: cannot be read ({error.strerror or error})") from None
    magic = _magic(head, suffix)
    if magic == "npy":
        shape, objects = _npy_header(path)
        return Peek(path, suffix, magic, shape=shape, has_objects=objects, head=head)
    if magic == "zip":
        return _peek_zip(path, suffix, head)
    return Peek(path, suffix, magic, head=head)


def _magic(head: bytes, suffix: str) -> str:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    for start, name in (
        (b"PK\x03\x04", "zip"),
        (b"\x93NUMPY", "npy"),
        (b"glTF", "glb"),
        (b"Kaydara FBX Binary", "fbx"),
        (b"; FBX", "fbx"),
        (b"\x89HDF", "hdf5"),
        (b"\x80", "pickle"),
    ):
        if head.startswith(start):
            return name
    if text[:9].upper() == b"HIERARCHY" or head[:2] in (b"\xff\xfe", b"\xfe\xff") or suffix == ".bvh":
        return "bvh"
    if text.startswith((b"{", b"[")):
        return "json"
    return ""


def _npy_header(path: Path) -> tuple[tuple[int, ...], bool]:
    try:
        with path.open("rb") as file:
            return _header(file)
    except UNREADABLE:
        return (), False


def _header(file: object) -> tuple[tuple[int, ...], bool]:
    version = np.lib.format.read_magic(file)  # pyright: ignore[reportArgumentType]
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)  # pyright: ignore[reportArgumentType]
    return tuple(map(int, shape)), dtype.hasobject


def _peek_zip(path: Path, suffix: str, head: bytes) -> Peek:
    arrays: dict[str, tuple[int, ...]] = {}
    objects = is_own = False
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if any(name.endswith("/data.pkl") or name == "data.pkl" for name in names):
                return Peek(path, suffix, "torch", head=head)
            for name in names:
                if name.endswith(".npy"):
                    with archive.open(name) as file:
                        shape, has_objects = _header(file)
                    arrays[name[:-4]] = shape
                    objects = objects or has_objects
            if "format" in arrays and not objects:
                with np.load(path, allow_pickle=False) as loaded:
                    is_own = str(loaded["format"]) == FORMAT
    except UNREADABLE:
        pass
    return Peek(path, suffix, "zip", arrays, has_objects=objects, is_own=is_own, head=head)
