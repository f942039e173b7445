"""BVH files of many rigs and exporters, and what goes wrong in them: names, roots, End Sites, text, rates, lengths."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from helpers.motion_cases import as_rig, squatting_pair

from controller_server.clip.fit.joint_names import REQUIRED, match_joints
from controller_server.clip.interaction import InteractionClip, slice_motion
from controller_server.clip.io.bvh_write import bvh_text
from controller_server.clip.io.formats import ReadOptions, read_clip
from controller_server.clip.rig_tables import built_in_tables, motion_file_tables, read_joint_table
from controller_server.clip.roles import order_by_names, role_in_name
from controller_server.clip.rotation import quat_conj, quat_mul, rotvec_from_quat
from controller_server.clip.skeleton import JOINT_NAMES
from controller_server.core.errors import AssistMimicError

TABLES = [table.name for table in motion_file_tables() if table.name != "smplx"]


def write_pair(folder: Path, texts: list[str], encoding: str = "utf-8") -> list[Path]:
    """Two files whose names say nothing."""
    files = [folder / "one.bvh", folder / "two.bvh"]
    for path, text in zip(files, texts, strict=True):
        path.write_text(text, encoding=encoding)
    return files


def rigged(clip: InteractionClip, table: str) -> list[str]:
    """Both people as files of a rig."""
    return [as_rig(motion, table) for _, motion in clip.people]


def body_error(found: InteractionClip, clip: InteractionClip) -> float:
    """Mean distance of the body joints [m]."""
    return float(np.linalg.norm(found.joints - clip.joints, axis=-1)[:, :, :22].mean())


@pytest.mark.parametrize("table", TABLES)
def test_every_table_finds_its_own_rig(table):
    """Take a rig's own table for its names, and find every joint of the body."""
    known = read_joint_table(table)
    names = [alternatives[0] for part in (known.joints, known.rotations, known.tips) for alternatives in part.values()]
    match = match_joints([*dict.fromkeys(names)], "rig.bvh")
    assert match.table == table
    assert all(name in match.joints for name in REQUIRED)


def test_rigs_with_controls_are_found_by_their_skeleton():
    """Find in the bones of a rig that Rigify made the joints of its meta-rig; motion files know no controls."""
    for table in built_in_tables():
        if table.controls:
            names = [*table.controls, *(alternatives[0] for alternatives in table.joints.values())]
            match = match_joints(names, "rig.bvh")
            assert match.table == table.name.partition("_")[0]
            # A shoulder's control has the name of the meta-rig's bone, and its place.
            found = {joint: names[row].removeprefix("ORG-") for joint, row in match.joints.items()}
            assert found == {joint: first.removeprefix("ORG-") for joint, (first, *_) in table.joints.items()}


@pytest.mark.parametrize("table", TABLES)
def test_rigs_read(table, tmp_path):
    """Find a known motion again in the files of another rig."""
    clip = squatting_pair(9)
    read = read_clip(write_pair(tmp_path, rigged(clip, table)))
    assert sum(f"joint names {table}" in note for note in read.notes) == 2
    assert body_error(read.clip, clip) < 0.01


@pytest.mark.parametrize(
    "spelling",
    ["mixamorig:LeftUpLeg", "mixamorig9_LeftUpLeg", "Actor|LeftUpLeg", "left up.leg", "LEFT_UP-LEG", "DEF-LeftUpLeg"],
)
def test_spellings_of_a_name(spelling):
    """Compare names without case, namespaces, prefixes, spaces, dots, hyphens and underscores."""
    names = [alternatives[0] for alternatives in read_joint_table("mixamo").joints.values()]
    names[names.index("LeftUpLeg")] = spelling
    assert match_joints(names, "rig.bvh").joints["left_hip"] == names.index(spelling)


