"""What no two people can do is refused, what is odd is told, and the option that says otherwise works."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.motion_cases import squatting_pair
from helpers.standing import standing_pair

from controller_server.clip.checks.human_speed import fall_acceleration, swing_times
from controller_server.clip.checks.plausibility import examine, knee_direction, toe_direction
from controller_server.clip.interaction import InteractionClip, SmplxMotion
from controller_server.clip.io.formats import ReadOptions, read_clip, write_clip
from controller_server.clip.skeleton import JOINT_NAMES, PELVIS
from controller_server.core.errors import AssistMimicError

BODY = np.array(JOINT_NAMES[:22])
CLIPS = sorted(Path("assets/clips").glob("*.npz"))
MIRRORED = [JOINT_NAMES.index(n.replace("left_", "L").replace("right_", "left_").replace("L", "right_")) for n in BODY]


def positions(clip: InteractionClip) -> np.ndarray:
    """Body joints, supporter first, shape (2, T, 22, 3)."""
    return clip.joints[:, :, :22].transpose(1, 0, 2, 3)


def read_positions(folder: Path, array: np.ndarray, **options) -> tuple[InteractionClip, tuple[str, ...]]:
    """Read positions from a bare file."""
    np.save(folder / "in.npy", array)
    read = read_clip([folder / "in.npy"], ReadOptions(fps=30, **options))
    return read.clip, read.notes


def moved(clip: InteractionClip, shift: tuple[float, float, float]) -> InteractionClip:
    """The clip with both people elsewhere."""
    return clip.with_people(lambda motion: replace(motion, trans=motion.trans + shift))


@pytest.mark.parametrize("path", CLIPS, ids=lambda path: path.stem)
def test_good_clips_are_left_alone(path):
    """Find nothing to say about the clips that come along."""
    assert read_clip([path]).notes == ()


@pytest.mark.parametrize(
    ("up", "turn"),
    [
        ("y", ([0, 2, 1], [1, 1, -1])),
        ("-y", ([0, 2, 1], [1, -1, 1])),
        ("z", ([0, 1, 2], [1, 1, 1])),
        ("-z", ([0, 1, 2], [1, -1, -1])),
        ("x", ([2, 0, 1], [1, 1, 1])),
        ("-x", ([2, 0, 1], [-1, 1, -1])),
    ],
)
def test_every_axis_can_be_up(up, turn, tmp_path):
    """Judge six up axes by the motion, a camera's y down among them."""
    clip = squatting_pair(5)
    columns, signs = turn
    found, notes = read_positions(tmp_path, positions(clip)[..., columns] * signs)
    assert f"up axis: {up} (from the motion)" in notes
    assert np.linalg.norm(found.joints - clip.joints, axis=-1)[:, :, :22].mean() < 0.01


def test_upside_down_is_refused(tmp_path):
    """Refuse people whose feet are over their heads, unless it is accepted."""
    array = positions(squatting_pair(5))[..., [0, 2, 1]] * [1, -1, 1]
    with pytest.raises(AssistMimicError, match="upside down.*--bvh-up"):
        read_positions(tmp_path, array, bvh_up="y")
    _, notes = read_positions(tmp_path, array, bvh_up="y", accept=True)
    assert any("upside down" in note for note in notes)


@pytest.mark.parametrize(
    ("change", "sides"),
    [(lambda array: array[:, :, MIRRORED], "exchanged"), (lambda array: array * [-1, 1, 1], "mirrored")],
    ids=["names", "coordinates"],
)
def test_left_and_right(change, sides, tmp_path):
    """Refuse toes that point backwards and say what mends it; mended, it is the right clip."""
    clip = squatting_pair(9)
    array = change(positions(clip))
    with pytest.raises(AssistMimicError, match="both people: toes point backwards and knees.*--sides"):
        read_positions(tmp_path, array)
    found, notes = read_positions(tmp_path, array, sides=sides)
    assert not any("backwards" in note for note in notes)
    assert np.linalg.norm(found.joints - clip.joints, axis=-1)[:, :, :22].mean() < 0.01


def test_toes_and_knees_of_people():
    """Point forwards in every posture of the bundled clips."""
    for path in CLIPS:
        for _, motion in read_clip([path]).clip.people:
            assert toe_direction(motion.joints[0]) > 0.5
            assert (knee_direction(motion.joints[0]) or 1) > 0.3


def test_both_in_one_place(tmp_path):
    """Refuse two people inside each other, and one person twice."""
    clip = squatting_pair(5)
    (path,) = write_clip(tmp_path / "in.npz", replace(clip, recipient=clip.supporter))
    with pytest.raises(AssistMimicError, match="same movements in the same place"):
        read_clip([path])
    here = replace(clip.recipient, trans=clip.supporter.trans + [0, 0.05, 0])
    (path,) = write_clip(tmp_path / "in.npz", replace(clip, recipient=here))
    with pytest.raises(AssistMimicError, match="in one place"):
        read_clip([path])


def test_sizes_that_do_not_go_together():
    """Tell people of whom one is in another unit."""
    clip = standing_pair(3)
    small = replace(clip.recipient, rest_joints=clip.recipient.skeleton.rest_joints * 0.55)
    (note,) = [f.text for f in examine(replace(clip, recipient=small)) if "another unit" in f.text]
    assert "supporter 1.7" in note


