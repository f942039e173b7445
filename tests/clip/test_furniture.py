"""Seats are found where people sit, boxes stand where they are put, and nobody is seated who does not sit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.standing import standing_pair

from controller_server.clip.furniture import furnished, parse_box
from controller_server.clip.io.formats import ReadOptions, read_clip, write_clip
from controller_server.core.errors import AssistMimicError

CLIPS = Path("assets/clips")


@pytest.mark.parametrize("name", ["pull_up", "lift_under_arms", "lower_to_chair"])
def test_seats_are_found(name):
    """Find the chair the clip was made with again: its top within 15 mm, its middle within 20 mm."""
    clip = read_clip([CLIPS / f"{name}.npz"]).clip
    found, notes = furnished(replace(clip, props=()), "auto", ())
    (seat,), (chair,) = found.props, clip.props
    assert len(notes) == 1 and notes[0].startswith("recipient: sits in")
    assert seat.position[2] + seat.size[2] / 2 == pytest.approx(chair.position[2] + chair.size[2] / 2, abs=0.015)
    assert np.abs(seat.position[:2] - chair.position[:2]).max() < 0.03


def test_the_captured_stool(data_folder):
    """Find the stool of the captured pull-up where it was measured by hand."""
    folder = data_folder / "cmu_22_02_pull_up"
    files = [folder / "23_02_B_helper_60fps_metres.bvh", folder / "22_02_A_helped_60fps_metres.bvh"]
    (seat,) = read_clip(files, ReadOptions(seat="auto")).clip.props
    assert seat.size[2] == pytest.approx(0.57, abs=0.02)
    assert np.abs(seat.position[:2] - [1.038, -0.556]).max() < 0.1


@pytest.mark.parametrize("name", ["steady", "walk_arm_in_arm", "floor_to_stand"])
def test_nobody_sits(name):
    """Put no seat under people who stand, walk or sit on the floor."""
    clip = read_clip([CLIPS / f"{name}.npz"]).clip
    with pytest.raises(AssistMimicError, match="nobody sits"):
        furnished(clip, "auto", ())


def test_boxes(tmp_path):
    """Put boxes where the user says, several too, and refuse what is none."""
    (path,) = write_clip(tmp_path / "in.npz", standing_pair(5))
    boxes = ("bed, 0, 1, 0.25, 2, 0.9, 0.5", "table,2,0,0.35,1,1,0.7")
    props = read_clip([path], ReadOptions(box=boxes)).clip.props
    assert [prop.name for prop in props] == ["bed", "table"]
    np.testing.assert_array_equal(props[0].size, [2, 0.9, 0.5])
    for text in ("bed", "bed,1,2", "bed,1,2,3,4,5,six", ",1,2,3,4,5,6", "bed,0,0,0,0,1,1"):
        with pytest.raises(AssistMimicError, match="box|bed"):
            parse_box(text)
    for seat in ("high", "3"):
        with pytest.raises(AssistMimicError, match="--seat"):
            read_clip([path], ReadOptions(seat=seat))
