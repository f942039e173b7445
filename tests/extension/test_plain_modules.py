"""What the Blender extension shows of a result, as far as it needs no Blender."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_addon.overlay_data import BETWEEN, FLOOR, HELP, OverlayData, convex_hull
from blender_addon.problems import Problem, problems_of, worst_frames
from blender_addon.report import outcome, rows_of, write_scores
from controller_server.core.errors import AssistMimicError


def meta(skate: float = 1.0) -> dict[str, Any]:
    """Scores as a result file has them, cut to what is shown."""
    both = {"input": 5.0, "output": skate}
    person = {
        "deviation_max_m": 0.03,
        "floor_penetration_mm": {"input": 30.0, "output": 2.0},
        "partner_force": {"peak_n": 240.0},
    }
    return {
        "controller": "search",
        "settings": {"seed": 3},
        "versions": {"assistmimic": "0"},
        "scores": {
            "success": True,
            "worst_frame": 7,
            "mpjpe_mm": 12.0,
            "foot_skate_cm_s": both,
            "partner_penetration_mm": {"input": 50.0, "output": 45.0},
            "contact_kept": None,
            "max_wrench_n": 0.0,
            "supporter": person,
            "recipient": person,
        },
    }


def test_table_flags_what_one_will_see() -> None:
    """A value is flagged when it is over its limit and no better than in the original."""
    flagged = {row.label for row in rows_of(meta(skate=14.0)) if row.is_problem}
    assert flagged == {"Foot skating"}  # people are deep in each other, but less than before
    assert not any(row.is_problem for row in rows_of(meta(skate=4.0)))
    assert next(row for row in rows_of(meta()) if row.label == "Deviation").frame == 7


def test_outcome_in_one_sentence() -> None:
    """Carried, followed but not usable, lost, too much help; older results too, which say less."""
    scores = meta()["scores"]
    assert outcome(scores) == "Carried: 12 mm from the prepared motion"
    wrong = [{"sentence": text, "passed": False} for text in ("left foot slid 7 cm", "31 % kept")]
    flawed = {**scores, "success": False, "success_tracking": True, "criteria": [*wrong, {"passed": True}]}
    assert outcome(flawed) == "Followed, but not usable as it is: left foot slid 7 cm, and 1 more"
    lost = {**scores, "success": False, "failure_time_s": 1.25, "failed_person": "recipient"}
    assert outcome(lost) == "Not carried: recipient lost the motion at 1.25 s"
    assert "too much outside help" in outcome({**lost, "failure_time_s": None, "max_wrench_n": 300.0})


def test_newer_results_tell_slides_and_holds() -> None:
    """Rows for what older results do not have."""
    values = meta()
    scores = values["scores"]
    foot = {"feet": {"slip_worst_cm": {"input": 1.0}}}
    people = {role: scores[role] | foot for role in ("supporter", "recipient")}
    held = {"input": 0.9, "prepared": 1.0, "output": 0.5}
    scores |= {"slip": {"worst_cm": 7.0}, "holds_on_part": held, **people}
    rows = {row.label: row for row in rows_of(values)}
    assert rows["Foot slide"].is_problem and (rows["Holds kept"].before, rows["Holds kept"].after) == (90.0, 50.0)


def test_scores_are_written_in_each_format(tmp_path: Path) -> None:
    """JSON holds everything, CSV one line a measure, HTML escapes what it is given; others are refused."""
    values = meta() | {"controller": "<script>"}
    text = json.dumps(values)
    for suffix in (".json", ".csv", ".html"):
        write_scores(tmp_path / f"r{suffix}", text)
    assert json.loads((tmp_path / "r.json").read_text()) == values
    lines = list(csv.reader((tmp_path / "r.csv").read_text().splitlines()))
    assert len(lines) == len(rows_of(values)) + 1
    assert "<script>" not in (tmp_path / "r.html").read_text()
    with pytest.raises(AssistMimicError, match="use one of"):
        write_scores(tmp_path / "r.txt", text)
    with pytest.raises(AssistMimicError, match="cannot be written"):
        write_scores(tmp_path / "no" / "r.csv", text)


def test_problems_are_runs_of_frames() -> None:
    """Runs over the limit are found with small gaps bridged; the worst frame of each measure too."""
    skating = np.zeros((40, 2))
    skating[5:9, 0], skating[10:12, 1], skating[30, 1] = 20, 30, 12
    arrays = {"result_skating": skating, "result_partner_depth": np.full(40, 0.001)}
    assert problems_of(arrays) == [Problem("skate", 5, 11), Problem("skate", 30, 30)]
    assert worst_frames(arrays) == {"skate": 10, "partner": 0}


def overlay_arrays() -> dict[str, np.ndarray]:
    """Two frames; in the first both people stand on four points, hold each other and one is helped from outside."""
    corners = [(0, 0, 0), (0.2, 0, 0), (0.2, 0.3, 0), (0, 0.3, 0), (0.1, 0.1, 0)]
    bodies = [(7, -1)] * 5 + [(29, -1)] * 5 + [(20, 42)]
    places = np.array([*corners, *[(x + 1, y, z) for x, y, z in corners], (0.5, 0, 1)])
    wrench = np.zeros((2, 2, 6))
    wrench[0, 1, 2] = 100
    return {
        "result_contact_frame": np.zeros(11, dtype=int),
        "result_contact_bodies": np.array(bodies),
        "result_contact_positions": places,
        "result_contact_forces": np.tile([0.0, 0, 200], (11, 1)),
        "result_com": np.tile([[0.1, 0.1, 1], [1.1, 0.1, 1]], (2, 1, 1)).astype(float),
        "result_wrench": wrench,
        "result_forces": np.zeros((2, 2, 22, 3, 3)),
    }


def test_overlay_shows_contacts_balance_and_help() -> None:
    """Arrows are as long as their force, support areas are each person's own, outside help has its own colour."""
    data = OverlayData(overlay_arrays(), ground=0.5)
    contacts = data.picture(0, contacts=True, balance=False, metres_per_kn=1.0)
    assert len(contacts.points) == 11
    shafts = contacts.lines[::3]
    assert np.allclose(np.linalg.norm(shafts[:11, 1] - shafts[:11, 0], axis=-1), 0.2)
    assert contacts.points[0, 2] == pytest.approx(0.5)  # on the scene's ground
    colours = {tuple(colour) for colour in contacts.line_colours}
    assert colours == {BETWEEN, FLOOR, HELP}
    balance = data.picture(0, contacts=False, balance=True, metres_per_kn=1.0)
    assert len(balance.points) == 2 and len(balance.lines) == 2 * (1 + 4)  # a plumb line and four sides each
    empty = data.picture(1, contacts=True, balance=False, metres_per_kn=1.0)
    assert len(empty.points) == len(empty.lines) == 0


def test_hull_of_few_and_many_points() -> None:
    """One or two points are their own hull; inner and collinear points are left out."""
    assert len(convex_hull(np.zeros((0, 2)))) == 0
    assert len(convex_hull(np.array([[1.0, 2], [1, 2]]))) == 1
    square = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1], [0.5, 0.5], [0.5, 0]])
    assert {tuple(corner) for corner in convex_hull(square)} == {(0, 0), (1, 0), (1, 1), (0, 1)}
