"""An evaluation that was cut off goes on, and only with what is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.policy_cases import untrained
from helpers.standing import standing_pair

from controller_server.body.pair import PairBody
from controller_server.evaluation import evaluation
from controller_server.evaluation.conditions import Conditions, parse_dynamics
from controller_server.evaluation.evaluation import EvaluationClip, evaluate
from controller_server.evaluation.measured_runs import KeptRuns

CLIP = standing_pair(6)
BUNDLE = untrained(CLIP, PairBody.from_clip(CLIP))


def report_of(path: Path | None, *, seed: int = 0, stop: bool = False) -> dict[str, Any]:
    """Two rows; `stop` is Ctrl-C after the first."""

    def on_row(row: dict[str, Any]) -> None:
        if stop:
            raise KeyboardInterrupt

    return evaluate(
        [BUNDLE],
        [EvaluationClip("still", CLIP)],
        parse_dynamics(["seen,mass1.5"]),
        Conditions(2, seed, threads=1),
        help_tests=(),
        verdicts=False,
        kept=KeptRuns(path),
        on_row=on_row,
    )


@pytest.mark.slow
def test_a_cut_off_evaluation_goes_on(tmp_path, monkeypatch):
    """Measure only what is missing, also after a line that was not written to its end, with the same numbers."""
    measured: list[str] = []
    run = evaluation._run

    def counted(bundle, clip, how, *rest, **more):
        measured.append(how.dynamics.name)
        return run(bundle, clip, how, *rest, **more)

    monkeypatch.setattr(evaluation, "_run", counted)
    whole = report_of(None)
    path = tmp_path / "out.json.part"
    with pytest.raises(KeyboardInterrupt):
        report_of(path, stop=True)
    with path.open("a") as file:
        file.write('{"key": "torn')
    measured.clear()
    again = report_of(path)
    assert measured == ["mass1.5"] and len(path.read_text().splitlines()) == 3
    for name in ("rows", "help", "comparison", "conditions"):
        assert again[name] == whole[name]
    measured.clear()
    assert report_of(path)["rows"] == whole["rows"] and measured == []
    report_of(path, seed=1)
    assert measured == ["seen", "mass1.5"]  # other trials
