"""The BVH parser, names, unit and up axis."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.motion_cases import as_rig, squatting_pair

from controller_server.clip.fit.joint_names import REQUIRED, match_joints
from controller_server.clip.io.bvh import Bvh, BvhJoint, fps_of_frame_time, read_bvh
from controller_server.clip.io.bvh_clip import read_bvh_pair
from controller_server.clip.io.bvh_world import find_world
from controller_server.clip.rig_tables import read_joint_table
from controller_server.core.errors import AssistMimicError

ARM = """HIERARCHY
ROOT upper
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition %s
  JOINT fore
  {
    OFFSET 2 0 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 1 0 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.0333333
0 0 0 0 0 0 0 0 0
1 2 3 90 90 0 90 0 0
"""


def write(folder: Path, text: str, name: str = "arm.bvh") -> Path:
    """A file with this text."""
    path = folder / name
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(
    ("order", "elbow"),
    [
        # R = Rz(90) Rx(90): the bone along x goes to y. R = Rx(90) Rz(90): x goes to y, then to z.
        ("Zrotation Xrotation Yrotation", [0, 2, 0]),
        ("Xrotation Zrotation Yrotation", [0, 0, 2]),
    ],
)
def test_channel_order(order, elbow, tmp_path):
    """Multiply rotations in the order the file lists them."""
    positions, _ = read_bvh(write(tmp_path, ARM % order)).world_motion()
    np.testing.assert_allclose(positions[0], [[0, 0, 0], [2, 0, 0], [3, 0, 0]])
    np.testing.assert_allclose(positions[1, 1] - positions[1, 0], elbow, atol=1e-12)
    np.testing.assert_allclose(positions[1, 0], [1, 2, 3])


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace(" ", "\t"),
        lambda text: text.replace("\n{", " {").replace("ROOT upper\n", "ROOT upper"),
        lambda text: text.replace("Frames: 2", "Frames:2").replace("Frame Time: ", "Frame Time:\t"),
        lambda text: "\ufeff" + text + "\n\n  \n",
        lambda text: text.replace("1 2 3 90 90 0 90 0 0", "1 2 3 90 90\n0 90 0 0"),
        lambda text: text.lower().replace("hierarchy", "Hierarchy"),
    ],
    ids=["CRLF", "tabs", "brace on the line", "colon", "BOM and blank lines", "wrapped frame", "lower case"],
)
def test_spellings(change, tmp_path):
    """Read every spelling in use as the same motion."""
    plain = read_bvh(write(tmp_path, ARM % "Zrotation Xrotation Yrotation"))
    other = read_bvh(write(tmp_path, change(ARM % "Zrotation Xrotation Yrotation"), "other.bvh"))
    assert other.fps == plain.fps == 30
    np.testing.assert_array_equal(other.world_motion()[0], plain.world_motion()[0])


def two_arms(values: tuple[float, float, float]) -> str:
    """Two arms of three joints on a root; the middle joint of the first has these position channels."""

    def arm(name: str, channels: str) -> str:
        return (
            f"JOINT {name}1\n{{\nOFFSET 1 0 0\nCHANNELS 1 Zrotation\n"
            f"JOINT {name}2\n{{\nOFFSET 2 0 0\nCHANNELS {channels}\n"
            f"JOINT {name}3\n{{\nOFFSET 3 0 0\nCHANNELS 1 Zrotation\n}}\n}}\n}}\n"
        )

    arms = arm("a", "3 Xposition Yposition Zposition") + arm("b", "1 Zrotation")
    frame = " ".join(map(str, (0, *values, 0, 0, 0, 0))) + "\n"
    head = f"HIERARCHY\nROOT hips\n{{\nOFFSET 0 0 0\n{arms}}}\nMOTION\nFrames: 2\nFrame Time: 0.0333333\n"
    return head + frame + frame


@pytest.mark.parametrize(("values", "length"), [((5, 0, 0), 5), ((0.1, 0, 0), 2.1)], ids=["instead", "added"])
def test_positions_on_an_inner_joint(values, length, tmp_path):
    """Let position channels stand in for the offset, or move the joint from it where they are near zero."""
    file = read_bvh(write(tmp_path, two_arms(values)))
    positions, _ = file.world_motion()
    np.testing.assert_allclose(positions[:, 2] - positions[:, 1], [[length, 0, 0]] * 2)


BROKEN = {
    "empty": (lambda t: "", 1, "HIERARCHY"),
    "another format": (lambda t: "; FBX 7.3\n" + t, 1, "not a BVH file"),
    "cut in the hierarchy": (lambda t: t[: t.index("End Site")], 10, "cut off"),
    "no brace": (lambda t: t.replace("    }\n  }\n}", "    }\n  }"), 15, "'}' is missing"),
    "offset of two numbers": (lambda t: t.replace("OFFSET 2 0 0", "OFFSET 2 0"), 8, "needs 3 numbers"),
    "a word as number": (lambda t: t.replace("OFFSET 2 0 0", "OFFSET two 0 0"), 8, "not a number"),
    "unknown channel": (lambda t: t.replace("3 Zrotation", "3 Wrotation"), 9, "unknown channel 'Wrotation'"),
    "too few channel names": (lambda t: t.replace("CHANNELS 3 Zrotation ", "CHANNELS 3 "), 9, "CHANNELS"),
    "two joints of one name": (lambda t: t.replace("JOINT fore", "JOINT upper"), 6, "appears twice"),
    "no frame count": (lambda t: t.replace("Frames: 2\n", ""), 17, "Frames: N"),
    "frame time 0": (lambda t: t.replace("0.0333333", "0"), 18, "above 0"),
    "short frame": (lambda t: t.replace("1 2 3 90 90 0 90 0 0", "1 2 3 90"), 20, "frame 1 has 4 values"),
    "missing frame": (lambda t: t.replace("1 2 3 90 90 0 90 0 0\n", ""), 19, "cut off"),
    "too many frames": (lambda t: t + "0 0 0 0 0 0 0 0 0\n", 21, "more motion lines than the 2"),
    "NaN": (lambda t: t.replace("1 2 3 90", "nan 2 3 90"), 20, "not finite"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files(case, tmp_path):
    """Name file and line in one line."""
    change, line, words = BROKEN[case]
    path = write(tmp_path, change(ARM % "Zrotation Xrotation Yrotation"))
    with pytest.raises(AssistMimicError) as caught:
        read_bvh(path)
    message = str(caught.value)
    assert f"{path}, line {line}:" in message
    assert words in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "fps"),
    [
        ("0.0333333", 30),
        ("0.033333", 30),
        ("0.033", 30),
        ("0.0166667", 60),
        ("0.016667", 60),
        ("0.008333", 120),
        (".0083333", 120),
        ("0.0333667", 30000 / 1001),
        ("0.041667", 24),
        ("0.04", 25),
        ("3.33333e-2", 30),
        ("0.05", 20),
        ("0.0432", 1 / 0.0432),
    ],
)
def test_frame_times(text, fps):
    """Read a rounded frame time as the rate it stands for."""
    assert fps_of_frame_time(text) == pytest.approx(fps, rel=1e-12)


def test_known_rigs():
    """Find every required joint by the names of each rig, with or without a namespace."""
    clip = squatting_pair(2)
    for table, prefix in (
        ("cmu", ""),
        ("mixamo", ""),
        ("mixamo", "mixamorig:"),
        ("mixamo", "mixamorig1_"),
        ("iclone", ""),
    ):
        lines = as_rig(clip.supporter, table, prefix=prefix).splitlines()
        names = [line.split()[1] for line in lines if line.split()[0] in ("ROOT", "JOINT")]
        match = match_joints(names, "file.bvh")
        assert match.table == table
        for joint in REQUIRED:
            assert joint in match.joints


def test_unknown_joints(tmp_path):
    """Say which SMPL-X joints were not found and how to give a table."""
    with pytest.raises(AssistMimicError, match=r"x\.bvh: cannot find .*left_knee.*--joint-map") as caught:
        match_joints(["Hips", "LeftHip", "RightHip", "LegA", "LegB"], "x.bvh")
    assert "left_hip," not in str(caught.value)


def test_user_table(tmp_path):
    """Take the user's names before the built-in ones."""
    table = tmp_path / "names.yaml"
    entries = "\n".join(f"  {name}: my {name}" for name in (*REQUIRED, "pelvis"))
    table.write_text(f"joints:\n{entries}\ntips:\n  left_hand: [nothing, hand]\n")
    names = ["my pelvis", *(f"My {name}" for name in REQUIRED), "hand"]
    match = match_joints(names, "x", read_joint_table(table))
    assert match.joints["left_hip"] == 1
    assert match.joints["pelvis"] == 0
    assert match.tips == {"left_hand": len(names) - 1}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("joints: [a, b]", "joints: expected names and values"),
        ("joints:\n  left_leg: x", "'left_leg'"),
        ("joints:\n  left_hip: 3", "joints.left_hip: expected text or a list, got 3"),
        ("left_hip: x", "'joints' mapping"),
        ("joints: {left_hip: x}\nside: [L, R]", "did you mean sides?"),
        ("joints: {left_hip: x}\ncontrols: {torso: [tail, root]}", "'tail', which is no SMPL-X joint"),
        ("joints: {a: b", "line 1: not readable as YAML"),
        ("joints: !!python/object/apply:os.system ['true']", "not readable as YAML"),
    ],
)
def test_broken_user_tables(text, words, tmp_path):
    """Refuse tables that cannot mean anything, and YAML that would run code."""
    path = tmp_path / "names.yaml"
    path.write_text(text)
    with pytest.raises(AssistMimicError, match=r"names\.yaml") as caught:
        read_joint_table(path)
    assert words in str(caught.value)


