"""What is written for other tools: read back by this project's readers, and by independent ones where they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.joint_errors import errors
from helpers.motion_cases import squatting_pair

from controller_server.clip.interaction import InteractionClip
from controller_server.clip.io.formats import ReadOptions, read_clip, write_clip, written_paths
from controller_server.clip.io.write_options import WriteOptions
from controller_server.core.errors import AssistMimicError
from controller_server.physics.recorded_frames import slice_clip

FIRST = ReadOptions(supporter=1)


@pytest.fixture(scope="module")
def clip() -> InteractionClip:
    """Two people who go down and up at an odd rate."""
    return squatting_pair(12, 24.0)


@pytest.mark.parametrize("ending", [".amass.npz", ".smpl", ".mcs", ".inter-x"])
def test_parameters_come_back(ending, clip, tmp_path):
    """Read the very same motion back, rate included where the format has one."""
    files = write_clip(tmp_path / f"out{ending}", clip, options=WriteOptions(out_fps=24.0))
    assert files == written_paths(tmp_path / f"out{ending}")
    read = read_clip(files, FIRST)
    assert read.clip.fps == 24
    place, angle = errors(read.clip, clip)
    assert place < 1e-4 and angle < 0.01


def test_inter_x_is_written_at_the_rate_its_readers_take_for_granted(clip, tmp_path):
    """Keep the clip's length at 120 frames a second; the folder is read like its two files."""
    write_clip(tmp_path / "out.inter-x", clip)
    read = read_clip([tmp_path / "out.inter-x"], FIRST).clip
    assert read.fps == 120 and read.duration == pytest.approx(clip.duration)
    place, _ = errors(slice_clip(read, slice(None, None, 5)), clip)
    assert place < 1e-4


def test_amass_has_what_add_ons_ask_for(clip, tmp_path):
    """Write both spellings of the rate, the whole pose and its parts, 16 betas, expressions."""
    supporter, recipient = write_clip(tmp_path / "out.amass.npz", clip)
    assert (supporter.name, recipient.name) == ("out_supporter.npz", "out_recipient.npz")
    arrays = np.load(supporter)
    assert arrays["mocap_framerate"] == arrays["mocap_frame_rate"] == 24
    assert arrays["poses"].shape == (12, 165) and arrays["betas"].shape == (16,)
    assert arrays["expressions"].shape[0] == 12 and str(arrays["gender"]) == "neutral"
    parts = ("root_orient", "pose_body", "pose_jaw", "pose_eye", "pose_hand")
    np.testing.assert_array_equal(arrays["poses"], np.concatenate([arrays[p] for p in parts], axis=1))


def test_own_proportions_keep_the_pelvis(clip, tmp_path):
    """Put the pelvis of people with own proportions where it was, in the neutral shape."""
    rest = clip.recipient.skeleton.rest_joints * 1.1
    own = replace(clip, recipient=replace(clip.recipient, rest_joints=rest))
    back = read_clip(write_clip(tmp_path / "out.mcs", own), ReadOptions(supporter=1, keep_height=True)).clip
    np.testing.assert_allclose(back.joints[:, :, 0], own.joints[:, :, 0], atol=1e-5)


def test_glb_comes_back(clip, tmp_path):
    """Read both people back from one file: places, rate, frames, roles by their names."""
    (path,) = write_clip(tmp_path / "out.glb", clip)
    read = read_clip([path])
    assert (read.clip.n_frames, read.clip.fps) == (12, 24)
    assert errors(read.clip, clip, 22)[0] < 0.02
    assert sum("joint names smplx" in note for note in read.notes) == 2


def test_glb_by_another_reader(clip, tmp_path):
    """Let pygltflib find two skins of 55 joints, one animation and meshes in it."""
    pygltflib = pytest.importorskip("pygltflib")
    (path,) = write_clip(tmp_path / "out.glb", clip)
    file = pygltflib.GLTF2().load(str(path))
    assert [len(skin.joints) for skin in file.skins] == [55, 55]
    assert len(file.animations) == 1 and len(file.animations[0].channels) == 112 and len(file.meshes) == 2


def test_meshcapade_by_its_own_reader(clip, tmp_path):
    """Let Meshcapade's reader find the same numbers."""
    smplcodec = pytest.importorskip("smplcodec")
    supporter, _ = write_clip(tmp_path / "out.smpl", clip)
    body = smplcodec.SMPLCodec.from_file(str(supporter))
    assert body.frame_count == 12 and body.frame_rate == 24
    np.testing.assert_allclose(body.body_pose[:, 1:22].reshape(12, 63), clip.supporter.pose_body, atol=1e-5)


def test_another_rate(clip, tmp_path):
    """Resample on the way out, keep the duration, and refuse it where it cannot apply."""
    read = read_clip(write_clip(tmp_path / "out.mcs", clip, options=WriteOptions(out_fps=48)), FIRST)
    assert (read.clip.fps, read.clip.n_frames) == (48, 23)
    assert np.abs(read.clip.joints[::2] - clip.joints).max() < 1e-4
    with pytest.raises(AssistMimicError, match="--out-fps cannot apply"):
        write_clip(tmp_path / "out.npz", clip, options=WriteOptions(out_fps=48))
    with pytest.raises(AssistMimicError, match="outside"):
        write_clip(tmp_path / "out.mcs", clip, options=WriteOptions(out_fps=1000))


def test_convert_to_another_tool(assistmimic, clip, tmp_path):
    """Convert to AMASS at another rate; refuse before simulating what cannot be."""
    write_clip(tmp_path / "in.npz", clip)
    fast = ("--controller", "search", "--quality", "draft", "--threads", "1")
    done = assistmimic("convert", "in.npz", "out.npz", "--out-fps", "30")
    assert done.returncode == 2 and "--out-fps cannot apply" in done.stderr
    done = assistmimic("convert", "in.npz", "out.amass.npz", "--out-fps", "30", *fast)
    assert done.returncode == 0, done.stderr
    assert np.load(tmp_path / "out_recipient.npz")["mocap_framerate"] == 30


def test_damaged_glb(clip, tmp_path):
    """Meet bytes gone wrong anywhere in a file with one sentence, and open no file elsewhere."""
    (path,) = write_clip(tmp_path / "out.glb", squatting_pair(3))
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    bad = tmp_path / "bad.glb"
    for _ in range(60):
        damaged = bytearray(whole)
        for place in rng.integers(0, 20_000, 8):
            damaged[place] = rng.integers(0, 256)
        bad.write_bytes(damaged)
        try:
            read_clip([bad])
        except AssistMimicError as error:
            assert "\n" not in str(error)
    for uri in ("../out.bin", "/etc/passwd", ".."):
        Path(tmp_path / "in.gltf").write_text(f'{{"buffers": [{{"uri": "{uri}", "byteLength": 3}}]}}')
        with pytest.raises(AssistMimicError, match="another folder"):
            read_clip([tmp_path / "in.gltf"])
