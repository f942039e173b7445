"""The list of metrics: complete, found in scores and in their JSON alike, and as the page of measures has it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.measure_cases import apart, moved, recording_of

from blender_addon import problems
from blender_addon.report import rows_of
from controller_server.body.pair import PairBody
from controller_server.metrics.catalogue import METRICS, PARTS, at, metrics_table
from controller_server.metrics.criteria import Criteria
from controller_server.metrics.scores import Scores, measure, scores_to_dict
from controller_server.metrics.shaking import PARTS as SHAKEN
from controller_server.metrics.tracking import SUCCESS_LIMIT
from controller_server.report.tables import score_groups

PAGE = Path(__file__).parents[2] / "docs" / "measures.md"


@pytest.fixture(scope="module")
def scores() -> Scores:
    """Of a still pair that is simulated 5 cm aside."""
    raw = apart(31)
    result = moved(raw, np.array([0.05, 0, 0]))
    pair = PairBody.from_clip(raw)
    return measure(raw, raw, result, recording_of(result, pair), pair)


def test_the_page_has_the_list() -> None:
    """The table of docs/measures.md is the one that the list prints."""
    assert metrics_table() in PAGE.read_text(encoding="utf-8"), "print it anew: docs/measures.md says how"


def test_every_metric_is_found_in_scores_and_in_their_json(scores: Scores) -> None:
    """A metric names its place in the dataclasses and in the JSON, and says the same of both."""
    as_json = scores_to_dict(scores)
    for metric in METRICS:
        people = [("", as_json)] if metric.pair else [(role, as_json[role]) for role, _ in scores.people]
        for role, values in people:
            one = getattr(scores, role) if role else scores
            stages = ("input", "output") if hasattr(at(one, metric.path), "input") else ("",)
            assert [metric.of(one, stage) for stage in stages] == [metric.of(values, stage) for stage in stages]
            assert not metric.also[0] or at(one, metric.also[0]) == at(values, metric.also[0])
            assert [metric.of_both(scores, s) for s in stages] == [metric.of_both(as_json, s) for s in stages]


def test_names_and_labels_are_used_once() -> None:
    """Names are unique, tolerances agree with which way is better, and the parts of the body are those measured."""
    assert len({metric.name for metric in METRICS}) == len({metric.label for metric in METRICS}) == len(METRICS)
    assert all(metric.better in ("less", "more", "") for metric in METRICS)
    assert all(m.tolerance.more == (m.better == "more") for m in METRICS if m.tolerance is not None)
    assert tuple(SHAKEN) == PARTS


def test_tables_and_blender_take_labels_and_limits_from_the_list(scores: Scores) -> None:
    """Each metric is a row of the report; what Blender marks is what the list calls visible."""
    rows = [row["label"] for group in score_groups(scores) for row in group["rows"]]
    assert rows == [metric.label for metric in METRICS]
    limits = {row.label: row.limit for row in rows_of({"scores": scores_to_dict(scores)})}
    assert {limit for limit in limits.values() if limit is not None} <= {m.visible for m in METRICS}
    assert problems.DEVIATION == SUCCESS_LIMIT and 100 * Criteria().max_slip_m == problems.SLIDE
