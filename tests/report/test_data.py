"""The report's texts, curves and packed arrays, without a browser."""

import base64
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from helpers.measure_cases import apart, moved, recording_of
from helpers.report_cases import report_of

from controller_server.body.pair import PairBody
from controller_server.core.errors import AssistMimicError
from controller_server.metrics import measure
from controller_server.metrics.catalogue import TOLERANCES
from controller_server.metrics.scores import BeforeAfter
from controller_server.report import render_report, write_report
from controller_server.report.changes import change, changes
from controller_server.report.curves import curves, thinned
from controller_server.report.data import MAX_FRAMES, animation
from controller_server.report.page import json_for_html, payload
from controller_server.report.tables import flat_rows, score_groups
from controller_server.report.verdict import verdict


def scores_of(*, offset: float = 0.0, **recorded):
    """Scores of a still pair simulated `offset` metres aside."""
    raw = apart(31)
    result = moved(raw, np.array([offset, 0, 0]))
    pair = PairBody.from_clip(raw)
    return measure(raw, raw, result, recording_of(result, pair, **recorded), pair)


def unpack(packed: dict[str, str]) -> np.ndarray:
    """The array a browser would read."""
    return np.frombuffer(base64.b64decode(packed["data"]), dtype="<" + packed["type"])


def test_verdict_of_a_carried_clip():
    """Within 7 cm (rounded up) and no outside help."""
    found = verdict(scores_of(offset=0.0612))
    assert found.level == "carried"
    said = "Success: usable as it is. Both people stayed within 7 cm of the clip, with no outside help."
    assert (found.headline, found.faults, found.remarks) == (said, (), ())


def test_verdict_of_a_clip_that_was_followed_but_is_not_usable():
    """Name what is wrong, whose and when; and whatever else must be known."""
    scores = scores_of(offset=0.2)
    found = verdict(scores)
    assert found.level == "failed"
    assert found.headline == "Not usable as it is: the clip was followed to its end, but 2 things are wrong."
    assert any(re.search(r"t 0\.20 m off at 0\.0 s, mean of 22 joints \(0\.15 m allowed\)", f) for f in found.faults)
    assert any("balance 0.20 m off" in fault for fault in found.faults)
    people = {"supporter": scores.supporter, "recipient": replace(scores.recipient, prepare_mean_mm=72.0)}
    odd = replace(scores, other_limits={"max_slip_m": 0.1}, ends_in_motion=True, prepared_far=True, **people)
    judged, moved_by, ends = verdict(odd).remarks
    assert "max_slip_m 0.1" in judged and ends.startswith("The clip ends in motion")
    assert moved_by.startswith("Preparing moved the recipient by 72 mm on average")


def test_six_lines_of_what_became_better_and_worse():
    """Tell better from worse and from what nobody would see, whichever way is better."""
    lines = changes(scores_of())
    assert len(lines) == 6 and all(line.tone == "same" for line in lines)
    slip = lambda *values: change("slip_worst_cm", "Feet slide", "cm", values, "").tone  # noqa: E731
    told = [slip(5.0, 2.0), slip(1.2, 2.0), slip(0.0, 1.7), slip(0.0, 3.0), slip(0.0, 6.0), slip(9.0, 6.0)]
    assert told == ["better", "same", "fine", "amber", "worse", "better"]
    assert change("holds_kept", "Hands", "%", (100.0, 60.0), "").tone == "worse"
    assert change("holds_kept", "Hands", "%", (None, None), "").before == "–"


def test_soft_contact_is_no_bad_news():
    """Colour some millimetres in the floor green at every frame, more of it amber, much red; unchanged is no news."""
    still = scores_of()

    def cells(depth: float) -> list[str]:
        person = replace(
            still.supporter,
            floor_penetration_mm=BeforeAfter(0.0, depth),
            floor_penetration_share=BeforeAfter(0.0, 0.99),
        )
        rows = score_groups(replace(still, supporter=person))[1]["rows"]
        return [row["people"][0][2] for row in rows if "floor" in row["label"]]

    assert (cells(4.0), cells(25.0), cells(60.0)) == (["better"] * 2, ["amber"] * 2, ["worse"] * 2)
    assert TOLERANCES["floor_penetration_mm"].level(90.0, 60.0, changed=True) == "amber"
    assert TOLERANCES["floor_penetration_mm"].level(0.0, 0.01, changed=False) == ""


def test_verdict_of_an_assisted_clip_names_who_was_held():
    """The largest outside force and its receiver."""
    found = verdict(scores_of(wrench=70.0))
    assert found.level == "assisted"
    assert "up to 70 N held the recipient." in found.headline
    assert "the supporter" not in found.headline and "magenta" in found.detail


def test_verdict_of_a_failed_clip_says_when_and_who():
    """Failure stands above assistance; the paper's looser limit is told beside it."""
    found = verdict(scores_of(offset=0.3, wrench=70.0))
    assert found.level == "failed"
    assert re.match(r"Failed at 0\.0 s: the (supporter|recipient) was more than 25 cm", found.headline)
    assert "50 cm the pair stayed" in found.detail
    assert verdict(scores_of(until=0.5)).headline.endswith("the simulation broke off there.")
    helped = verdict(scores_of(wrench=200.0))
    assert helped.level == "failed" and "body weights of outside help on average, more than 0.15" in helped.headline
    assert "did not stay" not in helped.detail and "magenta" in helped.detail