def standing_stick(scale: float, up: str) -> Bvh:
    """A standing figure of 0.85 m legs in some unit and axes."""
    points = {"pelvis": (0, 0.95, 0)}
    for side, x in (("left", 1.0), ("right", -1.0)):
        points |= {
            f"{side}_hip": (0.1 * x, 0.9, 0),
            f"{side}_knee": (0.1 * x, 0.5, 0),
            f"{side}_ankle": (0.1 * x, 0.05, 0),
            f"{side}_shoulder": (0.2 * x, 1.4, 0),
            f"{side}_elbow": (0.5 * x, 1.4, 0),
            f"{side}_wrist": (0.75 * x, 1.4, 0),
        }
    turn = {"y": (0, 1, 2), "z": (2, 0, 1), "x": (1, 2, 0)}[up]
    at = {name: np.array(p, dtype=float)[list(turn)] * scale for name, p in points.items()}
    joints = [BvhJoint("pelvis", -1, at["pelvis"], ())]
    joints += [BvhJoint(name, 0, at[name] - at["pelvis"], ()) for name in points if name != "pelvis"]
    return Bvh(Path(f"{up}.bvh"), tuple(joints), 30.0, np.zeros((2, 0)))


def world_of(*files: Bvh, **options):
    """Unit and up axis of files whose joints have SMPL-X names."""
    matches = [match_joints(file.names, str(file.path)) for file in files]
    return find_world(files, matches, [file.world_motion()[0] for file in files], **options)


