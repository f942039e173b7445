"""The ledger of a batch: claims, stale claims, ends; and the keys that say when a clip is to be done again."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.batch_cases import batch_of, task

from controller_server.batch.claim_owner import SILENT_S, Owner
from controller_server.batch.ledger import Ledger
from controller_server.batch.options import BatchOptions, Shard
from controller_server.batch.plan import make_plan
from controller_server.clip.io.read_options import ReadOptions
from controller_server.core.errors import AssistMimicError
from controller_server.pipeline.settings import ConvertSettings

ELSEWHERE = Owner("elsewhere", "elsewhere|boot|1", 17, "1")


def _dead() -> Owner:
    """A process of this machine that ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return replace(Owner.this(), pid=child.pid, started="1")


def test_a_clip_is_claimed_once(tmp_path: Path):
    """Who comes second gets nothing, until the claim is given up or the clip has ended."""
    first, second = Ledger(tmp_path), Ledger(tmp_path, ELSEWHERE)
    claim = first.claim(task())
    assert claim is not None
    assert second.claim(task()) is None
    first.release(claim)
    taken = second.claim(task())
    assert taken is not None
    assert second.finish(taken, {"key": task().key, "end": "result"})
    assert first.claim(task()) is None, "it has ended"
    assert first.ended(task()) == {"key": task().key, "end": "result"}
    second.close()
    first.close()
    assert [path.name for path in (tmp_path / "ledger").iterdir()] == [f"{task().identity}.json"]


@pytest.mark.parametrize("silent", [0.0, SILENT_S + 60])
def test_claims_of_the_dead_are_taken_over(tmp_path: Path, silent: float):
    """On this machine a dead process is known; elsewhere one is dead that gave no sign for two minutes."""
    left = Ledger(tmp_path, _dead() if silent == 0 else ELSEWHERE)
    claim = left.claim(task())
    assert claim is not None
    here = Ledger(tmp_path)
    if silent:
        assert here.claim(task()) is None, "it may live"
        before = claim.path.stat().st_mtime - silent
        os.utime(claim.path, (before, before))
    taken = here.claim(task())
    assert taken is not None and taken.number == 2
    assert Ledger(tmp_path, ELSEWHERE).claim(task()) is None, "now somebody living has it"
    assert not left.finish(claim, {"key": task().key, "end": "error"}), "who comes back too late changes nothing"
    assert here.finish(taken, {"key": task().key, "end": "result"})
    assert not list((tmp_path / "ledger").glob("*.claim.*"))


def test_a_claim_cut_off_in_the_writing_is_stale_once_it_is_silent(tmp_path: Path):
    """Nobody knows whose it is."""
    ledger = Ledger(tmp_path)
    path = tmp_path / "ledger" / f"{task().identity}.claim.1"
    path.write_text('{"host": "he')
    assert ledger.claim(task()) is None
    os.utime(path, (0, 0))
    assert ledger.claim(task()) is not None


def test_signs_of_life_keep_a_claim(tmp_path: Path):
    """A beat makes a claim new again."""
    owner, other = Ledger(tmp_path, ELSEWHERE), Ledger(tmp_path)
    claim = owner.claim(task())
    assert claim is not None
    os.utime(claim.path, (0, 0))
    owner.beat()
    assert other.claim(task()) is None


def test_what_has_ended_is_done_again_only_where_it_may_end_otherwise(tmp_path: Path):
    """Another key, or an error that is not the clip's; the former end is forgotten when the work begins."""
    ledger = Ledger(tmp_path)
    for code, again in (("bad_input", False), ("diverged", False), ("storage", True), ("worker_died", True)):
        claim = ledger.claim(task(code))
        assert claim is not None
        ledger.finish(claim, {"key": task().key, "end": "error", "code": code})
        assert (ledger.ended(task(code)) is None) == again
    assert ledger.ended(task("diverged", "other" * 12)) is None
    assert ledger.claim(task("diverged", "other" * 12)) is not None
    assert ledger.read(task("diverged").identity) is None


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path: Path):
    """Before any work."""
    (tmp_path / "file").touch()
    with pytest.raises(AssistMimicError, match="cannot be written to"):
        Ledger(tmp_path / "file")


def test_keys_change_with_whatever_changes_a_result(tmp_path: Path):
    """Input, settings, reading, outputs, name; not the number of threads or workers."""
    options = batch_of(tmp_path, "a", "b")

    def key(changed: BatchOptions) -> str:
        return next(t.key for t in make_plan(changed) if t.name == "a")

    usual = key(options)
    search = options.settings
    for same in (replace(options, workers=3), replace(options, settings=replace(search, threads=5))):
        assert key(same) == usual
    for other in (
        replace(options, settings=replace(search, seed=1)),
        replace(options, settings=ConvertSettings(policy="prior")),
        replace(options, read=ReadOptions(swap=True)),
        replace(options, report=True),
        replace(options, write=".bvh"),
    ):
        assert key(other) != usual
    (tmp_path / "in" / "a.npz").write_bytes(b"other")
    assert key(options) != usual
    assert len({t.key for t in make_plan(options)}) == 2


def test_shards_share_all_clips_out(tmp_path: Path):
    """Every clip is of one shard, and stays there when others come."""
    options = batch_of(tmp_path, *map(str, range(40)))
    shards = [{t.name for t in make_plan(replace(options, shard=Shard(k, 3)))} for k in (1, 2, 3)]
    assert sorted(name for shard in shards for name in shard) == sorted(map(str, range(40)))
    more = batch_of(tmp_path, *map(str, range(60)), shard=Shard(1, 3))
    assert shards[0] <= {t.name for t in make_plan(more)}


@pytest.mark.parametrize("text", ["0/4", "5/4", "x", "1/0", "-1/4"])
def test_impossible_shards_are_refused(text: str):
    """Counted from 1 to N."""
    with pytest.raises(AssistMimicError, match="--shard"):
        Shard.parse(text)
