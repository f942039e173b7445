"""The benchmark, on clips short enough for a test."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.policy_cases import renamed, untrained
from helpers.standing import standing_pair

from controller_server.benchmarks import conversion as bench
from controller_server.benchmarks import help_needed as bench_help
from controller_server.benchmarks.policies import bench_policies
from controller_server.body.pair import PairBody
from controller_server.body.strength import PRESETS
from controller_server.cli.bench_policies_command import print_policies
from controller_server.cli.bench_table import print_bench
from controller_server.clip.io.npz import write_npz
from controller_server.control.policy.bundle import write_bundle
from controller_server.control.policy.bundle_store import FOLDERS_VARIABLE
from controller_server.core.errors import AssistMimicError
from controller_server.metrics.geometry import clip_geometry
from controller_server.physics.recorded_frames import slice_clip
from controller_server.pipeline.convert import convert
from controller_server.pipeline.settings import Controller, ConvertSettings, Quality

FIELDS = {
    "name",
    "success",
    "success_tracking",
    "failed_criteria",
    "slip_cm",
    "holds_kept",
    "hand_speed_m_s",
    "controller",
    "max_wrench_n",
    "mpjpe_mm",
    "seconds_per_clip_second",
    "foot_skate_cm_s",
    "partner_penetration_mm",
}


@pytest.fixture
def short_clips(tmp_path, monkeypatch):
    """Bundled clips replaced by one of a fifth of a second."""
    write_npz(tmp_path / "standing.npz", standing_pair(7))
    monkeypatch.setattr(bench, "CLIPS", tmp_path)
    monkeypatch.delenv("ASSISTMIMIC_DATA", raising=False)


def test_the_report_has_what_was_promised(short_clips, no_policies, tmp_path, capsys):
    """Measure one clip, plainly and with ever weaker recipients alone."""
    report = bench.bench_convert(quality=Quality.DRAFT, out=tmp_path / "kept")
    again = json.loads(json.dumps(report, allow_nan=False))
    entry = again["clips"][0]
    assert set(entry) >= FIELDS
    assert entry["name"] == "standing" and entry["success"] is True
    assert set(entry["mpjpe_mm"]) == {"supporter", "recipient"}
    assert set(entry["foot_skate_cm_s"]) == set(entry["partner_penetration_mm"]) == {"input", "output"}
    assert again["ratio_to_bare_stepping"] >= again["ratio_of_search_to_bare_stepping"] > 0.5
    assert entry["world_steps"] > 50
    assert 50 < again["peak_rss_mb"] < 4000
    assert "cores" in again["machine"]
    (row,) = again["help"]
    assert row["alone"][0]["person"] == "adult" and row["alone"][0]["success"]  # who only stands needs no help
    assert again["summary"]["success_without_wrench"] == 1
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {"standing.npz", "standing.html"}
    print_bench(report)
    assert "success 1 of 1, followed 1 of 1" in capsys.readouterr().out


def test_clips_are_named_or_files(short_clips, tmp_path):
    """Take files beside names; say which clips there are, and what the real one needs."""
    (tmp_path / "elsewhere").mkdir()
    path = tmp_path / "elsewhere" / "mine.npz"
    write_npz(path, standing_pair(5))
    mine = bench.cases([str(path)])
    assert [case.name for case in mine] == ["mine"] and mine[0].load().clip.n_frames == 5
    assert [case.name for case in bench.cases(["standing", str(path)])] == ["standing", "mine"]
    with pytest.raises(AssistMimicError, match="no clip 'foo'; there are standing"):
        bench.cases(["foo"])
    with pytest.raises(AssistMimicError, match="ASSISTMIMIC_DATA"):
        bench.cases([bench.REAL_CLIP])


def test_a_part_is_scored_by_itself():
    """Score a part of a run as if it were a clip: same errors, same frames."""
    settings = ConvertSettings(controller=Controller.SEARCH, quality=Quality.DRAFT)
    result = convert(standing_pair(13), settings)
    whole = bench.part_entry(result, 0.0, 0.4)
    assert whole["mpjpe_mm"]["supporter"] == pytest.approx(result.scores.supporter.mpjpe_mm)
    part = bench.part_entry(result, 0.2, 0.4)
    error = np.linalg.norm(result.simulated_clip.joints - result.prepared_clip.joints, axis=-1)[6:, 0, :22]
    assert part["mpjpe_mm"]["supporter"] == pytest.approx(1000 * error.mean())
    assert part["success"] is True


def test_the_real_clip_sits_on_its_seat(data_folder):
    """Put the committed seat 0.09 m under the seated hip joints, under the pelvis' place, its top at the flesh."""
    read = bench.load_real_clip(data_folder)
    pelvis = read.clip.joints[0, 1, 0]
    seat = read.clip.props[0]
    top = seat.position[2] + seat.size[2] / 2
    hips = read.clip.joints[0, 1, 1:3, 2].mean()
    assert hips - top == pytest.approx(0.09, abs=0.005)
    depth = clip_geometry(slice_clip(read.clip, slice(0, 2)), PairBody.from_clip(read.clip)).prop_depth[0, 1]
    assert 0 <= depth < 0.005
    assert (np.abs(pelvis[:2] - seat.position[:2]) < seat.size[:2] / 2).all()
    assert read.clip.n_frames == 121 and read.clip.fps == pytest.approx(60, abs=0.01)


