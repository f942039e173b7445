"""Readers of tools that leave pickles: a known motion in their layout, both people in one world."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from helpers import foreign_files as foreign
from helpers.joint_errors import errors
from helpers.motion_cases import squatting_pair

from controller_server.clip.interaction import InteractionClip
from controller_server.clip.io.formats import ReadOptions, read_clip
from controller_server.clip.io.safe_pickle import forget
from controller_server.core.errors import AssistMimicError

FIRST = ReadOptions(supporter=1)


@pytest.fixture(scope="module")
def clip() -> InteractionClip:
    """Two people who go down and up."""
    return squatting_pair(14)


def dump(folder: Path, content: object, name: str = "in.pkl") -> Path:
    """A pickle, or an `.npy` of one object."""
    forget()
    path = folder / name
    if path.suffix == ".npy":
        np.save(path, np.array(content, dtype=object), allow_pickle=True)
    else:
        path.write_bytes(pickle.dumps(content))
    return path


def test_interhuman(clip, tmp_path):
    """Read both people, Z up, at the file's rate."""
    read = read_clip([dump(tmp_path, foreign.interhuman_raw(clip))], FIRST)
    assert read.clip.fps == 60
    place, angle = errors(read.clip, clip, 22)
    assert place < 0.002 and angle < 0.1


def test_priormdm(clip, tmp_path):
    """Read both people, without the frames behind the end and the canonical extra one."""
    motion, other = (foreign.mdm_joints(person) for _, person in clip.people)
    content = {"motion": motion, "other_motion": other, "lengths": np.array([15]), "text": ["they meet"]}
    read = read_clip([dump(tmp_path, content, "results.npy")], FIRST)
    assert (read.clip.fps, read.clip.n_frames) == (20, 14)
    assert errors(read.clip, clip, 22)[0] < 0.03
    alone = dump(tmp_path, {key: content[key] for key in ("motion", "lengths", "text")}, "results.npy")
    with pytest.raises(AssistMimicError, match="one person only"):
        read_clip([alone])


def test_regennet(clip, tmp_path):
    """Take who acts for the supporter, by the names the file gives."""
    read = read_clip([dump(tmp_path, foreign.regennet(clip), "results.npy")])
    place, angle = errors(read.clip, clip)
    assert place < 0.02 and angle < 0.2
    assert any("actor helps" in note for note in read.notes)


@pytest.mark.parametrize("keys", ["smpl_params", "body_params"])
def test_two_tracks_of_one_video(keys, clip, tmp_path):
    """Put two people of GVHMR or GENMO, each in an own world, into one by the camera they share."""
    files = []
    for k, (_, motion) in enumerate(clip.people):
        content = foreign.gvhmr(motion, 0.4 + k, np.array([2.0 * k, 0, -1.0 * k]))
        named = {key.replace("smpl_params", keys): value for key, value in content.items()}
        files.append(dump(tmp_path, named, f"{k}.pt"))
    read = read_clip(files, FIRST)
    assert any("by the camera they share (a still one)" in note for note in read.notes)
    check_pair(read.clip, clip)
    with pytest.raises(AssistMimicError, match="one person only"):
        read_clip(files[:1])


def check_pair(found: InteractionClip, clip: InteractionClip) -> None:
    """Check distances within and between people, which no turn of the world changes."""
    places = [c.joints[:, :, :22].reshape(c.n_frames, -1, 3) for c in (found, clip)]
    apart = [np.linalg.norm(p[:, :, None] - p[:, None], axis=-1) for p in places]
    assert np.abs(apart[0] - apart[1]).max() < 0.01


def test_wham(clip, tmp_path):
    """Read both people in the frames in which both are seen, in one world."""
    frames = [np.arange(0, 13), np.delete(np.arange(2, 14), 5)]
    read = read_clip([dump(tmp_path, foreign.wham(clip, frames))], FIRST)
    assert read.clip.n_frames == 11
    assert any("frames: 2 to 12 of the video" in note for note in read.notes)
    assert any("1 gaps filled" in note for note in read.notes)
    whole = read_clip([dump(tmp_path, foreign.wham(clip, [np.arange(14)] * 2))], FIRST)
    check_pair(whole.clip, clip)
    apart = dump(tmp_path, foreign.wham(clip, [np.arange(0, 5), np.arange(8, 14)]))
    with pytest.raises(AssistMimicError, match="never seen at the same time"):
        read_clip([apart])


def test_prompthmr(clip, tmp_path):
    """Read both people of one world; the rate comes from the file beside it or from the user."""
    path = dump(tmp_path, foreign.prompthmr(clip, [np.arange(14)] * 2))
    with pytest.raises(AssistMimicError, match="no frame rate"):
        read_clip([path])
    assert errors(read_clip([path], ReadOptions(supporter=1, fps=30)).clip, clip, 22)[0] < 0.002
    (tmp_path / "subject-1.smpl").write_bytes(foreign.smpl_bytes(clip.supporter, 24))
    assert read_clip([path]).clip.fps == 24


def test_what_is_no_motion_of_two(tmp_path):
    """Refuse pickles of no known tool with one sentence."""
    with pytest.raises(AssistMimicError, match="formats"):
        read_clip([dump(tmp_path, {"weights": np.ones(3)})])
    with pytest.raises(AssistMimicError, match="person1"):
        read_clip([dump(tmp_path, {"person1": 1, "person2": 2})])


def test_duolando(clip, tmp_path):
    """Read a dancer from each file, in the array of one element they lie in."""
    files = []
    for k, (_, motion) in enumerate(clip.people):
        trans, root = foreign.turned(motion, foreign.Y_UP)
        poses = np.concatenate([root[:, None], motion.pose], axis=1).reshape(-1, 165)
        files.append(dump(tmp_path, {"poses": poses, "transl": trans, "betas": np.zeros((14, 10))}, f"a_0{k}.npy"))
    read = read_clip(files, FIRST)
    place, angle = errors(read.clip, clip)
    assert read.clip.fps == 30 and place < 0.002 and angle < 0.1


def test_ponimator(clip, tmp_path):
    """Read both people's rotations by columns, the root among them, the up axis by the motion."""
    motions, places = [], []
    for _, motion in clip.people:
        trans, root = foreign.turned(motion, foreign.Y_UP)
        rotvecs = np.concatenate([root[:, None], foreign.body(motion)], axis=1)
        motions.append(foreign.sixd(foreign.quat_from_rotvec(rotvecs), "interleaved").reshape(14, 132))
        places.append(trans)
    content = {"motion_pred": np.stack(motions), "trans_pred": np.stack(places), "betas_pred": np.zeros((2, 10))}
    read = read_clip([dump(tmp_path, content, "motion_pred.pkl")], FIRST)
    place, angle = errors(read.clip, clip, 22)
    assert read.clip.fps == 10 and place < 0.01 and angle < 0.1
    assert "up axis: y (from the motion)" in read.notes
