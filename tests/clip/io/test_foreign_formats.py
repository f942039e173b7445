"""Every reader on a known motion in exactly the foreign layout, and on real files."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from helpers import foreign_files as foreign
from helpers.joint_errors import errors
from helpers.motion_cases import squatting_pair
from helpers.paths import SAMPLES
from helpers.standing import standing_pair

from controller_server.clip.interaction import InteractionClip
from controller_server.clip.io.formats import ENDINGS, FORMATS, ReadOptions, read_clip
from controller_server.clip.io.safe_pickle import forget
from controller_server.clip.io.sixd import Convention, quat_from_sixd
from controller_server.clip.rotation import quat_from_rotvec
from controller_server.core.errors import AssistMimicError

FIRST = ReadOptions(supporter=1)


@pytest.fixture(scope="module")
def clip() -> InteractionClip:
    """Two people who go down and up, fingers bent."""
    return squatting_pair(12)


PARAMETERS = {
    "inter-x": (foreign.inter_x, ".npz", 120),
    "amass": (foreign.amass_smplh, ".npz", 60),
    "amass SMPL-X": (foreign.amass_smplx, ".npz", 120),
    "amass in parts": (lambda motion: foreign.amass_smplx(motion, whole=False), ".npz", 120),
    "hy-motion": (foreign.hy_motion, ".npz", 30),
    "smpl": (foreign.smpl_bytes, ".smpl", 30),
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_body_parameters(name, clip, tmp_path):
    """Find the very same motion again: world, hands, rate."""
    write, suffix, rate = PARAMETERS[name]
    files = foreign.pair_in(tmp_path, clip, write, suffix)
    read = read_clip(files, ReadOptions(supporter=1))
    assert read.clip.fps == rate
    place, angle = errors(read.clip, clip)
    assert place < 0.002 and angle < 0.1
    assert read_clip(files, ReadOptions(supporter=1, format=name.split()[0], fps=25)).clip.fps == 25
    with pytest.raises(AssistMimicError, match=f"one person only \\(P1{suffix}\\)"):
        read_clip(files[:1])


def test_a_scene_of_two(clip, tmp_path):
    """Read a Meshcapade scene over the frames in which both are there."""
    people = [foreign.smpl_bytes(motion) for _, motion in clip.people]
    (tmp_path / "two.mcs").write_text(foreign.mcs_text(people, [0, 0], 12))
    place, _ = errors(read_clip([tmp_path / "two.mcs"], ReadOptions(supporter=1)).clip, clip)
    assert place < 0.002
    (tmp_path / "two.mcs").write_text(foreign.mcs_text(people, [2, 0], 14))
    assert read_clip([tmp_path / "two.mcs"]).clip.n_frames == 10
    (tmp_path / "two.mcs").write_text(foreign.mcs_text(people, [0, 20], 40))
    with pytest.raises(AssistMimicError, match="never there at the same time"):
        read_clip([tmp_path / "two.mcs"])


def test_meshcapade_own_files():
    """Read what Meshcapade's own writer wrote, the same from one file and from two."""
    folder = SAMPLES / "meshcapade"
    scene = read_clip([folder / "world4d.mcs"]).clip
    assert (scene.n_frames, scene.fps) == (30, 30)
    pair = read_clip([folder / "subject-1.smpl", folder / "subject-2.smpl"]).clip
    np.testing.assert_array_equal(scene.joints, pair.joints)
    apart = np.linalg.norm(scene.joints[:, 0, 0] - scene.joints[:, 1, 0], axis=-1)
    np.testing.assert_allclose(apart, 0.8, atol=0.05)


POSITIONS = {
    "262": foreign.intergen,
    "22x9": foreign.intermask,
    "492": foreign.interhuman,
}


@pytest.mark.parametrize("name", POSITIONS)
def test_generators(name, clip, tmp_path):
    """Find positions and the very rotations of what generators write, one file for each person."""
    files = foreign.pair_in(tmp_path, clip, POSITIONS[name], ".npy")
    read = read_clip(files, ReadOptions(supporter=1))
    assert read.clip.fps == 30
    place, angle = errors(read.clip, clip, 55 if name == "492" else 22)
    assert place < 0.002 and angle < 0.5


