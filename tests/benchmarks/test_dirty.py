"""Dirty clips converted and held against their clean truth."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
from helpers.policy_cases import renamed, untrained
from helpers.standing import standing_pair

from controller_server.benchmarks import dirty as bench_dirty
from controller_server.benchmarks.dirt import KINDS
from controller_server.benchmarks.dirty import error_mm, plan, targets
from controller_server.body.pair import PairBody
from controller_server.cli.bench_dirty_command import print_dirty
from controller_server.clip.io.npz import write_npz
from controller_server.control.policy.bundle import write_bundle
from controller_server.control.policy.bundle_store import FOLDERS_VARIABLE
from controller_server.core.errors import AssistMimicError
from controller_server.pipeline.settings import Controller, ConvertSettings

FIELDS = {
    "clip",
    "kind",
    "seed",
    "success",
    "success_tracking",
    "failed_criteria",
    "controller",
    "max_wrench_n",
    "error_to_truth_mm",
    "contact_kept",
    "slip_cm",
    "hand_speed_m_s",
    "seconds_per_clip_second",
}


def test_the_default_subset_is_spread():
    """Give each of the ten clips two kinds and each kind two clips; with five seeds every clip gets every kind once."""
    tasks = plan()
    assert len({(task.case.name, task.kind) for task in tasks}) == len(tasks) == 20
    assert set(Counter(task.case.name for task in tasks).values()) == {2}
    assert Counter(task.kind for task in tasks) == dict.fromkeys(KINDS, 2)
    five = plan(seeds=range(5))
    assert len({(t.case.name, t.kind) for t in five}) == len(five) == 100
    assert len(plan(full=True)) == 100 and len(plan(["steady"])) == 10 and len(plan(kinds=["faster"])) == 10
    assert [(t.case.name, t.kind, t.seed) for t in plan(["low_stool"], ["faster"], (0, 2))] == [
        ("low_stool", "faster", 0),
        ("low_stool", "faster", 2),
    ]
    with pytest.raises(AssistMimicError, match="no kind of dirt 'mud'; there are jitter_2deg"):
        plan(kinds=["mud"])
    with pytest.raises(AssistMimicError, match="no clip 'foo'; there are floor_to_stand"):
        plan(["foo"])


@pytest.fixture
def standing(tmp_path, monkeypatch):
    """One clip, two people who stand for a third of a second, and a policy that does what the clip does."""
    (tmp_path / "clips").mkdir()
    clip = standing_pair(11)
    write_npz(tmp_path / "clips" / "standing.npz", clip)
    bundle = renamed(untrained(clip, PairBody.from_clip(clip), kind="prior"), "fits")
    write_bundle(tmp_path / "policies" / "fits", bundle)
    monkeypatch.setenv(FOLDERS_VARIABLE, str(tmp_path / "policies"))
    monkeypatch.setattr(bench_dirty, "CLIPS", tmp_path / "clips")
    monkeypatch.setattr(bench_dirty, "TRAINING_CLIPS", tmp_path / "none")


SETTINGS = ConvertSettings(controller=Controller.POLICY, policy="fits", threads=1)


def test_rows_have_what_was_promised_and_a_cut_off_run_goes_on(standing, tmp_path, monkeypatch, capsys):
    """Convert, keep rows as they are made, make only those that are missing."""
    tasks = plan(kinds=["float_6cm", "farther_8cm"])
    keep = tmp_path / "out" / "dirty.jsonl"
    report = bench_dirty.bench_dirty(tasks, SETTINGS, keep=keep, out=tmp_path / "out")
    again = json.loads(json.dumps(report, allow_nan=False))
    assert [(row["clip"], row["kind"], row["seed"]) for row in again["rows"]] == [
        ("standing", "float_6cm", 0),
        ("standing", "farther_8cm", 0),
    ]
    for row in again["rows"]:
        assert set(row) >= FIELDS and row["controller"] == "policy" and row["success_tracking"]
        assert set(row["error_to_truth_mm"]) == set(row["hand_speed_m_s"]) == {"input", "prepared", "output"}
        assert len(row["failed_criteria"]) == len(row["said"]) and row["success"] == (not row["said"])
    assert again["rows"][1]["error_to_truth_mm"]["input"] == pytest.approx(40)  # one of two people is 8 cm off
    assert {path.suffix for path in keep.parent.iterdir()} == {".npz", ".html", ".jsonl"}
    print_dirty(report)
    shown = capsys.readouterr().out
    assert "output's error over input's" in shown and "standing" in shown

    lines = keep.read_text().splitlines(keepends=True)
    keep.write_text(lines[0] + lines[1][:50])
    made = []
    converts = bench_dirty.convert
    monkeypatch.setattr(bench_dirty, "convert", lambda clip, *a, **k: made.append(clip) or converts(clip, *a, **k))
    once_more = bench_dirty.bench_dirty(tasks, SETTINGS, keep=keep)
    assert len(made) == 1 and once_more["rows"][0] == report["rows"][0]
    different = {"seconds_per_clip_second"}
    assert all(once_more["rows"][1][k] == report["rows"][1][k] for k in FIELDS - different)


def test_what_cannot_be_converted_is_a_row_too(standing, monkeypatch):
    """Count a clip that is refused as a failure and go on."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssistMimicError("the clip is too dirty")

    monkeypatch.setattr(bench_dirty, "convert", refuse)
    report = bench_dirty.bench_dirty(plan(kinds=["faster"]), SETTINGS)
    assert report["rows"][0]["failed_criteria"] == ["not_converted"]
    assert report["rows"][0]["said"] == ["the clip is too dirty"]
    assert report["summary"]["faster"] == {"rows": 1, "success": 0, "success_tracking": 0, "error_to_truth_mm": None}
    assert report["targets"][0]["value"] == 0 and report["targets"][2]["met"] is None
    print_dirty(report)


def test_error_is_the_mean_distance_of_joints():
    """Give 30 mm where everybody is 30 mm off and 15 where one of two is."""
    clip = standing_pair(5)
    moved = standing_pair(5).with_people(lambda m: type(m)(m.trans + [0, 0.03, 0], m.root_orient, m.pose_body))
    assert error_mm(moved, clip) == pytest.approx(30)
    assert error_mm(bench_dirty.replace(clip, recipient=moved.recipient), clip) == pytest.approx(15)


def _row(kind: str, success: bool, *, output: float, wrench: float = 0.0) -> dict[str, Any]:
    return {
        "kind": kind,
        "success": success,
        "max_wrench_n": wrench,
        "error_to_truth_mm": {"input": 40.0, "prepared": 42.0, "output": output},
        "hand_speed_m_s": {"input": 1.0, "prepared": 1.9, "output": 1.0},
        "seconds_per_clip_second": 10.0,
    }


def test_targets_are_held_against_the_worst_row():
    """Count successes with and without hard dirt; judge help, errors and speeds by the worst row."""
    rows = [_row("faster", True, output=50), _row("all_mild", False, output=57, wrench=3.0)]
    found = {target["name"]: target for target in targets(rows)}
    assert (found["success"]["value"], found["success"]["met"]) == (0.5, False)
    assert (found["success without jitter and all mild"]["value"], found["outside help"]["value"]) == (1.0, 3.0)
    assert (found["output's error over input's"]["value"], found["output's error over input's"]["met"]) == (17, False)
    assert found["prepared's error over input's"]["met"] and not found["outside help"]["met"]
    assert found["prepared hands over 1.2 x input's"]["value"] == pytest.approx(0.7)
    assert np.isclose(found["time for a clip second, mean"]["value"], 10)
    assert all(target["met"] is None for target in targets([]))