def test_thinned_curves_keep_their_peaks():
    """A single spike, positive or negative, survives."""
    values = np.zeros((1000, 2))
    values[501, 0], values[777, 1] = 9, -7
    kept = thinned(values, 100)
    assert len(kept) == 100
    assert kept[:, 0].max() == 9 and kept[:, 1].min() == -7
    assert thinned(values, 2000) is values


def test_curves_show_what_was_recorded():
    """The upward part on the recipient is the lift, and the outside curve says so when there is nothing."""
    charts = {chart["key"]: chart for chart in curves(report_of(lift=200.0))}
    upward = charts["partner"]["series"][0]
    assert upward["name"] == "recipient, upward part"
    np.testing.assert_allclose(unpack(upward["values"]), 200)
    assert charts["wrench"]["zero"] and "wrench-torque" not in charts
    charts = {chart["key"]: chart for chart in curves(report_of(wrench=50.0))}
    assert "zero" not in charts["wrench"] and "wrench-torque" in charts


def test_contacts_between_people_are_what_the_recipient_gets():
    """Whoever is listed first, the arrow shows the force on the recipient."""
    data = report_of(lift=200.0)
    turned = replace(
        data.recording,
        contact_bodies=data.recording.contact_bodies[:, ::-1],
        contact_forces=-data.recording.contact_forces,
    )
    for recording in (data.recording, turned):
        contacts = animation(replace(data, recording=recording))["contacts"]
        np.testing.assert_allclose(unpack(contacts["force"]).reshape(-1, 3)[5], [0, 0, 200], atol=1e-4)
        assert set(unpack(contacts["person"])) == {1}
        assert unpack(contacts["start"])[-1] == len(unpack(contacts["person"]))


def test_long_clips_are_thinned_out():
    """At most MAX_FRAMES frames are embedded, first to last, and the file stays small."""
    data = report_of(frames=MAX_FRAMES + 1)
    shown = animation(data)
    assert len(unpack(shown["times"])) == MAX_FRAMES // 2 + 1
    assert unpack(shown["times"])[-1] == pytest.approx(data.input_clip.duration)
    assert len(render_report(data)) < 4e6


def test_table_rows_are_complete():
    """Every row has a cell for both people or one for the pair, and none is a minus zero."""
    groups = score_groups(scores_of(lift=200.0))
    rows = [row for group in groups for row in group["rows"]]
    assert len({row["label"] for row in rows}) == len(rows) > 15
    for row in rows:
        cells = [row["pair"]] if "pair" in row else row["people"]
        assert len(cells) in (1, 2)
        assert all(len(cell) == 3 and cell[1] and not re.fullmatch(r"[−-]0(\.0+)?", cell[1]) for cell in cells)
    by_label = {row["label"]: row for row in rows}
    assert by_label["… its upward part"]["people"][0][1].startswith("−200")


def test_what_prepare_changed_may_be_sentences():
    """Each sentence is a row; warnings, which have a place of their own, are not repeated."""
    data = replace(report_of(), prepare=["supporter: moved 3 mm", "warning: far", "odd"], warnings=["odd"])
    assert payload(data)["prepare"] == [["supporter: moved 3 mm"]]
    assert payload(replace(data, prepare={"a": {"b": 1}}))["prepare"] == [["a.b", "1"]]


def test_nested_settings_become_dotted_rows():
    """Mappings nest, lists of mappings are counted, empty things are dashes."""
    rows = flat_rows({"seed": 0, "grip": {"on": True, "force": 300.0}, "steps": [{"name": "feet"}], "none": None})
    assert rows == [["seed", "0"], ["grip.on", "yes"], ["grip.force", "300"], ["steps 1.name", "feet"], ["none", "–"]]


def test_embedded_json_cannot_end_its_script():
    """No angle bracket or ampersand is left, and the value comes back whole."""
    evil = {"source": "</script><script>alert(1)</script><!-- & \u2028"}
    text = json_for_html(evil)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == evil
    with pytest.raises(ValueError, match="Out of range"):
        json_for_html(float("nan"))


def test_title_and_source_are_never_markup():
    """Text that tries to be a tag or a placeholder of the template stays text."""
    page = render_report(report_of(title="<img src=x onerror=alert(1)> {{DATA}}", source="</script><b>{{SCRIPT}}"))
    assert "<img" not in page and "<b>" not in page
    assert page.count("</script>") == 2
    assert page.count('"use strict"') == 1


def test_the_page_asks_for_nothing_from_outside():
    """No address of any other place, but the name of the SVG namespace."""
    page = render_report(report_of())
    assert set(re.findall(r"https?://[^\s\"'<)]+", page)) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<(link|iframe|img|script)[^>]* (src|href)=", page)


def test_write_report_leaves_a_whole_file_or_none(tmp_path):
    """The folder holds the report alone; a folder that is not there is an error of one line."""
    write_report(tmp_path / "out.html", report_of())
    assert [p.name for p in tmp_path.iterdir()] == ["out.html"]
    with pytest.raises(AssistMimicError, match="cannot be written"):
        write_report(tmp_path / "missing" / "out.html", report_of())