def test_lying_the_whole_clip():
    """Tell people who lie flat from first to last."""
    flat = standing_pair(5).with_people(lambda m: replace(m, root_orient=np.zeros((5, 3))))
    assert any("both people lie flat" in finding.text for finding in examine(flat))


def test_joint_order(tmp_path):
    """Recognise SMPL's joints depth first, and refuse an order that makes no human."""
    clip, names = squatting_pair(9), list(BODY)
    depth = [n for n in ("pelvis", *(n for n in names if "left" in n and _leg(n)))]
    depth += [n for n in names if "right" in n and _leg(n)] + ["spine1", "spine2", "spine3", "neck", "head"]
    depth += [n for side in ("left", "right") for n in names if side in n and not _leg(n)]
    rows = [names.index(n) for n in depth]
    found, notes = read_positions(tmp_path, positions(clip)[:, :, rows])
    assert any("depth first" in note for note in notes)
    assert np.linalg.norm(found.joints - clip.joints, axis=-1)[:, :, :22].mean() < 0.01
    with pytest.raises(AssistMimicError, match="make no human"):
        read_positions(tmp_path, positions(clip)[:, :, np.random.default_rng(0).permutation(22)])


def _leg(name: str) -> bool:
    return name.split("_")[-1] in ("hip", "knee", "ankle", "foot")


def test_bones_that_change(tmp_path):
    """Tell bones that grow in the clip."""
    array = positions(squatting_pair(21)).copy()
    array[1, :, JOINT_NAMES.index("left_wrist")] += np.linspace(0, 0.15, 21)[:, None] * [0, 0, -1]
    _, notes = read_positions(tmp_path, array)
    assert any(note.startswith("recipient: the bone to the left wrist changes") for note in notes)


@pytest.mark.parametrize("height", [-0.25, 0.25])
def test_a_floor_off_by_a_quarter_metre(height, tmp_path):
    """Put both people on the floor from either side, and leave alone what preparing mends."""
    clip = squatting_pair(5)
    found, notes = read_positions(tmp_path, positions(moved(clip, (0, 0, height))))
    assert any(note.startswith(f"floor: the lowest sole was at {height:.2f} m") for note in notes)
    assert np.abs(found.joints - clip.joints)[:, :, :22].max() < 0.05
    _, notes = read_positions(tmp_path, positions(moved(clip, (0, 0, height / 2))))
    assert not any(note.startswith("floor: ") for note in notes)
    assert any("under the floor" in note or "nearer to the floor" in note for note in notes)


def test_options_that_cannot_apply(tmp_path):
    """Refuse them, naming each, instead of ignoring them."""
    (path,) = write_clip(tmp_path / "in.npz", squatting_pair(5))
    asked = {
        "--fps": ReadOptions(fps=60.0),
        "--bvh-up": ReadOptions(bvh_up="y"),
        "--bvh-unit": ReadOptions(bvh_unit="cm"),
        "--joint-map": ReadOptions(joint_map=Path("no.yaml")),
    }
    for flag, options in asked.items():
        with pytest.raises(AssistMimicError, match=f"{flag} cannot apply"):
            read_clip([path], options)
    with pytest.raises(AssistMimicError, match="no format is called so; there are assistmimic"):
        read_clip([path], ReadOptions(format="tape"))


def walking(speed: float) -> SmplxMotion:
    """A person whose feet swing 1.2 m in 0.4 s by turns, played at another speed."""
    motion = standing_pair(120).supporter
    phase = np.arange(120) * speed / 30 / 0.8
    trans = motion.trans.copy()
    trans[:, 0] += 1.2 * (np.floor(phase) + np.clip(2 * (phase % 1), 0, 1))
    return replace(motion, trans=trans)


@pytest.mark.parametrize(("speed", "word"), [(0.5, "slow motion"), (1.0, None), (2.5, "faster than life")])
def test_frame_rate_against_steps(speed, word):
    """Tell half and double speed by how long a foot swings."""
    clip = replace(standing_pair(120), supporter=walking(speed))
    assert np.median(swing_times(clip.supporter.joints[0], 30)) == pytest.approx(0.4 / speed, abs=0.07)
    notes = [finding.text for finding in examine(clip) if "the clip looks" in finding.text]
    assert (word is None and not notes) or (word is not None and word in notes[0])


def test_frame_rate_against_falling():
    """Measure gravity on somebody in the air."""
    clip = standing_pair(40)
    time = np.clip(np.arange(40) - 10, 0, 15) / 30
    joints = clip.supporter.joints[0] + (2.5 * time - 0.5 * 9.81 * time**2)[:, None, None] * np.array([0, 0, 1])
    partner = clip.recipient.joints[0] + [5, 0, 0]
    assert fall_acceleration(joints, partner, 30) == pytest.approx(9.81, rel=0.1)
    assert fall_acceleration(joints, joints, 30) is None
    assert fall_acceleration(clip.supporter.joints[0], partner, 30) is None


def test_speeds(tmp_path):
    """Tell hands that are faster than people's."""
    clip = standing_pair(21)
    trans = clip.recipient.trans + (0.4 * (np.arange(21) % 2))[:, None] * np.array([0, 1, 0])
    notes = [f.text for f in examine(replace(clip, recipient=replace(clip.recipient, trans=trans)))]
    assert any(note.startswith("recipient: moves") and "--fps" in note for note in notes)
    assert clip.joints.shape[2] > PELVIS