@pytest.mark.parametrize("layout", ["524", "2x262"])
def test_both_people_in_one_array(layout, clip, tmp_path):
    """Read both people of one array, and tell who helps by who is lower."""
    people = np.stack([foreign.intergen(motion) for _, motion in clip.people], axis=1)
    np.save(tmp_path / "in.npy", people.reshape(len(people), -1) if layout == "524" else people)
    read = read_clip([tmp_path / "in.npy"])
    assert errors(read.clip, clip, 22)[0] < 0.002
    assert any(note.startswith("roles: neither is lower or rises") for note in read.notes)


def test_normalised_values(clip, tmp_path):
    """Refuse normalised values without their statistics, undo them with."""
    values = np.concatenate([foreign.intergen(motion) for _, motion in clip.people], axis=1)
    both = values.reshape(-1, 262)
    mean, std = both.mean(axis=0), both.std(axis=0) + 0.1
    np.save(tmp_path / "in.npy", (values - np.tile(mean, 2)) / np.tile(std, 2))
    with pytest.raises(AssistMimicError, match="normalised.*global_mean.npy"):
        read_clip([tmp_path / "in.npy"])
    np.save(tmp_path / "global_mean.npy", mean)
    np.save(tmp_path / "global_std.npy", std)
    assert errors(read_clip([tmp_path / "in.npy"]).clip, clip, 22)[0] < 0.002


@pytest.mark.parametrize("flat", [True, False])
def test_models_of_inter_x(flat, clip, tmp_path):
    """Read both people's rows in turn: rotations by rows, fingers, a floor that has to be found."""
    both = np.concatenate([foreign.inter_x_six(motion) for _, motion in clip.people], axis=-1)
    both[:, 55, [1, 7]] -= 0.9
    np.save(tmp_path / "in.npy", both.reshape(len(both), 672) if flat else both)
    read = read_clip([tmp_path / "in.npy"])
    place, angle = errors(read.clip, clip)
    assert place < 0.02 and angle < 0.2
    assert any(note.startswith("floor: the lowest sole was at -0.9") for note in read.notes)


@pytest.mark.parametrize("convention", ["interleaved", "columns", "rows"])
def test_six_numbers(convention):
    """Tell the three conventions apart, and make noise orthonormal again."""
    quats = quat_from_rotvec(np.random.default_rng(0).normal(size=(50, 3)))
    six = foreign.sixd(quats, convention)
    back = quat_from_sixd(six, convention)
    assert np.abs(np.abs(np.sum(back * quats, axis=-1)) - 1).max() < 1e-12
    noisy = quat_from_sixd(1.3 * six + 0.01 * np.random.default_rng(1).normal(size=six.shape), convention)
    assert np.abs(np.sum(noisy * quats, axis=-1)).min() > 0.999
    others: tuple[Convention, ...] = ("interleaved", "columns", "rows")
    for other in set(others) - {convention}:
        assert np.abs(np.sum(quat_from_sixd(six, other) * quats, axis=-1)).min() < 0.9


def test_optitrack_joints(tmp_path):
    """Read Inter-X's 64 joints, ends left out."""
    clip = standing_pair(6)
    order = foreign.OPTITRACK
    files = [tmp_path / "P1.npy", tmp_path / "P2.npy"]
    for path, (_, motion) in zip(files, clip.people, strict=True):
        joints = motion.joints[0] @ foreign.Y_UP.T
        np.save(path, np.stack([joints[:, j] if j >= 0 else joints[:, 0] for j in order], axis=1))
    read = read_clip(files)
    assert read.clip.fps == 120
    assert np.linalg.norm(read.clip.joints - clip.joints, axis=-1)[:, :, :22].mean() < 0.02


