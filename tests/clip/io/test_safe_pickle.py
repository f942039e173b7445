"""Pickles are read as plain data: whatever could run code is refused by name, whatever is damaged with one sentence."""

from __future__ import annotations

import collections
import gzip
import io
import os
import pickle
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from controller_server.clip.io.formats import read_clip
from controller_server.clip.io.safe_pickle import forget, load_pickle
from controller_server.core.errors import AssistMimicError

PLAIN = {
    "floats": np.arange(6.0).reshape(2, 3),
    "columns first": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "text": np.array(["left", "right"]),
    "scalar": np.float32(3),
    "objects": np.array([{"a": 1}, None], dtype=object),
    "ordered": collections.OrderedDict(a=1),
    "default": collections.defaultdict(dict, {1: {"b": np.zeros((2, 0))}}),
    "plain": [1, (2.5, "x"), {"y": None}, True, b""],
}


def write(folder: Path, content: bytes, name: str = "in.pkl") -> Path:
    """A file with these bytes, never seen before."""
    forget()
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_data(protocol, tmp_path):
    """Read arrays and containers of every protocol."""
    found = load_pickle(write(tmp_path, pickle.dumps(PLAIN, protocol=protocol)))
    assert list(found) == list(PLAIN)
    for name in ("floats", "columns first", "text"):
        np.testing.assert_array_equal(found[name], PLAIN[name])
    assert found["scalar"] == 3 and found["ordered"] == {"a": 1} and found["plain"] == PLAIN["plain"]
    assert found["objects"][0] == {"a": 1} and found["default"][1]["b"].shape == (2, 0)


@pytest.mark.parametrize("pack", [zlib.compress, gzip.compress], ids=["zlib", "gzip"])
def test_packed_data(pack, tmp_path):
    """Read what joblib packs."""
    found = load_pickle(write(tmp_path, pack(pickle.dumps(PLAIN))))
    np.testing.assert_array_equal(found["floats"], PLAIN["floats"])
    with pytest.raises(AssistMimicError, match="lz4"):
        load_pickle(write(tmp_path, b"\x04\x22\x4d\x18 some"))


class Evil:
    """Runs a command when an ordinary unpickler meets it."""

    def __init__(self, call: object, *arguments: object) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call, self.arguments


@pytest.mark.parametrize(
    ("evil", "name"),
    [
        (Evil(os.system, "touch pwned"), "system"),
        (Evil(eval, "1"), "builtins.eval"),
        (Evil(getattr, "text", "join"), "builtins.getattr"),
        (Evil(np.load, "x"), "numpy.load"),
        (Evil(pickle.loads, b""), "loads"),
    ],
    ids=["system", "eval", "getattr", "numpy", "pickle"],
)
def test_code_is_refused_by_name(evil, name, tmp_path, monkeypatch):
    """Name what a pickle asks for, and never call it; from the reader of clips too."""
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path, pickle.dumps({"person1": evil, "person2": {}}))
    for read in (load_pickle, lambda path: read_clip([path])):
        with pytest.raises(AssistMimicError, match=f"asks for .*{name}.*could run code"):
            read(path)
    np.save(tmp_path / "in.npy", np.array({"motion": evil}, dtype=object), allow_pickle=True)
    with pytest.raises(AssistMimicError, match="could run code"):
        read_clip([tmp_path / "in.npy"])
    assert not (tmp_path / "pwned").exists()


def raw(*parts: bytes) -> bytes:
    """A pickle put together by hand."""
    return b"\x80\x02" + b"".join(parts) + b"."


