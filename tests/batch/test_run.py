"""Batches: every clip ends once, whoever dies; what is missing is done and nothing else; the summary says so."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.batch_cases import DIED, FakeEngine, batch_of, folder_of
from helpers.standing import standing_pair

from controller_server.batch.claim_owner import Owner
from controller_server.batch.engine import LocalEngine
from controller_server.batch.ledger import Ledger
from controller_server.batch.options import BatchOptions, Shard
from controller_server.batch.output_paths import Places
from controller_server.batch.picture import strip_svg
from controller_server.batch.plan import make_plan, with_whole_paths
from controller_server.batch.run import run_batch
from controller_server.batch.work import Order, carry_out
from controller_server.benchmarks.batch import bench_batch
from controller_server.benchmarks.corpus import make_corpus, mirrored, turned
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.io.npz import read_npz, write_npz
from controller_server.clip.io.pairing import find_clips
from controller_server.clip.io.read_options import ReadOptions
from controller_server.clip.io.write_list import ENDINGS
from controller_server.clip.io.write_options import WriteOptions
from controller_server.clip.skeleton import JOINT_NAMES
from controller_server.core.bundled import CLIPS
from controller_server.core.errors import AssistMimicError
from controller_server.physics.recorded_frames import slice_clip
from controller_server.pipeline.settings import Controller, ConvertSettings


def _rows(options: BatchOptions) -> dict[str, dict[str, str]]:
    with (options.out / "summary.csv").open(newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def test_every_clip_ends_once_and_a_rerun_does_what_is_missing(tmp_path: Path):
    """Results, a failure, a stated error; then a new clip and a changed one."""
    options = batch_of(tmp_path, "a", "b", "sub/c", "bad")
    failure = {"name": "b", "key": "?", "end": "failure", "verdict": "failed", "headline": "Failed."}
    error = {"name": "bad", "key": "?", "end": "error", "code": "bad_input", "message": "no clip"}
    keys = {t.name: t.key for t in make_plan(with_whole_paths(options))}
    happens = {"b": [failure | {"key": keys["b"]}], "bad": [error | {"key": keys["bad"]}]}
    ended = []
    counts = run_batch(options, engine=FakeEngine(happens), on_end=lambda status, _: ended.append(status["name"]))
    assert sorted(ended) == ["a", "b", "bad", "sub/c"]
    assert (counts.ended, counts.carried, dict(counts.ends)) == (4, 2, {"result": 2, "failure": 1, "error": 1})
    assert {name: row["end"] for name, row in _rows(options).items()} == {
        **{"a": "result", "b": "failure", "bad": "error", "sub/c": "result"}
    }
    assert run_batch(options, engine=FakeEngine({"a": [DIED]})).before == 4
    folder_of(tmp_path / "in", "new")
    (tmp_path / "in" / "a.npz").write_bytes(b"another")
    engine = FakeEngine()
    run_batch(options, engine=engine)
    assert [name for name, *_ in engine.done] == ["a", "new"]


def test_a_clip_whose_worker_dies_is_tried_once_more_alone(tmp_path: Path):
    """Then it is an error with the reason, and the rest went on."""
    options = batch_of(tmp_path, "a", "b", "c", "d")
    engine = FakeEngine({"a": [DIED, DIED], "b": [DIED]}, slots=3)
    counts = run_batch(options, engine=engine)
    assert dict(counts.ends) == {"result": 3, "error": 1}
    assert engine.done[-2:] == [("a", True, 1), ("b", True, 1)]
    row = _rows(options)["a"]
    assert (row["code"], row["tries"]) == ("worker_died", "2") and "twice" in row["message"]
    again = FakeEngine()
    assert run_batch(options, engine=again).ends["result"] == 4
    assert [name for name, *_ in again.done] == ["a"], "the next run tries it again"


def test_clips_of_others_are_waited_for_and_taken_over(tmp_path: Path):
    """One is ended by a living process, one was left by a dead one."""
    options = with_whole_paths(batch_of(tmp_path, "a", "b", "c"))
    tasks = make_plan(options)
    living = Ledger(options.out, replace(Owner.this(), pid=os.getppid(), started=""))
    claim = living.claim(tasks[0])
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    assert Ledger(options.out, replace(Owner.this(), pid=dead.pid)).claim(tasks[1]) is not None
    assert claim is not None

    def end(_) -> None:
        if (options.out / "ledger" / f"{tasks[0].identity}.json").exists():
            return
        assert living.finish(claim, {"name": "a", "key": tasks[0].key, "end": "result", "verdict": "success"})

    engine = FakeEngine()
    engine.before = end
    counts = run_batch(options, engine=engine)
    assert (counts.here, counts.elsewhere) == (2, 1)
    assert sorted(name for name, *_ in engine.done) == ["b", "c"]


def test_an_interrupted_batch_leaves_no_claim(tmp_path: Path):
    """What had ended stays, the summary says what is missing."""
    options = batch_of(tmp_path, "a", "b", "c")
    engine = FakeEngine(slots=1)

    def stop_at_b(order) -> None:
        if order.name == "b":
            raise KeyboardInterrupt

    engine.before = stop_at_b
    with pytest.raises(KeyboardInterrupt):
        run_batch(options, engine=engine)
    assert len(list((options.out / "ledger").iterdir())) == 1
    assert [row["end"] for row in _rows(options).values()] == ["result", "missing", "missing"]


def test_workers_that_die_or_grow_are_replaced(tmp_path: Path):
    """Real processes: one crashes, one takes too much memory, one has a fault; all others end."""
    options = batch_of(tmp_path, "a", "b", "crash", "grow", "fault")
    engine = LocalEngine(1, 250 << 20, module="helpers.batch_worker")
    counts = run_batch(options, engine=engine)
    rows = _rows(options)
    assert {name: row["code"] or row["end"] for name, row in rows.items()} == {
        **{"a": "result", "b": "result"},
        **{"crash": "worker_died", "grow": "out_of_memory", "fault": "internal"},
    }
    assert counts.ended == 5 and "may have 250 MB" in rows["grow"]["message"]
    assert not engine.pids


def test_a_killed_batch_repeats_no_finished_clip(tmp_path: Path):
    """`kill -9` in the middle: its workers end, and the next run does the rest."""
    source, out = folder_of(tmp_path / "in", *(f"{k:02d}" for k in range(40))), tmp_path / "out"
    command = [sys.executable, "-m", "helpers.batch_worker", str(source), str(out)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def finished() -> set[str]:
        return {json.loads(path.read_text())["name"] for path in (out / "ledger").glob("*.json")}

    batch = subprocess.Popen(command, env=environment)
    while len(finished()) < 5:
        assert batch.poll() is None
        time.sleep(0.01)
    batch.send_signal(signal.SIGKILL)
    batch.wait()
    before, begun = finished(), len((out / "log").read_text().split())
    assert 5 <= len(before) < 40
    settings = ConvertSettings(controller=Controller.SEARCH)
    run_batch(BatchOptions(source, out, settings=settings), engine=LocalEngine(1, module="helpers.batch_worker"))
    after = (out / "log").read_text().split()[begun:]
    assert not before & set(after), "a finished clip was done again"
    assert before | set(after) == finished() == {f"{k:02d}" for k in range(40)}


def test_shards_together_make_one_summary(tmp_path: Path):
    """The last of them lists all clips, though it knows only its own."""
    options = batch_of(tmp_path, *map(str, range(8)))
    for number in (1, 2):
        run_batch(replace(options, shard=Shard(number, 2)), engine=FakeEngine())
    assert set(_rows(options)) == set(map(str, range(8)))
    summary = json.loads((options.out / "summary.json").read_text())
    assert (summary["clips"], summary["carried_share"], summary["clips_per_core_hour"]) == (8, 1.0, 3600.0)


def test_nothing_in_a_summary_is_code(tmp_path: Path):
    """Names and messages are text: to a browser, and to a spreadsheet."""
    options = batch_of(tmp_path, "<b>x", "=1+1")
    engine = FakeEngine()
    engine.happens = {"<b>x": [], "=1+1": []}
    run_batch(options, engine=engine)
    page = (options.out / "index.html").read_text()
    assert "<b>x" not in page and "\\u003cb\\u003ex" in page
    assert "'=1+1" in (options.out / "summary.csv").read_text()


def test_names_that_lead_elsewhere_are_refused(tmp_path: Path):
    """Whatever an archive called its files."""
    for name in ("../x", "/x", "a/../../x"):
        with pytest.raises(AssistMimicError, match="leads out"):
            Places(tmp_path, name, ".npz").motion(good=True)


def test_impossible_batches_are_refused(tmp_path: Path):
    """Before anything is written."""
    for wrong in (
        {"write": ".xyz"},
        {"writing": WriteOptions(out_fps=24)},
        {"workers": -1},
        {"worker_memory_gb": 0.01},
    ):
        with pytest.raises(AssistMimicError):
            batch_of(tmp_path, "a", **wrong)
    with pytest.raises(AssistMimicError, match="not of a cluster"):
        batch_of(tmp_path, "a", cluster="auto", workers=2)
    with pytest.raises(AssistMimicError, match="also where the clips are read"):
        run_batch(replace(batch_of(tmp_path, "a"), out=tmp_path / "in"), engine=FakeEngine())
    assert not (tmp_path / "out").exists()


def test_small_pictures_show_every_frame_and_person(standing_clip: InteractionClip):
    """Two rows of six pictures, two heads in each."""
    drawn = strip_svg([standing_clip, standing_clip])
    assert drawn.count("<circle") == 24 and len(drawn) < 20_000


def test_one_clip_from_its_files_to_the_files_of_its_end(tmp_path: Path):
    """Motion, picture and report are there, whole; an error leaves nothing of an earlier end."""
    write_npz(tmp_path / "stand.npz", standing_pair(4))
    settings = ConvertSettings(controller=Controller.POLICY).to_dict()
    files, read = (str(tmp_path / "stand.npz"),), vars(ReadOptions())
    order = Order("a/stand", "k", files, str(tmp_path), ".npz", vars(WriteOptions()), True, settings, read)
    status = carry_out(order, threads=1)
    assert status["end"] in ("result", "failure") and status["measures"]["mpjpe_mm"] > 0 and status["memory_mb"] > 0
    files = [*status["files"]["motion"], status["files"]["report"], status["files"]["picture"]]
    assert files[0] == f"{status['end']}s/a/stand.npz"
    assert all((tmp_path / path).stat().st_size > 0 for path in files)
    (tmp_path / "stand.npz").write_bytes(b"PK")
    status = carry_out(order, threads=1)
    assert (status["end"], status["code"]) == ("error", "bad_input")
    assert not any((tmp_path / path).exists() for path in files)


def test_the_bench_of_a_batch():
    """The smallest there is, with the real command: a sound clip and a broken one."""
    report = bench_batch(2, kills=0, workers=1, seconds=(0.15, 0.2), options=("--controller", "policy"))
    assert (report["lost"], report["twice"], report["strangers"], report["sound_with_error"]) == ([], [], [], [])
    assert (report["broken"], report["broken_stated"], report["kills"], report["exit_code"]) == (1, 1, 0, 3)
    assert sum(report["ends"].values()) == 2 and report["clips_per_core_hour"] > 0


def test_a_corpus_is_read_back_as_it_was_made(tmp_path: Path):
    """Every format written, under the names a batch finds; the last one is broken."""
    made = make_corpus(tmp_path, len(ENDINGS), seconds=(0.2, 0.3))
    assert {clip.name for clip in made} == {found.name for found in find_clips(tmp_path)}
    assert [bool(clip.broken) for clip in made] == [False] * (len(ENDINGS) - 1) + [True]


def test_mirrored_twice_and_turned_there_and_back_is_the_same():
    """Left and right, furniture and grips included."""
    clip = slice_clip(read_npz(CLIPS / "pull_up.npz"), slice(40, 60))
    for other in (mirrored(mirrored(clip)), turned(turned(clip, 1.0), -1.0)):
        np.testing.assert_allclose(other.joints, clip.joints, atol=1e-6)
        np.testing.assert_allclose(other.props[0].position, clip.props[0].position, atol=1e-6)
    flipped = mirrored(clip)
    left, right = JOINT_NAMES.index("left_wrist"), JOINT_NAMES.index("right_wrist")
    gap = np.abs(flipped.joints[:, :, left] - clip.joints[:, :, right] * [-1, 1, 1]).max()
    assert gap < 0.025, "the neutral skeleton is not quite symmetric"


class _Ray:
    """As much of Ray as is asked for: tasks run when they are waited for; a clip called `lost` dies with its node."""

    class exceptions:
        """Ray's."""

        RayError = type("RayError", (Exception,), {})
        OutOfMemoryError = type("OutOfMemoryError", (RayError,), {})
        WorkerCrashedError = type("WorkerCrashedError", (RayError,), {})
        NodeDiedError = type("NodeDiedError", (RayError,), {})

    def __init__(self) -> None:
        self.retries: list[int] = []
        self.left = False
        self.remote = lambda **options: lambda function: self

    def init(self, address: str, **options) -> None:
        """Join."""
        if address == "nowhere:1":
            raise ConnectionError("nobody there")

    def options(self, max_retries: int) -> SimpleNamespace:
        """Remember how often a task is tried."""
        self.retries.append(max_retries)
        return SimpleNamespace(remote=lambda order: order["name"] + " " + order["key"])

    def cluster_resources(self) -> dict[str, float]:
        """One core."""
        return {"CPU": 1.0}

    def wait(self, tasks: list[str], num_returns: int, timeout: float) -> tuple[list[str], list[str]]:
        """The first has ended."""
        return tasks[:1], tasks[1:]

    def get(self, task: str) -> dict[str, str]:
        """What came of it."""
        name, key = task.split()
        if name == "lost":
            raise self.exceptions.NodeDiedError("the node is gone\nand more")
        return {"name": name, "key": key, "end": "result", "verdict": "success"}

    def shutdown(self) -> None:
        """Leave."""
        self.left = True


def test_a_cluster_carries_clips_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A task for each; what dies with its node is tried once more, without Ray's own retries."""
    ray = _Ray()
    monkeypatch.setitem(sys.modules, "ray", ray)
    options = batch_of(tmp_path, "a", "b", "c", "lost", cluster="auto")
    counts = run_batch(options)
    assert dict(counts.ends) == {"result": 3, "error": 1} and ray.left
    assert ray.retries[-1] == 0 and len(ray.retries) == 5
    assert _rows(options)["lost"]["message"].startswith("the node is gone, twice")


def test_a_cluster_that_is_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """No Ray, or nobody at the address."""
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(AssistMimicError, match=r"assistmimic\[cluster\]"):
        run_batch(batch_of(tmp_path, "a", cluster="auto"))
    monkeypatch.setitem(sys.modules, "ray", _Ray())
    with pytest.raises(AssistMimicError, match="no Ray cluster to join"):
        run_batch(batch_of(tmp_path, "a", cluster="nowhere:1"))
