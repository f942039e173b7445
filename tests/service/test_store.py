"""Jobs on disk: one end each, whatever dies; files whole or not there; nobody else's folder."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from helpers.paths import ROOT
from helpers.service_cases import a_job as job
from helpers.service_cases import assert_same_arrays

from controller_server.core.errors import AssistMimicError
from controller_server.service.server.array_file import ArrayFileError, pack_arrays, read_array_file, write_array_file
from controller_server.service.server.store import INLINE, JobStore, Key, State, digest_of

SMALL = {"x": np.arange(6.0).reshape(2, 3), "one": np.array(3.5), "none": np.zeros((0, 4), dtype="<i4")}
LARGE = {"x": np.arange(INLINE / 8 + 1)}


@pytest.fixture
def store(tmp_path: Path):
    """An empty store."""
    store = JobStore(tmp_path)
    yield store
    with contextlib.suppress(sqlite3.ProgrammingError):  # a test may have closed it
        store.close()


@pytest.mark.parametrize("arrays", [SMALL, LARGE])
def test_a_job_comes_back(store, tmp_path, arrays):
    """Keep everything about a job over a restart, small inputs and large ones."""
    added = store.add(job(), {"source": "ä"}, arrays)
    store.commit()
    store.close()
    again = JobStore(tmp_path)
    assert again.get(added.key) == added
    text, back = again.input_of(added.key)
    assert text == {"source": "ä"}
    assert_same_arrays(arrays, back)
    assert [found.job for found in again.open_jobs()] == ["job-1234"]
    again.close()


def test_what_was_not_committed_was_never_accepted(tmp_path):
    """Know nothing, after a death, of a job that was not committed."""
    code = (
        "import os, sys; from pathlib import Path; sys.path.insert(0, 'tests')\n"
        "from service.test_store import *\n"
        f"store = JobStore(Path({str(tmp_path)!r}))\n"
        "store.add(job('accepted1'), {}, LARGE); store.commit(); store.start(Key('', 'accepted1')); store.commit()\n"
        "store.add(job('halfway-1'), {}, LARGE); os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=60)
    store = JobStore(tmp_path)
    assert [(found.job, found.state) for found in store.open_jobs()] == [("accepted1", State.QUEUED)]
    assert len(list((tmp_path / "jobs").iterdir())) == 1  # the file of the other one is gone
    store.close()


def busy(folder: Path) -> None:
    """Accept, start and end jobs for ever, saying what is certain; run in a process that is going to be killed."""
    store = JobStore(folder)
    for number in range(10**6):
        key = store.add(job(f"job-{number:05}"), {}, LARGE if number % 2 else SMALL).key
        store.commit()
        print(f"{key.job} queued", flush=True)
        store.start(key)
        store.commit()
        if number % 3:
            store.end_with_result(key, {}, LARGE, 1.0)
        else:
            store.end(key, State.CANCELLED)
        store.commit()
        print(f"{key.job} {'done' if number % 3 else 'cancelled'}", flush=True)


def test_killed_at_any_moment(tmp_path):
    """Know, after kill -9 at some moments, every accepted job and every end that was told, with its result."""
    dice, code = (
        random.Random(0),
        "import sys; sys.path.insert(0, 'tests'); from pathlib import Path; from service.test_store import busy; ",
    )
    for attempt in range(5):
        folder = tmp_path / str(attempt)
        command = [sys.executable, "-c", f"{code}busy(Path({str(folder)!r}))"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(dice.randrange(1, 40))]
        time.sleep(dice.uniform(0, 0.005))
        process.kill()
        told += process.stdout.read().splitlines()
        process.wait(timeout=20)
        process.stdout.close()
        last = dict(line.split() for line in told)
        store = JobStore(folder)
        for name, state in last.items():
            found = store.get(Key("", name))
            assert found is not None
            if state != "queued":
                assert found.state.value == state
            if found.state is State.DONE:
                assert_same_arrays(store.result_of(found.key)[1], LARGE)
            elif found.state is State.QUEUED:
                assert_same_arrays(store.input_of(found.key)[1], LARGE if int(name[4:]) % 2 else SMALL)
        assert sum(store.counts().values()) - len(last) in (0, 1)  # one more may be kept than was told
        store.close()


def test_a_job_ends_once(store):
    """Let the first end stand, whichever comes second."""
    key = store.add(job(), {}, SMALL).key
    assert store.end_with_result(key, {"result_meta": "{}"}, SMALL, 1.5)
    assert not store.end(key, State.CANCELLED)
    assert not store.end_with_result(key, {}, SMALL, 2.0)
    found = store.get(key)
    assert found is not None and (found.state, found.seconds) == (State.DONE, 1.5)


def test_a_cancel_survives_a_death(store, tmp_path):
    """End, on the next start, a running job that was being cancelled."""
    key = store.add(job(), {}, SMALL).key
    store.start(key)
    store.want_cancel(key)
    store.close()
    again = JobStore(tmp_path)
    found = again.get(key)
    assert found is not None and found.state is State.CANCELLED
    assert not list(again.open_jobs())
    again.close()


def test_owners_do_not_see_each_other(store):
    """Keep jobs of two keys apart, even under the same id."""
    store.add(job(owner="ann"), {}, SMALL)
    store.add(job(owner="bob", frames=9), {}, SMALL)
    assert [found.frames for found in store.latest("bob", 10)] == [9]
    assert store.get(Key("eve", "job-1234")) is None
    assert store.counts()["queued"] == 2


def test_inputs_of_ended_jobs_are_removed(store, tmp_path):
    """Keep no input that is not needed any more, and remove it only after the end is committed."""
    key = store.add(job(), {}, LARGE).key
    store.commit()
    store.end(key, State.FAILED, code="diverged", message="m")
    assert list((tmp_path / "jobs").iterdir())
    store.commit()
    assert not list((tmp_path / "jobs").iterdir())
    with pytest.raises(ArrayFileError):
        store.input_of(key)


def test_old_results_go(store):
    """Remove results over the age or the size that is kept, oldest first, and forget old jobs altogether."""
    keys = [store.add(job(f"job-{n:05}"), {}, SMALL).key for n in range(3)]
    for key in keys:
        store.end_with_result(key, {}, LARGE, 1.0)
        time.sleep(0.002)
    size = store.get(keys[0]).bytes
    keep = {"keep_seconds": 100.0, "keep_bytes": int(2.5 * size), "forget_seconds": 1000.0}
    assert store.sweep(**keep) == 1
    assert [store.get(key).kept for key in keys] == [False, True, True]
    with pytest.raises(ArrayFileError):
        store.result_of(keys[0])
    store.result_of(keys[2])
    assert store.sweep(**{**keep, "keep_seconds": 0.0}) == 2
    assert store.sweep(**{**keep, "forget_seconds": 0.0}) == 0
    assert store.get(keys[2]) is None


def test_one_server_a_folder(store, tmp_path):
    """Refuse a folder that is open, and one of a newer version."""
    with pytest.raises(AssistMimicError, match="another server"):
        JobStore(tmp_path)
    newer = tmp_path / "newer"
    newer.mkdir()
    with sqlite3.connect(newer / "jobs.sqlite") as db:
        db.execute("PRAGMA user_version=99")
    with pytest.raises(AssistMimicError, match="newer version"):
        JobStore(newer)


def test_a_folder_that_is_none(tmp_path):
    """Say so when the folder holds something else."""
    (tmp_path / "jobs.sqlite").write_bytes(b"this is not a database at all" * 100)
    with pytest.raises(AssistMimicError, match="cannot be kept there"):
        JobStore(tmp_path)


def test_ids_are_never_paths(store, tmp_path):
    """Keep files under names that nobody chose."""
    store.add(job("../../../../tmp/evil", owner="/etc"), {}, LARGE)
    store.commit()
    (path,) = (tmp_path / "jobs").iterdir()
    assert path.name.endswith(".input") and "evil" not in str(path)
    assert not Path("/tmp/evil.input").exists()


@pytest.mark.parametrize("damage", [b"", b"amarray1", b"amarray1" + b"\xff" * 100])
def test_a_damaged_file_is_noticed(tmp_path, damage):
    """Give an error for a file that is missing, empty, cut short, zeroed in its middle, or something else."""
    path = tmp_path / "x.result"
    write_array_file(path, pack_arrays({"a": "b"}, LARGE), sync=False)
    assert_same_arrays(read_array_file(path)[1], LARGE)
    whole = path.read_bytes()
    for harm in (damage, whole[:-100], whole[:5000] + bytes(4096) + whole[9096:]):
        path.write_bytes(harm)
        with pytest.raises(ArrayFileError):
            read_array_file(path)
    path.unlink()
    with pytest.raises(ArrayFileError):
        read_array_file(path)


def test_no_room_leaves_nothing(tmp_path):
    """Leave no half-written file behind when writing fails."""
    with pytest.raises(TypeError):
        write_array_file(tmp_path / "x.result", [b"ok", 5], sync=True)  # pyright: ignore[reportArgumentType]
    assert not list(tmp_path.iterdir())


def test_the_digest_knows_everything_that_counts():
    """Tell jobs apart by settings, text, numbers, type and shape; not by the order of names."""
    one = digest_of({"a": 1, "b": 2}, {"t": "x"}, SMALL)
    assert one == digest_of({"b": 2, "a": 1}, {"t": "x"}, dict(reversed(SMALL.items())))
    different = [
        digest_of({"a": 1, "b": 3}, {"t": "x"}, SMALL),
        digest_of({"a": 1, "b": 2}, {"t": "y"}, SMALL),
        digest_of({"a": 1, "b": 2}, {"t": "x"}, {**SMALL, "x": SMALL["x"].T}),
        digest_of({"a": 1, "b": 2}, {"t": "x"}, {**SMALL, "x": SMALL["x"] + 1e-15}),
        digest_of({"a": 1, "b": 2}, {"t": "x"}, {**SMALL, "none": np.zeros((0, 4))}),
    ]
    assert len({one, *different}) == 6