ARRAY = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
OBJECTS = b"cnumpy\ndtype\nU\x02O8K\x00K\x01\x87R"
BYTES = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
CRAFTED = {
    "objects from bytes": raw(ARRAY, b"(K\x01K\x01\x85", OBJECTS, b"\x89U\x08AAAAAAAAtb"),
    "fewer objects than told": raw(ARRAY, b"(K\x01M\xff\xff\x85", OBJECTS, b"\x89]tb"),
    "more bytes than there are": raw(ARRAY, b"(K\x01J\xff\xff\xff\x7f\x85", BYTES, b"\x89U\x01Atb"),
    "a type's flags": raw(OBJECTS, b"(K\x03U\x01|NU\x01aNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"),
    "a function's attributes": raw(b"c_codecs\nencode\n}U\x08__code__K\x01sb"),
    "a memo number": raw(b"]r\xff\xff\xff\x7f0U\x01a", b"K\x01b"),
    "negative": raw(ARRAY, b"(K\x01J\xff\xff\xff\xff\x85", BYTES, b"\x89U\x01Atb"),
}


@pytest.mark.parametrize("case", CRAFTED)
def test_crafted_states(case, tmp_path):
    """Refuse what would make numpy take bytes for objects, or memory a file made up."""
    with pytest.raises(AssistMimicError, match="not a readable pickle"):
        load_pickle(write(tmp_path, CRAFTED[case]))


def test_damaged_pickles(tmp_path):
    """Meet bytes gone wrong anywhere with a result or one sentence."""
    whole, rng = pickle.dumps(PLAIN), np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), rng.integers(1, 10)):
            damaged[place] = rng.integers(0, 256)
        path = write(tmp_path, bytes(damaged[: rng.integers(1, len(whole) + 1)]))
        try:
            load_pickle(path)
        except AssistMimicError as error:
            assert "in.pkl" in str(error) and "\n" not in str(error)


def joblib_file(arrays: dict[str, np.ndarray], *, aligned: bool) -> bytes:
    """A joblib stream by hand: each array's wrapper is followed by its bytes."""
    out = io.BytesIO()
    out.write(b"\x80\x03}")
    for name, array in arrays.items():
        key = name.encode()
        out.write(b"X" + struct.pack("<I", len(key)) + key)
        out.write(b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(")
        state = {"shape": array.shape, "order": "C", "allow_mmap": True}
        state |= {"numpy_array_alignment_bytes": 16} if aligned else {}
        for entry, value in state.items():
            out.write(pickle.dumps(entry, protocol=2)[2:-1].split(b"q\x00")[0])
            out.write(pickle.dumps(value, protocol=2)[2:-1].split(b"q\x00")[0])
        out.write(b"X\x05\x00\x00\x00dtypecnumpy\ndtype\nX\x02\x00\x00\x00f4K\x00K\x01\x87R")
        out.write(b"ub" + (b"\x03\xff\xff\xff" if aligned else b"") + array.astype("<f4").tobytes() + b"s")
    out.write(b".")
    return out.getvalue()


@pytest.mark.parametrize("aligned", [False, True])
def test_arrays_behind_their_wrappers(aligned, tmp_path):
    """Read joblib's streams, with and without padding."""
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.ones(3)}
    found = load_pickle(write(tmp_path, joblib_file(arrays, aligned=aligned)))
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


def test_files_of_torch(tmp_path):
    """Read tensors of both of torch's formats without torch, views and half precision among them."""
    torch = pytest.importorskip("torch")
    tensors = {
        "view": torch.arange(24.0).reshape(2, 3, 4).transpose(1, 2)[:, 1:],
        "whole": torch.tensor([1, 2]),
        "half": torch.ones(2).half(),
    }
    torch.save(tensors, tmp_path / "in.pt")
    for path in (tmp_path / "in.pt", write(tmp_path, pickle.dumps(tensors))):
        found = load_pickle(path)
        for name, tensor in tensors.items():
            np.testing.assert_array_equal(found[name], tensor.numpy())


def test_tensors_outside_their_storage(tmp_path):
    """Check sizes and strides against the bytes that are there."""
    torch = pytest.importorskip("torch")
    torch.save({"a": torch.arange(6.0)}, tmp_path / "whole.pt")
    with zipfile.ZipFile(tmp_path / "whole.pt") as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data.replace(b"K\x06\x85", b"M\xff\xff\x85") if name.endswith("data.pkl") else data)
    with pytest.raises(AssistMimicError, match="outside its storage"):
        load_pickle(write(tmp_path, content.getvalue(), "in.pt"))