def test_formats_are_listed(assistmimic):
    """Print every format's name once, with what it is."""
    read, written = assistmimic("formats").stdout.split("written, told by how the name ends:")
    assert [line.split()[0] for line in read.splitlines()[1:]] == [form.name for form in FORMATS]
    assert [line.split()[0] for line in written.strip().splitlines()] == list(ENDINGS)
    assert len({form.name for form in FORMATS}) == len(FORMATS)


def test_kimodo(tmp_path, clip):
    """Read two real people of Kimodo in one place apart, its SMPL-X layout exactly, and refuse the robot by name."""
    folder = SAMPLES / "kimodo"
    moved = dict(np.load(folder / "soma_other.npz"))
    moved["posed_joints"] = moved["posed_joints"] + np.array([1.2, 0, 0], np.float32)
    np.savez(tmp_path / "b.npz", **moved)
    read = read_clip([folder / "soma.npz", tmp_path / "b.npz"])
    assert (read.clip.n_frames, read.clip.fps) == (40, 30)
    assert sum("joint names soma, fit error" in note for note in read.notes) == 2
    fits = [float(note.split("fit error ")[1].split()[0]) for note in read.notes if "fit error" in note]
    assert max(fits) < 15
    with pytest.raises(AssistMimicError, match="robot.*34 joints"):
        read_clip([folder / "g1.npz", folder / "g1.npz"])
    files = foreign.pair_in(tmp_path, clip, foreign.kimodo_smplx)
    place, angle = errors(read_clip(files, ReadOptions(supporter=1)).clip, clip, 22)
    assert place < 0.002 and angle < 0.5


def test_rokoko_dance(tmp_path):
    """Read a real export with Mixamo's names and a rate that is not the video's."""
    files = [SAMPLES / "rokoko" / "jesse_dance.bvh", tmp_path / "other.bvh"]
    files[1].write_text(foreign.shifted_bvh(files[0].read_text(), (100.0, 0.0, 0.0)))
    read = read_clip(files, ReadOptions(fps=100 / 6))
    assert sum("joint names mixamo, fit error" in note for note in read.notes) == 2
    assert any("16.6667 fps as told, the files' Frame Time says 100" in note for note in read.notes)
    fits = [float(note.split("fit error ")[1].split()[0]) for note in read.notes if "fit error" in note]
    assert max(fits) < 15


def test_what_holds_no_pair_says_what_it_lacks(tmp_path):
    """Refuse what is recognised but has no common world, with the way round."""
    np.save(tmp_path / "a.npy", np.zeros((20, 263), np.float32))
    np.savez(tmp_path / "b.npz", mhr_model_params=np.zeros(204), pred_cam_t=np.zeros(3))
    for files, words in (
        ([SAMPLES / "bev" / "image_1_0.08.npz"], "BEV or ROMP: .*without ground.*PromptHMR-Vid"),
        ([tmp_path / "a.npy", tmp_path / "a.npy"], "HumanML3D.*own origin.*InterGen"),
        ([tmp_path / "b.npz"], "SAM 3D Body.*camera's frame"),
    ):
        with pytest.raises(AssistMimicError, match=words):
            read_clip(files)


def test_who_acts_in_inter_x(clip, tmp_path):
    """Take who acts for the supporter where Inter-X's own annotation lies above the clip."""
    folder = tmp_path / "motions" / "G001T000A000R000"
    folder.mkdir(parents=True)
    (tmp_path / "annots").mkdir()
    foreign.pair_in(folder, clip, foreign.inter_x)
    for number, second in ((0, False), (1, True)):
        forget()
        (tmp_path / "annots" / "interaction_order.pkl").write_bytes(pickle.dumps({folder.name: number}))
        read = read_clip([folder])
        assert any("actor helps" in note for note in read.notes)
        expected = clip.joints[:, ::-1] if second else clip.joints
        assert np.abs(read.clip.joints[:, :, 0] - expected[:, :, 0]).max() < 1e-3


