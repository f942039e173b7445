"""Arrays kept on disk: found again whole, never half, whoever writes beside."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from controller_server.core import array_store
from controller_server.core.array_store import ArrayStore, cache_folder

OF = {"what": "test", "number": 1}
ARRAYS = {"a": np.arange(5.0), "b": np.zeros((2, 3), np.float32)}


def files(folder: Path) -> list[Path]:
    """All files below a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


def test_arrays_are_found_by_what_they_were_made_of(tmp_path, monkeypatch):
    """Find them again bit for bit, not those of anything else, nor those that other code made."""
    store, made = ArrayStore(tmp_path / "new"), []
    for _ in range(2):
        found = store.made(OF, lambda: (made.append(1), ARRAYS)[1])
        assert set(found) == set(ARRAYS)
        assert all(np.array_equal(found[k], v) and found[k].dtype == v.dtype for k, v in ARRAYS.items())
    assert len(made) == 1 and store.find({**OF, "number": 2}) is None
    monkeypatch.setattr(array_store, "code_version", lambda: "another")
    assert store.find(OF) is None


@pytest.mark.parametrize("damage", ["cut", "turned", "empty", "text", "pickle", "other"])
def test_a_damaged_file_counts_as_not_there(tmp_path, damage):
    """Make the arrays again and put them in the place of what cannot be used."""
    store = ArrayStore(tmp_path)
    store.keep(OF, ARRAYS)
    (path,) = files(tmp_path)
    data = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(data[:-40])
    elif damage == "turned":
        at = data.index(np.arange(5.0).tobytes())
        data[at + 9] ^= 255
        path.write_bytes(data)
    elif damage == "pickle":
        np.savez(path, a=np.array([{"x": 1}], dtype=object))
    elif damage == "other":
        np.savez(path, **ARRAYS)  # pyright: ignore[reportArgumentType]
    else:
        path.write_bytes(b"" if damage == "empty" else b"nonsense")
    assert store.find(OF) is None
    assert np.array_equal(store.made(OF, lambda: ARRAYS)["a"], ARRAYS["a"])
    assert store.find(OF) is not None


def test_several_writers_leave_one_whole_file(tmp_path):
    """Two programs keep the same arrays over and over while a third reads: it never finds anything half."""
    code = (
        "import sys, numpy as np\nfrom controller_server.core.array_store import ArrayStore\n"
        "store = ArrayStore(sys.argv[1])\nprint('ready', flush=True)\nsys.stdin.readline()\n"
        "for _ in range(60): store.keep({'what': 'test', 'number': 1}, {'a': np.full(20000, 7.0)})\n"
    )
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    code = code.replace("ArrayStore(sys.argv[1])", "ArrayStore(__import__('pathlib').Path(sys.argv[1]))")
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], **options) for _ in range(2)]
    for writer in writers:
        assert writer.stdout is not None and writer.stdin is not None and writer.stdout.readline() == "ready\n"
        writer.stdin.write("go\n")
        writer.stdin.flush()
    store, reads = ArrayStore(tmp_path), 0
    while any(writer.poll() is None for writer in writers):
        found = store.find(OF)
        if found is None:
            assert not reads  # once it is there it stays
            continue
        assert (found["a"] == 7.0).all() and len(found["a"]) == 20000
        reads += 1
    assert all(writer.wait(60) == 0 for writer in writers) and store.find(OF) is not None
    assert len(files(tmp_path)) == 1


def test_the_folder_is_the_users_and_may_be_another_or_none(tmp_path, monkeypatch):
    """A setting goes before the environment, that before the system's custom; `off` keeps nothing."""
    monkeypatch.delenv("ASSISTMIMIC_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    if sys.platform == "linux":
        assert cache_folder() == tmp_path / "xdg" / "assistmimic"
    monkeypatch.setenv("ASSISTMIMIC_CACHE", str(tmp_path / "env"))
    assert cache_folder() == tmp_path / "env" and cache_folder(str(tmp_path / "set")) == tmp_path / "set"
    assert cache_folder("off") is None
    store = ArrayStore(None)
    store.keep(OF, ARRAYS)
    assert store.find(OF) is None and not files(tmp_path)


def test_a_folder_that_cannot_be_written_to_only_costs_time(tmp_path):
    """Give the arrays all the same where a file stands in the folder's place."""
    (tmp_path / "file").write_text("in the way")
    assert np.array_equal(ArrayStore(tmp_path / "file" / "kept").made(OF, lambda: ARRAYS)["a"], ARRAYS["a"])


def test_what_nobody_reads_goes(tmp_path):
    """Remove what was not read for months once something else is kept, and leave what was."""
    ArrayStore(tmp_path).keep({**OF, "number": 3}, ARRAYS)
    ArrayStore(tmp_path).keep({**OF, "number": 4}, ARRAYS)
    for path in files(tmp_path):
        os.utime(path, (0, time.time() - 100 * 86400))
    assert ArrayStore(tmp_path).find({**OF, "number": 4}) is not None
    ArrayStore(tmp_path).keep(OF, ARRAYS)
    assert ArrayStore(tmp_path).find({**OF, "number": 4}) is not None
    assert ArrayStore(tmp_path).find({**OF, "number": 3}) is None and len(files(tmp_path)) == 2
