"""The whole road of a clip, on clips short enough to simulate in a test."""

from __future__ import annotations

import json
import stat
import zlib
from dataclasses import replace

import numpy as np
import pytest
from helpers.motion_cases import squatting_pair
from helpers.standing import standing_pair

from controller_server.clip.io.formats import read_clip
from controller_server.core.npz_arrays import load_arrays
from controller_server.core.progress import Progress
from controller_server.metrics.criteria import Criteria
from controller_server.pipeline.convert import BASELINE_DISTANCE, ConvertInterrupted, convert, without_supporter
from controller_server.pipeline.result import (
    Result,
    clip_sha256,
    read_result_metadata,
    result_arrays,
    write_result,
    write_result_report,
)
from controller_server.pipeline.settings import Controller, ConvertSettings, Quality

SETTINGS = ConvertSettings(
    controller=Controller.SEARCH, quality=Quality.DRAFT, seed=5, threads=1, criteria=Criteria(max_slip_m=0.06)
)


@pytest.fixture(scope="module")
def result() -> Result:
    """A third of a second of two people standing, converted once."""
    return convert(standing_pair(13, 37.5), SETTINGS, notes=["read from nowhere"])


def test_two_people_who_stand_go_on_standing(result):
    """Succeed without outside help, close to the clip."""
    assert result.scores.success
    assert result.scores.max_wrench_n == 0
    assert result.scores.mpjpe_mm < 20
    assert result.controller == "search"
    assert [attempt.controller for attempt in result.attempts] == ["search"]
    assert result.complete
    assert "read from nowhere" in result.notes


def test_what_comes_out_has_the_frames_of_what_went_in(result):
    """Keep frame count, rate and source, at a rate that physics steps do not fall on."""
    clip = result.simulated_clip
    assert (clip.n_frames, clip.fps, clip.source) == (13, 37.5, "two people standing")
    assert np.ptp(clip.joints[:, :, 0, 2]) > 1e-4  # it was simulated, not copied
    assert clip.duration <= result.recording.time[-1] < clip.duration + 1 / result.pair.physics_hz


def test_the_result_file_holds_the_measurements(result, tmp_path):
    """Write a clip that reads back, with arrays of the documented shapes and metadata to run it again."""
    path = tmp_path / "out.npz"
    assert write_result(path, result) == [path]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    back = read_clip([path]).clip
    np.testing.assert_array_equal(back.joints, result.simulated_clip.joints)
    arrays = load_arrays(path)
    assert arrays["result_torques"].shape == (13, 2, 21, 3)
    assert arrays["result_forces"].shape == (13, 2, 22, 3, 3)
    assert arrays["result_wrench"].shape == (13, 2, 6)
    contacts = len(arrays["result_contact_frame"])
    assert contacts > 0
    assert arrays["result_contact_bodies"].shape == (contacts, 2)
    weight = result.recording.mass.sum() * 9.81
    upward = arrays["result_contact_forces"][arrays["result_contact_frame"] > 4, 2].sum() / 8
    assert upward == pytest.approx(weight, rel=0.1)  # the floor carries them
    meta = read_result_metadata(path)
    assert meta is not None
    assert ConvertSettings.from_dict(meta["settings"]) == SETTINGS
    assert meta["input_sha256"] == clip_sha256(standing_pair(13, 37.5))
    assert meta["versions"]["mujoco"]
    assert meta["scores"]["success"] is True
    criteria = {criterion["name"]: criterion for criterion in meta["scores"]["criteria"]}
    assert all(criterion["passed"] for criterion in criteria.values())
    assert criteria["slip"]["limit"] == 6.0 and meta["scores"]["other_limits"] == {"max_slip_m": 0.06}
    assert 0 < criteria["stays_up"]["value"] < 0.05  # simulated beyond the end, and not written
    assert result.recording.time[-1] < 0.35


def test_a_result_carries_its_page_where_asked(result):
    """The page that comes with a result is the one that is written beside it; without being asked there is none."""
    assert "result_report" not in result_arrays(result)
    asked = replace(result, settings=replace(result.settings, carry_report=True))
    page = zlib.decompress(result_arrays(asked)["result_report"].tobytes()).decode()
    assert page.startswith("<!doctype html>") and result.input_clip.source in page


def test_the_same_seed_gives_the_same_result(result):
    """Repeat every number of the result, bit for bit."""
    again = convert(standing_pair(13, 37.5), SETTINGS, notes=["read from nowhere"])
    first, second = (result_arrays(r) for r in (result, again))
    for name, array in first.items():
        if name != "result_meta":
            np.testing.assert_array_equal(array, second[name], err_msg=name)
    np.testing.assert_array_equal(result.simulated_clip.joints, again.simulated_clip.joints)