def test_processed_inter_x(clip, tmp_path):
    """Read one clip of many by its name, its floor found again."""
    h5py = pytest.importorskip("h5py")
    both = []
    for _, motion in clip.people:
        trans, root = foreign.turned(motion, foreign.Y_UP)
        pose = np.concatenate([root[:, None], motion.pose, trans[:, None] - [0, 0.9, 0]], axis=1)
        both.append(pose)
    with h5py.File(tmp_path / "train.h5", "w") as file:
        for name in ("G1", "G2"):
            file[name] = np.concatenate(both, axis=-1).astype(np.float32)
    with pytest.raises(AssistMimicError, match="2 clips in it .G1, G2.; say which with --clip"):
        read_clip([tmp_path / "train.h5"])
    read = read_clip([tmp_path / "train.h5"], ReadOptions(clip="G2", supporter=1))
    place, angle = errors(read.clip, clip)
    assert place < 0.02 and angle < 0.1


@pytest.fixture
def fbx_folder(data_folder):
    """Real files of Maya, where they and the library that reads them are."""
    pytest.importorskip("ufbx")
    folder = data_folder / "formats" / "fbx_ufbx"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder


def test_fbx(fbx_folder):
    """Read real rigs of Maya in old and new FBX, twice each; crashes and damage stay in the child."""
    for name in ("maya_human_ik_7400_binary", "maya_character_7500_binary", "maya_human_ik_6100_ascii"):
        path = fbx_folder / f"{name}.fbx"
        read = read_clip([path, path], ReadOptions(accept=True))
        assert (read.clip.fps, read.clip.n_frames) == (24, 120)
        fits = [float(note.split("fit error ")[1].split()[0]) for note in read.notes if "fit error" in note]
        assert len(fits) == 2 and max(fits) < 15
        with pytest.raises(AssistMimicError, match="1 people with bones"):
            read_clip([path])


def test_damaged_fbx(tmp_path, fbx_folder):
    """Say in one sentence that a file cannot be read."""
    whole = (fbx_folder / "maya_character_7500_binary.fbx").read_bytes()
    for cut in (40, 2000, len(whole) // 2):
        (tmp_path / "in.fbx").write_bytes(whole[:cut])
        with pytest.raises(AssistMimicError, match="in.fbx"):
            read_clip([tmp_path / "in.fbx", tmp_path / "in.fbx"])


def test_slahmr(clip, tmp_path):
    """Turn people of the first camera's frame upright by the floor's plane, whichever way its normal points."""
    for sign in (1, -1):
        np.savez(tmp_path / "in.npz", **foreign.slahmr(clip, sign))
        read = read_clip([tmp_path / "in.npz"], FIRST)
        assert read.clip.n_frames == 10 and any("frames: 1 to 10" in note for note in read.notes)
        places = [c.joints[:, :, :22].reshape(c.n_frames, -1, 3) for c in (read.clip, clip)]
        apart = [np.linalg.norm(p[:, :, None] - p[:, None], axis=-1) for p in (places[0], places[1][1:11])]
        assert np.abs(apart[0] - apart[1]).max() < 0.002
        assert np.abs(places[0][..., 2] - places[1][1:11, :, 2]).max() < 0.01
    (tmp_path / "in.npz").unlink()
    bad = foreign.slahmr(clip, 1)
    np.savez(tmp_path / "in.npz", **{**bad, "track_mask": np.zeros_like(bad["track_mask"])})
    with pytest.raises(AssistMimicError, match="never tracked at the same time"):
        read_clip([tmp_path / "in.npz"])


def test_chi3d(clip, tmp_path):
    """Read both people's matrices, the up axis by the motion."""
    (tmp_path / "in.json").write_text(foreign.chi3d(clip))
    read = read_clip([tmp_path / "in.json"], FIRST)
    assert read.clip.fps == 50
    place, angle = errors(read.clip, clip, 22)
    assert place < 0.002 and angle < 0.1
    (tmp_path / "in.json").write_text(foreign.chi3d(clip).replace("[", "{", 1))
    with pytest.raises(AssistMimicError, match=r"in\.json"):
        read_clip([tmp_path / "in.json"])