@pytest.mark.parametrize("up", ["x", "y", "z"])
@pytest.mark.parametrize(
    ("scale", "unit"), [(1, "m"), (100, "cm"), (1000, "mm"), (1 / 0.0254, "inch"), (0.45 / 0.0254, "cmu")]
)
def test_unit_and_up(scale, unit, up):
    """Judge the unit by the legs and the up axis by the rest pose, and say so."""
    file = standing_stick(scale, up)
    world = world_of(file, standing_stick(1.1 * scale, up))
    assert world.up == up
    assert world.notes[0] == f"unit: {unit} (legs 0.85 and 0.94 m)"
    assert "from the rest pose" in world.notes[1]
    placed = file.world_motion()[0][0] @ world.matrix.T * world.scale
    shoulder = placed[file.names.index("left_shoulder")]
    assert shoulder[2] == pytest.approx(1.4)


def test_unit_and_up_as_told():
    """Let the user overrule both."""
    world = world_of(standing_stick(100, "y"), unit="0.012", up="Z")
    assert (world.scale, world.up) == (0.012, "z")
    assert all("as told" in note for note in world.notes)
    with pytest.raises(AssistMimicError, match=r"y\.bvh: with the unit m the legs are 85 m long.*--bvh-unit"):
        world_of(standing_stick(100, "y"), unit="m")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ((standing_stick(1, "y"), standing_stick(100, "y")), "one scale"),
        ((standing_stick(1, "y"), standing_stick(1, "z")), "--bvh-up"),
        ((standing_stick(0.1, "y"),), "--bvh-unit"),
    ],
    ids=["units", "axes", "no unit"],
)
def test_worlds_that_do_not_fit(files, words):
    """Refuse people who cannot share a world."""
    with pytest.raises(AssistMimicError, match=words):
        world_of(*files)


@pytest.mark.parametrize("options", [{"unit": "furlong"}, {"unit": "-1"}, {"up": "w"}])
def test_bad_overrides(options):
    """Refuse units and axes that do not exist."""
    with pytest.raises(AssistMimicError, match="expected"):
        world_of(standing_stick(1, "y"), **options)


def test_pairs_that_do_not_match(tmp_path):
    """Refuse files of different rates, lengths, and a single frame, before fitting anything."""
    clip = squatting_pair(4)
    first = write(tmp_path, as_rig(clip.supporter, "mixamo"), "a.bvh")
    faster = write(tmp_path, as_rig(clip.recipient, "mixamo", fps=60), "b.bvh")
    shorter = write(tmp_path, as_rig(squatting_pair(3).recipient, "mixamo"), "c.bvh")
    text = as_rig(clip.supporter, "mixamo").replace("Frames: 4", "Frames: 1")
    single = write(tmp_path, "\n".join(text.splitlines()[:-3]), "d.bvh")
    for other, words in ((faster, "30 fps.* 60; export"), (shorter, "4 frames.*3 frames; cut both")):
        with pytest.raises(AssistMimicError, match=words):
            read_bvh_pair(first, other)
    with pytest.raises(AssistMimicError, match="1 frame"):
        read_bvh_pair(single, single)