def test_helper_joints_are_no_places():
    """Take cgspeed's conversion of the CMU recordings for what it is, though Mixamo's names are all there."""
    legs = [f"{side}{part}" for side in ("Left", "Right") for part in ("UpLeg", "Leg", "Foot", "ToeBase")]
    arms = [f"{side}{part}" for side in ("Left", "Right") for part in ("Arm", "ForeArm", "Hand", "HandIndex1")]
    helpers = ["LHipJoint", "RHipJoint", "LowerBack", "Neck", "LeftShoulder", "RightShoulder"]
    names = ["Hips", *legs, "Spine", "Spine1", "Neck1", "Head", *arms, *helpers]
    match = match_joints(names, "rig.bvh", helpers=[names.index(name) for name in helpers])
    assert match.table == "cmu_cgspeed"
    assert names[match.joints["neck"]] == "Neck1" and "left_collar" not in match.joints
    assert match_joints(names, "rig.bvh").table == "mixamo"


def test_a_still_root_over_the_hips(tmp_path):
    """Take position channels of hips under a still root as they stand, for somebody low down too."""
    clip = squatting_pair(9)
    texts = []
    for text in rigged(clip, "mixamo"):
        head, motion = text.split("MOTION\n")
        head = head.replace("HIERARCHY\nROOT", "HIERARCHY\nROOT Reference\n{\nOFFSET 0 0 0\nCHANNELS 3 Xposition "
                            "Yposition Zposition\nJOINT").replace("OFFSET 0", "OFFSET 0", 1) + "}\n"  # fmt: skip
        head = re.sub(r"(JOINT Hips\s*\{\s*OFFSET) \S+ \S+ \S+", r"\1 0 91 0", head)
        lines = motion.splitlines()
        texts.append(head + "MOTION\n" + "\n".join([*lines[:2], *(f"0 0 0 {line}" for line in lines[2:])]) + "\n")
    low = [re.sub(r"(?m)^0 0 0 (\S+) (\S+)", lambda m: f"0 0 0 {m[1]} {float(m[2]) - 60}", text) for text in texts]
    read = read_clip(write_pair(tmp_path, low), ReadOptions(keep_height=True))
    height = read.clip.joints[:, :, 0, 2]
    np.testing.assert_allclose(height, clip.joints[:, :, 0, 2] - 0.6, atol=0.01)


def with_end_sites(text: str, offset: str) -> str:
    """A file whose End Sites all have one OFFSET."""
    return re.sub(r"(End Site\s*\{\s*OFFSET) [^\n]*", rf"\1 {offset}", text)


def test_end_sites_that_say_nothing(tmp_path):
    """Let hands go on along the forearm and toes stay flat where End Sites are one constant; say so."""
    clip = squatting_pair(9)
    bare = [_without_fingers(text) for text in rigged(clip, "mixamo")]
    read = read_clip(write_pair(tmp_path, [with_end_sites(text, "0 5 0") for text in bare]))
    assert sum("End Sites of left hand" in note and "not used" in note for note in read.notes) == 2
    quats = read.clip.joint_quats
    for side in ("left", "right"):
        for end, base, most in (("wrist", "elbow", 30), ("foot", "ankle", 15)):
            rows = [JOINT_NAMES.index(f"{side}_{name}") for name in (end, base)]
            bend = rotvec_from_quat(quat_mul(quat_conj(quats[:, :, rows[1]]), quats[:, :, rows[0]]))
            assert np.degrees(np.linalg.norm(bend, axis=-1)).max() < most


def _without_fingers(text: str) -> str:
    """A mixamo file with the fingers under other names, so that End Sites have to say where hands point."""
    text = re.sub(r"(Left|Right)Hand(Index|Middle|Ring|Pinky|Thumb)", r"extra_\1\2", text)
    hand = r"(JOINT (?:Left|Right)Hand\s*\{\s*OFFSET[^\n]*\s*CHANNELS[^\n]*\n)"
    return re.sub(hand, r"\1End Site\n{\nOFFSET 0 0 0\n}\n", text)


@pytest.mark.parametrize("encoding", ["cp932", "utf-8", "utf-8-sig", "utf-16"])
def test_names_in_other_text(encoding, tmp_path):
    """Read Japanese names in whatever text they were written, and say which."""
    clip = squatting_pair(5)
    texts = rigged(clip, "mmd")
    read = read_clip(write_pair(tmp_path, texts, encoding))
    assert sum("joint names mmd" in note for note in read.notes) == 2
    assert any("text is Shift-JIS" in note for note in read.notes) == (encoding == "cp932")
    latin = [text.replace("extra_jaw", "mâchoire") for text in rigged(clip, "mixamo")]
    assert read_clip(write_pair(tmp_path, latin, "latin-1")).clip.n_frames == 5