def test_clips_that_policies_carry_need_no_search(short_clips, tmp_path, monkeypatch, capsys):
    """Report conversions without a search too: nothing to compare with bare stepping."""
    monkeypatch.setenv(FOLDERS_VARIABLE, str(tmp_path / "policies"))
    pair = PairBody.from_clip(standing_pair(7))
    write_bundle(tmp_path / "policies" / "fits", renamed(untrained(standing_pair(7), pair), "fits"))
    report = json.loads(json.dumps(bench.bench_convert(quality=Quality.DRAFT, weak=False), allow_nan=False))
    assert (report["clips"][0]["controller"], report["clips"][0]["world_steps"]) == ("policy", 0)
    assert report["ratio_to_bare_stepping"] is None
    print_bench(report)
    assert "bare stepping" not in capsys.readouterr().out


def test_policies_are_measured_beside_the_search(short_clips, no_policies, tmp_path, monkeypatch, capsys):
    """Convert a clip by policy, search around it and search; leave out what no policy fits, and say so."""
    monkeypatch.setenv(FOLDERS_VARIABLE, str(tmp_path / "policies"))
    clip = standing_pair(7)
    weak = PairBody.from_clip(clip, recipient=PRESETS["weak"])
    write_bundle(tmp_path / "policies" / "fits", renamed(untrained(clip, weak), "fits"))
    write_npz(tmp_path / "other.npz", standing_pair(8))
    report = json.loads(json.dumps(bench_policies(quality=Quality.DRAFT), allow_nan=False))
    assert [(entry["clip"], entry["controller"]) for entry in report["clips"]] == [
        ("standing", "policy"),
        ("standing", "search-policy"),
        ("standing", "search"),
    ]
    assert [entry["policy"] for entry in report["clips"]] == ["fits", "fits", ""]
    assert all(entry["success"] for entry in report["clips"])
    assert report["summary"]["policy"]["success"] == report["summary"]["policy"]["common_successes"] == 1
    steps = [entry["control_steps"] for entry in report["clips"]]
    assert steps[0] < min(steps[1:]), "a policy looks at no other future than its own"
    assert all(entry["control_seconds_per_clip_second"] > 0 for entry in report["clips"])
    assert len(report["left_out"]) == 1 and report["left_out"][0].startswith("other: ")
    print_policies(report)
    assert "search-policy: success 1, followed 1 of 1" in capsys.readouterr().out
    with pytest.raises(AssistMimicError, match="no such bundle"):
        bench_policies(policy="nobody")


def test_who_needs_help(monkeypatch):
    """Go on to weaker people while any seed gets up alone; try the first who does not with the supporter."""
    asked = []

    def converted(clip, settings, **_):
        asked.append((settings.recipient_strength, settings.remove_supporter, settings.seed))
        good = not settings.remove_supporter or (settings.recipient_strength, settings.seed) == ("adult", 1)
        joints = np.zeros((2, 2, 22, 3))
        scores = SimpleNamespace(
            success=good,
            recipient=SimpleNamespace(
                deviation_max_m=0.1 if good else 0.4 + settings.seed / 10,
                mpjpe_mm=20.0,
                partner_force=SimpleNamespace(mean_upward_n=5.0),
            ),
        )
        clip = SimpleNamespace(joints=joints)
        return SimpleNamespace(scores=scores, simulated_clip=clip, prepared_clip=clip)

    monkeypatch.setattr(bench_help, "convert", converted)
    row = bench_help.help_entry("x", lambda: standing_pair(2), Quality.DRAFT, lambda what: print)
    assert row["needs_help"] == "older" and row["helped"]["success"]
    assert [tried["seed"] for tried in row["alone"]] == [1, 0]
    alone = [("adult", True, 0), ("adult", True, 1), ("older", True, 0), ("older", True, 1), ("older", True, 2)]
    assert asked == [*alone, ("older", False, 0)]
