"""What the presets of strength can do without help."""

from __future__ import annotations

import pytest

from controller_server.benchmarks import people as bench_people
from controller_server.benchmarks.conversion import cases
from controller_server.benchmarks.people import ALONE, HOLDING, arm_load
from controller_server.body.strength import PRESETS
from controller_server.cli.bench_people_command import print_people
from controller_server.core.errors import AssistMimicError
from controller_server.pipeline.settings import Quality


def test_arms_hold_by_their_strength():
    """Need the share of an elbow that levers give, twice as much at half the strength, and nothing paralysed."""
    clip = cases((HOLDING,), folders=(ALONE,), captured=False)[0].load().clip
    adult, older = arm_load(clip, PRESETS["adult"], 10.0), arm_load(clip, PRESETS["older"], 10.0)
    assert adult is not None and older is not None
    elbow = 5 * 9.81 * 0.27 / PRESETS["adult"].muscle("left_elbow", 70.0).limit[1][0]
    assert 0.8 * elbow < adult < 2 * elbow
    assert older == pytest.approx(adult / PRESETS["older"].muscles["elbow"], rel=1e-6)
    assert arm_load(clip, PRESETS["left_arm_paralysed"], 10.0) is None


def test_people_are_told_as_a_table(monkeypatch, capsys):
    """Let one preset try one clip for real, and print what became of it; refuse a person nobody knows."""
    monkeypatch.setattr(bench_people, "RISES", (HOLDING,))
    report = bench_people.bench_people(("frail",), quality=Quality.DRAFT, seeds=(0,))
    row = report["people"][0]
    assert row["alone"][HOLDING]["success"] and row["arm_load"] > 1
    print_people(report)
    assert "frail" in capsys.readouterr().out
    with pytest.raises(AssistMimicError, match="strength 'tall'"):
        bench_people.bench_people(("tall",))