def test_another_seed_gives_another_result():
    """Depend on the seed where there is something to search for: a squat too quick to follow without."""
    clip = squatting_pair(13)
    first, second = (convert(clip, replace(SETTINGS, seed=seed)).simulated_clip.joints for seed in (5, 6))
    assert np.abs(first - second).max() > 1e-6


def test_bvh_pairs_can_be_written(result, tmp_path):
    """Write one file for each person, which read back as the simulated motion."""
    files = write_result(tmp_path / "out.bvh", result)
    assert len(files) == 2
    back = read_clip(files).clip
    assert np.linalg.norm(back.joints - result.simulated_clip.joints, axis=-1)[:, :, :22].max() < 0.002


def test_the_report_is_one_page(result, tmp_path):
    """Write a page that names the attempt and the clip."""
    path = tmp_path / "report.html"
    write_result_report(path, result, title="two people")
    text = path.read_text(encoding="utf-8")
    assert text.count("<html") == 1
    assert "two people" in text
    assert '"name":"search"' in text


def test_metadata_is_plain_json(result):
    """Hold nothing that JSON does not know, not even a NaN."""
    text = str(result_arrays(result)["result_meta"])
    assert json.loads(text)["controller"] == "search"
    assert "NaN" not in text and "Infinity" not in text


def test_progress_is_told():
    """Name the stages in their order and count frames to the end."""
    told: list[Progress] = []
    convert(standing_pair(7), SETTINGS, on_progress=told.append)
    stages = list(dict.fromkeys(p.stage for p in told))
    assert stages == ["prepare", "search", "measure"]
    counts = [p.done for p in told if p.stage == "search"]
    assert counts == sorted(counts)
    assert told[-2].done == told[-2].total == 6 + 21  # two people who stand have to stand still for 0.7 s more


def test_an_interrupted_conversion_keeps_what_was_simulated(tmp_path):
    """Give the frames done so far, all clips cut alike, and say that it is not complete."""

    def stop(progress: Progress) -> None:
        if progress.done >= 6:
            raise KeyboardInterrupt

    with pytest.raises(ConvertInterrupted) as caught:
        convert(standing_pair(31), SETTINGS, on_progress=stop)
    result = caught.value.result
    assert result.simulated_clip.n_frames == result.input_clip.n_frames == result.prepared_clip.n_frames == 7
    assert not result.complete and not result.scores.success and not result.scores.success_paper
    assert result.scores.failure_time_s == pytest.approx(0.2)
    assert "interrupted" in result.attempts[-1].reason
    write_result(tmp_path / "part.npz", result)
    assert read_clip([tmp_path / "part.npz"]).clip.n_frames == 7


def test_interrupted_too_early_is_a_plain_interrupt():
    """Give no result where there are not even two frames."""

    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        convert(standing_pair(31), SETTINGS, on_progress=stop)
    assert not isinstance(caught.value, ConvertInterrupted)


def test_interrupted_while_it_is_measured():
    """Keep the whole of a simulation that Ctrl-C finds finished."""

    def stop(progress: Progress) -> None:
        if progress.stage == "measure":
            raise KeyboardInterrupt

    with pytest.raises(ConvertInterrupted) as caught:
        convert(standing_pair(7), SETTINGS, on_progress=stop)
    result = caught.value.result
    assert result.complete and result.scores.success and result.simulated_clip.n_frames == 7


def test_the_removed_supporter_is_out_of_reach():
    """Leave the recipient as they are and put a standing supporter where nobody can grip them."""
    clip = standing_pair(5)
    alone = without_supporter(replace(clip, grips=np.ones((5, 2, 2))))
    np.testing.assert_array_equal(alone.joints[:, 1], clip.joints[:, 1])
    distance = np.linalg.norm(alone.joints[:, 0, 0, :2] - alone.joints[:, 1, 0, :2], axis=-1)
    np.testing.assert_allclose(distance, BASELINE_DISTANCE, atol=1e-9)
    assert alone.grips is not None and not alone.grips.any()
    soles = alone.joints[:, 0, [10, 11], 2]
    assert soles.min() > 0 and soles.max() < 0.05


def test_a_baseline_judges_the_recipient_alone():
    """Run with the supporter out of reach."""
    result = convert(standing_pair(7), replace(SETTINGS, remove_supporter=True))
    assert result.attempts[-1].success
    assert result.scores.supporter.partner_force.peak_n == 0
