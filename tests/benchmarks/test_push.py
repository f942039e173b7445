"""Pushes nobody foresees, and who stands afterwards."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from helpers.policy_cases import renamed, untrained
from helpers.standing import standing_pair

from controller_server.benchmarks import conversion as bench
from controller_server.benchmarks import push as bench_push
from controller_server.benchmarks.push import Push, draw_pushes, upright_measures
from controller_server.benchmarks.rows import KeptRows
from controller_server.body.pair import PairBody
from controller_server.cli.bench_push_command import print_push
from controller_server.clip.io.npz import write_npz
from controller_server.control.policy.bundle import write_bundle
from controller_server.control.policy.bundle_store import FOLDERS_VARIABLE
from controller_server.control.recorded_simulation import RecordedSimulation
from controller_server.control.reference.reference import Reference
from controller_server.core.errors import AssistMimicError
from controller_server.pipeline.settings import Controller, Quality


def test_pushes_come_from_everywhere_at_any_moment_on_both():
    """Spread twenty pushes over all directions and the first 70 %, on both people, the same for the same seed."""
    pushes = draw_pushes(20, 5.0, 300.0, seed=3)
    assert pushes == draw_pushes(20, 5.0, 300.0, seed=3) != draw_pushes(20, 5.0, 300.0, seed=4)
    assert [push.person for push in pushes] == [0, 1] * 10
    for values, whole in (([p.direction for p in pushes], 2 * np.pi), ([p.start for p in pushes], 3.5)):
        assert sorted(int(20 * value / whole) for value in values) == list(range(20))


def test_a_push_lasts_as_long_as_it_says():
    """Give its force from its start until its end, on one pelvis, and no torque."""
    push = Push(1, np.pi / 2, 1.0, 300.0)
    times = np.arange(240) / 120
    force = np.stack([push(time) for time in times])
    acts = force.any(axis=(1, 2))
    assert acts.sum() == 24 and times[acts][0] == 1.0
    assert force[acts][0] == pytest.approx(np.array([[0] * 6, [0, 300, 0, 0, 0, 0]]), abs=1e-9)


def test_who_is_low_or_fast_is_not_upright():
    """Measure how low pelvises are against the reference and how fast centres of mass are at the end."""
    clip = standing_pair(10)
    pair = PairBody.from_clip(clip)
    reference = Reference.of(clip, pair)
    simulation = RecordedSimulation(pair, reference.state[:1])
    simulation.advance(reference.targets[0], np.zeros((2, 2)))
    recording = simulation.recording()
    moved = recording.positions.copy()
    moved[-1, 1, 0, 2] -= 0.2
    com = recording.com.copy()
    com[:] = com[:1]
    com[-1, 0, 0] += 0.1 * recording.time[-1]
    low, speed = upright_measures(replace(recording, positions=moved, com=com), reference)
    assert low == pytest.approx([0, 0.2], abs=0.01) and speed == pytest.approx([0.1, 0], abs=1e-9)


@pytest.fixture
def standing(tmp_path, monkeypatch):
    """One clip, two people who stand for a third of a second, and a policy that does what the clip does."""
    (tmp_path / "clips").mkdir()
    clip = standing_pair(10)
    write_npz(tmp_path / "clips" / "standing.npz", clip)
    write_bundle(tmp_path / "policies" / "fits", renamed(untrained(clip, PairBody.from_clip(clip)), "fits"))
    monkeypatch.setenv(FOLDERS_VARIABLE, str(tmp_path / "policies"))
    monkeypatch.setattr(bench, "CLIPS", tmp_path / "clips")
    monkeypatch.setattr(bench_push, "AFTER", 0.3)


def test_the_search_can_be_pushed(standing, monkeypatch):
    """Stand a nudge that the search knows nothing of."""
    monkeypatch.setattr(bench_push, "AFTER", 0.1)
    report = bench_push.bench_push(["standing"], force=5.0, quality=Quality.DRAFT, trials=1, threads=1)
    assert (report["controller"], report["clips"][0]["share"]) == ("search", 1.0)


def test_the_report_and_going_on(standing, tmp_path, monkeypatch, capsys):
    """Stand a nudge, not a blow; take rows from the file that a run which was cut off left."""
    keep = tmp_path / "push.jsonl"
    options = {"controller": Controller.POLICY, "trials": 2, "keep": keep}
    nudged = bench_push.bench_push(["standing"], force=5.0, **options)
    (entry,) = json.loads(json.dumps(nudged, allow_nan=False))["clips"]
    assert (entry["recovered"], entry["trials"], entry["share"]) == (2, 2, 1.0) and entry["unpushed"]["upright"]
    assert [row["person"] for row in entry["rows"]] == ["supporter", "recipient"]
    blown = bench_push.bench_push(["standing"], force=3000.0, **options)["clips"][0]
    assert blown["recovered"] == 0 and max(blown["rows"][0]["com_speed_m_s"].values()) > 0.3
    print_push(nudged)
    assert "2 of 2 stand afterwards (100%)" in capsys.readouterr().out

    lines = keep.read_text().splitlines(keepends=True)
    assert len(lines) == 5  # who is left alone is so at any force
    keep.write_text("".join(lines[:-1]) + lines[-1][:40])
    made = []
    trial = bench_push._Scene.trial
    monkeypatch.setattr(bench_push._Scene, "trial", lambda scene, push: made.append(push) or trial(scene, push))
    assert bench_push.bench_push(["standing"], force=3000.0, **options)["clips"][0] == blown
    assert len(made) == 1 and len(keep.read_text().splitlines()) == 5


def test_what_cannot_be_pushed(standing):
    """Refuse controllers that try again, and counts that make no sense."""
    with pytest.raises(AssistMimicError, match="controller auto; pushes can be given to search and policy"):
        bench_push.bench_push(["standing"], controller=Controller.AUTO)
    with pytest.raises(AssistMimicError, match="0 trials"):
        bench_push.bench_push(["standing"], trials=0)


def test_rows_of_other_settings_or_code_are_not_taken(tmp_path):
    """Find a row by all that made it; refuse files that hold something else."""
    rows = KeptRows(tmp_path / "rows.jsonl", {"code": "a"})
    rows.add({"clip": "x"}, {"value": 1})
    assert KeptRows(tmp_path / "rows.jsonl", {"code": "a"}).find({"clip": "x"}) == {"value": 1}
    assert KeptRows(tmp_path / "rows.jsonl", {"code": "b"}).find({"clip": "x"}) is None
    assert KeptRows(None, {"code": "a"}).find({"clip": "x"}) is None
    (tmp_path / "poem.jsonl").write_text("roses\n")
    with pytest.raises(AssistMimicError, match="something else than rows"):
        KeptRows(tmp_path / "poem.jsonl", {})
    with pytest.raises(AssistMimicError, match="cannot be kept there"):
        KeptRows(tmp_path / "poem.jsonl" / "rows.jsonl", {})
