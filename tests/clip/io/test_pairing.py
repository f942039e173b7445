"""Which files of a folder become a clip, and what it is called."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.standing import standing_pair

from controller_server.clip.io.formats import write_clip
from controller_server.clip.io.pairing import find_clips
from controller_server.core.errors import AssistMimicError


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"HIERARCHY\n")


def _found(folder: Path, rule: str = "auto") -> dict[str, list[str]]:
    return {clip.name: [path.name for path in clip.files] for clip in find_clips(folder, rule)}


def test_people_told_apart_by_names_become_one_clip(tmp_path: Path):
    """Roles, numbered persons, A and B, and HHI-Assist's names; the supporter's file comes first."""
    _touch(
        tmp_path,
        *("up_recipient.bvh", "up_supporter.bvh", "sit_P2.bvh", "sit_P1.bvh", "Walk A.bvh", "Walk B.bvh"),
        *("AA(CG)_RM(CR)_bed_AA_50.bvh", "AA(CG)_RM(CR)_bed_RM_50.bvh"),
        *("take_actor1.bvh", "take_actor2.bvh", "solo.bvh", "notes.txt"),
    )
    assert _found(tmp_path) == {
        "AA(CG)_RM(CR)_bed": ["AA(CG)_RM(CR)_bed_AA_50.bvh", "AA(CG)_RM(CR)_bed_RM_50.bvh"],
        "Walk": ["Walk A.bvh", "Walk B.bvh"],
        "sit": ["sit_P1.bvh", "sit_P2.bvh"],
        "solo": ["solo.bvh"],
        "take": ["take_actor1.bvh", "take_actor2.bvh"],
        "up": ["up_supporter.bvh", "up_recipient.bvh"],
    }


def test_a_folder_of_two_is_a_clip_called_like_the_folder(tmp_path: Path):
    """Inter-X's P1 and P2, and two files whose names say nothing."""
    _touch(tmp_path, "G001/P1.bvh", "G001/P2.bvh", "G002/anna.bvh", "G002/bert.bvh")
    _touch(tmp_path, "G003/22_helped.bvh", "G003/23_helper.bvh")
    assert _found(tmp_path) == {
        "G001": ["P1.bvh", "P2.bvh"],
        "G002": ["anna.bvh", "bert.bvh"],
        "G003": ["23_helper.bvh", "22_helped.bvh"],
    }


def test_files_with_both_people_stay_alone(tmp_path: Path):
    """Takes 1 and 2 of this project's clips are two clips, whatever their names."""
    for name in ("take_1.npz", "take_2.npz", "x_p1.npz", "x_p2.npz"):
        write_clip(tmp_path / name, standing_pair(2))
    assert _found(tmp_path) == {name: [f"{name}.npz"] for name in ("take_1", "take_2", "x_p1", "x_p2")}


def test_other_rules(tmp_path: Path):
    """Every file, folders, the order of names, and a pattern of one's own."""
    _touch(tmp_path, "a-left.bvh", "a-right.bvh", "b-left.bvh", "b-right.bvh")
    assert len(_found(tmp_path, "single")) == len(_found(tmp_path, "auto")) == len(_found(tmp_path, "folder")) == 4
    pairs = {"a": ["a-left.bvh", "a-right.bvh"], "b": ["b-left.bvh", "b-right.bvh"]}
    assert _found(tmp_path, "order") == pairs
    assert _found(tmp_path, "-(left|right)$") == pairs


def test_names_are_unique_and_stay_inside(tmp_path: Path):
    """The same name with two endings, or in two cases, is told apart by the whole file name; OUT is left out."""
    _touch(tmp_path, "a.bvh", "a.glb", "A.npz", "a.npz", "sub/a.bvh", "out/b.bvh")
    names = [clip.name for clip in find_clips(tmp_path, leave_out=tmp_path / "out")]
    assert names == ["A_npz", "a_bvh", "a_glb", "a_npz_2", "sub/a"]


@pytest.mark.parametrize("rule", ["(", "x", "(a)(b)"])
def test_rules_that_cannot_be_understood_are_refused(tmp_path: Path, rule: str):
    """A pattern needs exactly one group."""
    _touch(tmp_path, "a.bvh")
    with pytest.raises(AssistMimicError, match="--pair"):
        find_clips(tmp_path, rule)


def test_nothing_to_find_is_said(tmp_path: Path):
    """A missing folder, and one without clips."""
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(AssistMimicError, match=r"no clip in it|no such folder"):
            find_clips(folder)
