"""All measures of one conversion together."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest
from helpers.measure_cases import FPS, apart, moved, recording_of

from controller_server.body.pair import PairBody
from controller_server.core.errors import AssistMimicError
from controller_server.metrics import measure, scores_to_json
from controller_server.metrics.effort import GRAVITY


def case(frames: int = 10, *, offset=(0.0, 0.0, 0.0), prepared=(0.0, 0.0, 0.0), **recorded):
    """Scores of a still pair, prepared and simulated with an offset from the input."""
    raw = apart(frames)
    reference, result = moved(raw, np.array(prepared)), moved(raw, np.array(offset))
    pair = PairBody.from_clip(reference)
    return measure(raw, reference, result, recording_of(result, pair, **recorded), pair)


def test_a_perfect_copy_scores_perfectly():
    """No error, no skating, no help, success."""
    scores = case()
    assert scores.success and scores.success_paper and not scores.assisted
    assert scores.failure_time_s is None and scores.contact_kept is None
    assert scores.mpjpe_mm == pytest.approx(0, abs=1e-9)
    assert scores.partner_penetration_mm.output == 0
    assert scores.recipient.partner_force.peak_n == 0


def test_an_offset_shows_in_every_error():
    """10 cm aside from the prepared clip, 12 cm from the input, which prepare had moved by 2 cm."""
    scores = case(offset=(0.12, 0, 0), prepared=(0.02, 0, 0))
    for _, person in scores.people:
        assert person.mpjpe_mm == pytest.approx(100)
        assert person.mpjpe_input_mm == pytest.approx(120)
        assert person.deviation_max_m == pytest.approx(0.1)
        assert person.prepare_mean_mm == pytest.approx(20)
        assert person.com_error_mm == pytest.approx(100)
    assert scores.success


def test_success_and_the_papers_success_differ_between_their_limits():
    """0.3 m off from the first frame: lost at 0 s by 0.25 m, kept by 0.5 m."""
    scores = case(offset=(0.3, 0, 0))
    assert (scores.success_tracking, scores.success_paper, scores.failure_time_s) == (False, True, 0.0)
    assert scores.failed_person in ("supporter", "recipient")


def test_a_broken_off_simulation_fails():
    """A recording that ends early fails when it ends."""
    scores = case(31, until=0.5)
    assert not scores.success and not scores.success_paper
    assert scores.failure_time_s == pytest.approx(0.5, abs=0.02)


def test_forces_and_wrench_reach_the_scores():
    """Lifted with 200 N, pushed from outside with 70 N."""
    scores = case(lift=200.0, wrench=70.0)
    assert scores.recipient.partner_force.mean_upward_n == pytest.approx(200)
    assert scores.supporter.partner_force.mean_upward_n == pytest.approx(-200)
    assert scores.assisted and scores.max_wrench_n == pytest.approx(70)
    weights = 70 / (scores.recipient.mass_kg * GRAVITY)
    assert scores.recipient.wrench.mean_body_weights == pytest.approx(weights)
    assert scores.supporter.wrench.max_n == 0
    assert scores.success_tracking and not scores.helped_too_much
    assert (scores.success, scores.word, scores.failed_criteria) == (False, "assisted", ("outside_help",))


def test_too_much_help_on_average_is_no_success():
    """0.2 body weights of outside help fail a clip that is followed, by the paper's limit too; nobody lost it."""
    clip = apart(10)
    scores = case(wrench=0.2 * PairBody.from_clip(clip).recipient.mass * GRAVITY)
    assert scores.helped_too_much and scores.mean_help == pytest.approx(0.2)
    assert (scores.success_tracking, scores.success_paper) == (False, False)
    assert (scores.failure_time_s, scores.failed_person) == (None, None)


def test_only_the_judged_have_to_stay_on_the_clip():
    """A supporter who strays does not fail a clip in which the recipient alone is judged."""
    raw = apart(10)
    strayed = replace(raw, supporter=replace(raw.supporter, trans=raw.supporter.trans + [0.4, 0, 0]))
    pair = PairBody.from_clip(raw)
    recording = recording_of(strayed, pair)
    assert measure(raw, raw, strayed, recording, pair).failed_person == "supporter"
    assert measure(raw, raw, strayed, recording, pair, judged=(1,)).success


def test_input_and_output_are_measured_by_the_same_rule():
    """An input that slides and sinks against an output that does neither."""
    still = apart(10)
    slide = np.outer(np.arange(10) / FPS, [0.2, 0, 0]) - [0, 0, 0.008]
    pair = PairBody.from_clip(still)
    scores = measure(moved(still, slide), still, still, recording_of(still, pair), pair)
    assert scores.foot_skate_cm_s.input == pytest.approx(20)
    assert scores.foot_skate_cm_s.output == pytest.approx(0, abs=1e-9)
    assert scores.supporter.floor_penetration_mm.input == pytest.approx(8, abs=0.05)
    assert scores.supporter.floor_penetration_share.input == 1
    assert scores.supporter.floor_penetration_mm.output == pytest.approx(0, abs=0.05)


def test_the_input_may_have_other_proportions():
    """Prepare may give a person their own skeleton; the input is measured with the one it came with."""
    raw = apart(4)
    scaled = raw.with_people(lambda m: replace(m, rest_joints=1.05 * m.skeleton.rest_joints, trans=m.trans))
    pair = PairBody.from_clip(scaled)
    scores = measure(raw, scaled, scaled, recording_of(scaled, pair), pair)
    assert scores.supporter.floor_penetration_mm.input == pytest.approx(0, abs=0.01)
    assert scores.supporter.prepare_mean_mm > 5


def test_clips_of_different_length_are_refused():
    """The message names both lengths."""
    a, b = apart(10), apart(11)
    pair = PairBody.from_clip(a)
    with pytest.raises(AssistMimicError, match="11 frames.*10"):
        measure(a, a, b, recording_of(a, pair), pair)


def test_scores_are_plain_json():
    """Every value survives JSON, and the nested names are the documented ones."""
    loaded = json.loads(scores_to_json(case()))
    assert loaded["foot_skate_cm_s"] == {"input": pytest.approx(0, abs=1e-9), "output": pytest.approx(0, abs=1e-9)}
    assert loaded["recipient"]["torque"]["max_share"] == 0
    assert loaded["supporter"]["hardest_joint"]


def test_measuring_is_cheap():
    """A 5 s clip takes about a third of a second; three seconds leave room for a busy machine."""
    start = time.process_time()
    case(151)
    assert time.process_time() - start < 3


def test_a_prepared_clip_far_from_the_input_is_told():
    """Over 60 mm of those who are judged; a supporter who was put aside counts for nothing."""
    assert case(offset=(0.07, 0, 0), prepared=(0.07, 0, 0)).prepared_far
    assert not case(offset=(0.05, 0, 0), prepared=(0.05, 0, 0)).prepared_far
    raw = apart(10)
    aside = replace(raw, supporter=replace(raw.supporter, trans=raw.supporter.trans - [5.0, 0, 0]))
    pair = PairBody.from_clip(aside)
    alone = measure(raw, aside, aside, recording_of(aside, pair), pair, judged=(1,))
    assert alone.success and not alone.prepared_far
