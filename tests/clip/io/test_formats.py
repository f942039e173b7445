"""The registry of formats, joint positions, floor and roles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.motion_cases import as_rig, squatting_pair

from controller_server.clip.checks.scene import jumps, sole_heights, stood_on_floor
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.io.formats import ReadOptions, read_clip, write_clip
from controller_server.clip.skeleton import JOINT_NAMES
from controller_server.core.errors import AssistMimicError
from controller_server.core.npz_arrays import load_arrays

BODY = np.array(JOINT_NAMES[:22])
Y_UP = [0, 2, 1], [1, 1, -1]


def positions(clip: InteractionClip) -> np.ndarray:
    """Joint positions as generators give them, shape (2, T, 22, 3)."""
    return clip.joints[:, :, :22].transpose(1, 0, 2, 3)


@pytest.mark.parametrize("suffix", [".npz", ".bvh"])
def test_what_is_written_is_read(suffix, tmp_path):
    """Read back every format that is written."""
    clip = squatting_pair(5)
    written = write_clip(tmp_path / f"out{suffix}", clip, extra={"result_meta": np.array("{}")})
    assert all(path.is_file() for path in written)
    again = read_clip(written).clip
    assert np.abs(again.joints - clip.joints).max() < 1e-4
    if suffix == ".npz":
        assert str(load_arrays(written[0])["result_meta"]) == "{}"


def test_joint_positions_with_everything_said(tmp_path):
    """Take names, rate, axes and source from the file."""
    clip = squatting_pair(5, 20)
    columns, signs = Y_UP
    np.savez(
        tmp_path / "in.npz",
        joints=100 * positions(clip)[..., columns] * signs,
        joint_names=BODY,
        fps=20,
        up="y",
        source="a generator",
    )
    read = read_clip([tmp_path / "in.npz"])
    assert (read.clip.fps, read.clip.source) == (20, "a generator")
    assert read.notes[:2] == ("unit: cm (legs 0.78 and 0.78 m)", "up axis: y (as told)")
    assert np.linalg.norm(read.clip.joints - clip.joints, axis=-1)[:, :, :22].mean() < 0.005


@pytest.mark.parametrize("up", ["y", "z"])
def test_joint_positions_with_nothing_said(up, tmp_path):
    """Read a bare array in SMPL order, the up axis from the motion, the rate from the options."""
    clip = squatting_pair(5)
    array = positions(clip)
    hands = np.stack([clip.joints[:, :, 28], clip.joints[:, :, 43]], axis=2).transpose(1, 0, 2, 3)
    array = np.concatenate([array, hands], axis=2)
    if up == "y":
        array = array[..., Y_UP[0]] * Y_UP[1]
    np.save(tmp_path / "in.npy", array.astype(np.float32))
    read = read_clip([tmp_path / "in.npy"], ReadOptions(fps=30))
    assert f"up axis: {up} (from the motion)" in read.notes
    assert np.linalg.norm(read.clip.joints - clip.joints, axis=-1)[:, :, :22].mean() < 0.005
    # The two hand joints say where the hands point.
    assert np.linalg.norm(read.clip.joints - clip.joints, axis=-1)[:, :, [28, 43]].mean() < 0.01
    with pytest.raises(AssistMimicError, match="no frame rate.*--fps"):
        read_clip([tmp_path / "in.npy"])


BROKEN = {
    "one person": (lambda a: a.update(joints=a["joints"][:1]), r"\(2 people, T frames, J joints, 3\).*got \(1, 5"),
    "NaN": (lambda a: a["joints"].__setitem__((1, 3, 4, 0), np.nan), "frame 3, person 1, joint 4"),
    "one frame": (lambda a: a.update(joints=a["joints"][:, :1]), "1 frame"),
    "names missing": (lambda a: a.update(joint_names=BODY[:5]), "joint_names must be 22 strings"),
    "unknown names": (lambda a: a.update(joint_names=np.array([f"j{k}" for k in range(22)])), "--joint-map"),
    "odd count": (lambda a: (a.update(joints=a["joints"][:, :, :20]), a.pop("joint_names")), "20 joints without names"),
    "rate of 0": (lambda a: a.update(fps=0), "fps 0 is outside"),
    "rate as text": (lambda a: a.update(fps="fast"), "fps must be one number"),
    "lengths of giants": (lambda a: a.update(joints=a["joints"] * 1e6), "--bvh-unit"),
    "up of nowhere": (lambda a: a.update(up="w"), "up axis 'w'"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_joint_positions(case, tmp_path):
    """Refuse with one line that says what is wrong."""
    change, words = BROKEN[case]
    arrays = {"joints": positions(squatting_pair(5)).copy(), "joint_names": BODY, "fps": 30}
    change(arrays)
    np.savez(tmp_path / "in.npz", **arrays)
    with pytest.raises(AssistMimicError, match=words) as caught:
        read_clip([tmp_path / "in.npz"])
    assert "\n" not in str(caught.value)


def test_pickled_positions(tmp_path):
    """Never open a pickle."""
    np.save(tmp_path / "in.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(AssistMimicError, match="pickled"):
        read_clip([tmp_path / "in.npy"], ReadOptions(fps=30))
    np.savez(tmp_path / "in.npz", joints=np.array([{"a": 1}], dtype=object))
    with pytest.raises(AssistMimicError, match="pickled"):
        read_clip([tmp_path / "in.npz"])


def test_damaged_archives(tmp_path):
    """Meet bytes gone wrong anywhere in a file with one sentence, never with a traceback."""
    (written,) = write_clip(tmp_path / "in.npz", squatting_pair(5))
    whole, rng = written.read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 20):
            damaged[place] = rng.integers(0, 256)
        written.write_bytes(damaged)
        try:
            read_clip([written])
        except AssistMimicError as error:
            assert "in.npz" in str(error)
            refused += 1
    assert refused > 100


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a.bvh"], "a clip needs two"),
        (["a.bvh", "b.npz"], "files of one format"),
        (["a.fbx"], "what can be read"),
        (["a.bvh", "nowhere.bvh"], "no such file"),
        (["folder"], "a folder with 0 files"),
        (["noise.npz"], "not a readable"),
        ([], "no file"),
    ],
)
def test_what_cannot_be_read(names, words, tmp_path):
    """Say what can."""
    for name in ("a.bvh", "b.npz", "a.fbx"):
        (tmp_path / name).write_text("")
    (tmp_path / "noise.npz").write_bytes(b"PK\x03\x04 no zip")
    (tmp_path / "folder").mkdir()
    with pytest.raises(AssistMimicError, match=words):
        read_clip([tmp_path / name for name in names])


def test_unknown_suffix_to_write(tmp_path):
    """Say what can be written."""
    with pytest.raises(AssistMimicError, match=r"'\.fbx'; use one of \.npz, \.bvh"):
        write_clip(tmp_path / "out.fbx", squatting_pair(2))


def test_swapped_roles(tmp_path):
    """Exchange people and their grips, in what is said about them too."""
    clip = squatting_pair(5)
    grips = np.zeros((5, 2, 2))
    grips[:, 0, 1] = 1
    (written,) = write_clip(tmp_path / "in.npz", replace(clip, grips=grips))
    swapped = read_clip([written], ReadOptions(swap=True)).clip
    np.testing.assert_array_equal(swapped.supporter.trans, clip.recipient.trans)
    assert swapped.grips is not None
    np.testing.assert_array_equal(swapped.grips[:, 1, 1], 1)
    files = []
    for name, (_, motion) in zip(("first", "second"), clip.people, strict=True):
        files.append(tmp_path / f"{name}.bvh")
        files[-1].write_text(as_rig(motion, "mixamo"))
    notes = read_clip(files, ReadOptions(swap=True)).notes
    assert any(note.startswith("recipient: first.bvh") for note in notes)
    assert any(note.startswith("supporter: second.bvh") for note in notes)


def test_heights_counted_from_the_pelvis(tmp_path):
    """Put both people on the floor by one common shift, unless told to keep the heights."""
    clip = squatting_pair(5).with_people(lambda motion: replace(motion, trans=motion.trans - [0, 0, 0.9]))
    np.testing.assert_allclose(sole_heights(clip), -0.9, atol=0.01)
    written = write_clip(tmp_path / "out.bvh", clip)
    read = read_clip(written)
    assert any(note.startswith("floor: the lowest sole was at -0.90 m") for note in read.notes)
    np.testing.assert_allclose(sole_heights(read.clip), 0, atol=0.01)
    kept = read_clip(written, ReadOptions(keep_height=True))
    assert np.abs(kept.clip.joints - clip.joints).max() < 1e-4
    small = clip.with_people(lambda motion: replace(motion, trans=motion.trans + [0, 0, 0.75]))
    assert stood_on_floor(small) == (small, [])


def test_jump_in_time():
    """Point out who is suddenly elsewhere, and when."""
    clip = squatting_pair(5)
    assert jumps(clip) == []
    trans = clip.recipient.trans.copy()
    trans[0] += [2, 0, 0]
    jumping = replace(clip, recipient=replace(clip.recipient, trans=trans))
    (note,) = jumps(jumping)
    assert note.startswith("recipient: jumps 2.00 m from frame 0 to frame 1; frame 0 looks like a rest pose")