def test_a_rate_as_told(tmp_path):
    """Let --fps stand above Frame Time, with a note."""
    files = write_pair(tmp_path, rigged(squatting_pair(5), "mixamo"))
    read = read_clip(files, ReadOptions(fps=24))
    assert read.clip.fps == 24
    assert "frame rate: 24 fps as told, the files' Frame Time says 30" in read.notes


def test_files_of_unequal_length(tmp_path):
    """Refuse them with the option that helps, and read what they share or the frames named."""
    clip = squatting_pair(9)
    texts = [as_rig(clip.supporter, "mixamo"), as_rig(slice_motion(clip.recipient, slice(0, 8)), "mixamo")]
    files = write_pair(tmp_path, texts)
    with pytest.raises(AssistMimicError, match="9 frames.*8 frames.*--frames common"):
        read_clip(files)
    assert read_clip(files, ReadOptions(frames="common")).clip.n_frames == 8
    cut = read_clip(files, ReadOptions(frames="1:6")).clip
    assert cut.n_frames == 6
    assert np.abs(cut.joints - clip.joints[1:7])[:, :, :22].max() < 0.04
    for frames in ("8:3", "-1:4", "few", "7:"):
        with pytest.raises(AssistMimicError, match="frame"):
            read_clip(files, ReadOptions(frames=frames))


def test_an_own_clip_cut(tmp_path):
    """Cut this project's own clips too."""
    from controller_server.clip.io.npz import write_npz

    clip = squatting_pair(9)
    write_npz(tmp_path / "in.npz", clip)
    cut = read_clip([tmp_path / "in.npz"], ReadOptions(frames="1:")).clip
    np.testing.assert_array_equal(cut.joints, clip.joints[1:])


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("out_supporter.bvh", "supporter"),
        ("out_recipient.bvh", "recipient"),
        ("helper.bvh", "supporter"),
        ("Take3-Helped.fbx", "recipient"),
        ("AA(CG)_RM(CR)_FullAssist_Take 1 [2023-07-26]_AA_50.bvh", "supporter"),
        ("AA(CG)_RM(CR)_FullAssist_Take 1 [2023-07-26]_RM_50.bvh", "recipient"),
        ("P1.npz", None),
        ("nurse_and_patient.bvh", None),
        ("unsupported.bvh", None),
    ],
)
def test_roles_in_names(name, role):
    """Read who helps off names, and nothing into others."""
    assert role_in_name(name) == role


def test_names_stand_above_the_order(tmp_path):
    """Put the supporter first by name, whatever order files come in, and say who became who."""
    clip = squatting_pair(5)
    files = [tmp_path / "a_recipient.bvh", tmp_path / "a_supporter.bvh"]
    for path, motion in zip(files, (clip.recipient, clip.supporter), strict=True):
        path.write_text(bvh_text(motion, 30, 100))
    read = read_clip(files)
    assert np.abs(read.clip.joints - clip.joints).max() < 1e-3
    assert any("a_supporter.bvh helps a_recipient.bvh, by their names" in note for note in read.notes)
    literal = read_clip(files, ReadOptions(supporter=1)).clip
    assert np.abs(literal.joints - clip.joints[:, ::-1]).max() < 1e-3
    assert order_by_names("one.bvh", "two.bvh") is None
    with pytest.raises(AssistMimicError, match="expected 1 or 2"):
        read_clip(files, ReadOptions(supporter=3))


def test_a_folder_of_two(tmp_path):
    """Read a folder that holds a file for each person."""
    write_pair(tmp_path, rigged(squatting_pair(5), "mixamo"))
    assert read_clip([tmp_path]).clip.n_frames == 5
    (tmp_path / "three.bvh").write_text("")
    with pytest.raises(AssistMimicError, match="a folder with 3 files"):
        read_clip([tmp_path])
