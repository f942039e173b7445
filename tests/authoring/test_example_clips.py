"""The authored clips, bundled and untrained: physically sensible as far as posing goes, and worth simulating."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from helpers.paths import ROOT

from controller_server.authoring import author, read_script
from controller_server.authoring.check import ClipCheck, check_clip, support_margin
from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.io.npz import read_npz
from controller_server.clip.rotation import quat_rotate
from controller_server.clip.skeleton import HEAD, L_ANKLE, L_FOOT, R_ANKLE, R_FOOT, joint
from controller_server.metrics.feet import foot_corners, foot_skating

BUNDLED = ("pull_up", "lift_under_arms", "floor_to_stand", "lower_to_chair", "walk_arm_in_arm", "steady")
UNTRAINED = ("low_stool", "rise_and_turn", "side_support", "sit_back")
_FOLDERS = {ROOT / "assets" / "clips": BUNDLED, ROOT / "training" / "clips": UNTRAINED}
CLIPS = (*BUNDLED, *UNTRAINED)
RISES = {
    "pull_up": 0.35,
    "lift_under_arms": 0.35,
    "floor_to_stand": 0.6,
    "low_stool": 0.45,
    "rise_and_turn": 0.28,
    "side_support": 0.35,
}
"""Clips in which the recipient rises, and by how much at least [m]."""
DESCENTS = ("lower_to_chair", "sit_back")
SIDE_BY_SIDE = ("walk_arm_in_arm", "side_support")
every_clip = pytest.mark.parametrize("name", CLIPS)


def _file(name: str, suffix: str) -> Path:
    folder = next(folder for folder, names in _FOLDERS.items() if name in names)
    return folder / f"{name}.{suffix}"


@cache
def _clip(name: str) -> InteractionClip:
    return read_npz(_file(name, "npz"))


@cache
def _check(name: str) -> ClipCheck:
    return check_clip(_clip(name))


def _falling(name: str) -> np.ndarray:
    """Frames between two keys of which one is `unbalanced`, shape (T, 2)."""
    script = read_script(_file(name, "yaml"))
    times = np.array([key.time for key in script.keys])
    now = np.arange(script.n_frames) / script.fps
    after = np.clip(np.searchsorted(times, now, side="right"), 1, len(times) - 1)
    flags = np.array([[person.unbalanced for person in key.people] for key in script.keys])
    return flags[after - 1] | flags[after]


def _pelvis_height(name: str) -> np.ndarray:
    return _clip(name).joints[:, :, 0, 2]


def test_all_clips_are_there():
    """Keep each clip with the script it was built from: six bundled ones, and those no policy was trained on."""
    for folder, names in _FOLDERS.items():
        for suffix in ("npz", "yaml"):
            assert {path.stem for path in folder.glob(f"*.{suffix}")} == set(names)


@every_clip
def test_length_and_rate(name: str):
    """Last 3-8 s at 30 fps, and as long as the script says."""
    clip, script = _clip(name), read_script(_file(name, "yaml"))
    assert clip.fps == 30
    assert 3 <= script.duration <= 8 and 3 <= clip.duration <= 8 + 1e-6
    assert clip.n_frames == script.n_frames
    assert clip.source


@every_clip
def test_nothing_is_deep_inside_anything(name: str):
    """Go at most 2 cm into floor, props and partner, and at most 5 mm at the first frame."""
    check = _check(name)
    for depth in (check.partner_depth, check.floor_depth, check.prop_depth):
        assert depth.max() < 0.02
        assert depth[0].max() < 0.005


@every_clip
def test_feet_do_not_slide(name: str):
    """Move soles slower than 1 cm/s on the mean, bearing ones and by the report's rule of 2 cm above the floor."""
    clip = _clip(name)
    assert _check(name).foot_slide.max() < 0.01
    assert foot_skating(foot_corners(clip, PairBody.from_clip(clip)), clip.fps).max() < 1.0


@every_clip
def test_feet_start_and_end_flat(name: str):
    """Begin and end with every sole on the floor within 2 mm and the toes straight."""
    clip = _clip(name)
    corners = foot_corners(clip, PairBody.from_clip(clip))[[0, -1]]
    lowest_four = np.sort(corners[..., 2].reshape(2, 2, 2, 2, 8), axis=-1)[..., :4]
    assert np.abs(lowest_four).max() < 0.002
    for _, motion in clip.people:
        toes = motion.pose[[0, -1]][:, [L_FOOT - 1, R_FOOT - 1]]
        assert np.abs(toes).max() < 0.01


@every_clip
def test_centre_of_mass_is_over_the_feet_where_nobody_holds(name: str):
    """Stand 2 cm inside the support polygon unless held, seated or falling on purpose."""
    check = _check(name)
    free = ~check.held[:, None] & ~check.seated & ~_falling(name)
    assert (check.com_margin[free] > 0.02).all()


@every_clip
def test_both_together_could_stand(name: str):
    """Keep the pair's common centre of mass over the pair's feet at every frame."""
    assert _check(name).pair_margin.min() > 0.02


@every_clip
def test_supporter_is_never_off_balance(name: str):
    """Leave the supporter's own centre of mass over their feet while standing on both."""
    clip, check = _clip(name), _check(name)
    ankles = clip.joints[:, 0, [L_ANKLE, R_ANKLE], 2]
    both_down = (ankles < ankles[0] + 0.005).all(axis=1)
    assert both_down.any()
    assert check.com_margin[both_down, 0].min() > 0.02


@every_clip
def test_gripping_hands_touch(name: str):
    """Keep every gripping palm within 5 mm of the partner's surface, and hold somewhere."""
    clip, gap = _clip(name), _check(name).hand_gap
    assert clip.grips is not None
    assert clip.grips[:, 0].max() == 1
    assert np.abs(gap[clip.grips > 0]).max() < 0.005


@every_clip
def test_motion_is_smooth(name: str):
    """Start and end at rest; keep joints below 10 rad/s and their velocities free of jumps."""
    clip, check = _clip(name), _check(name)
    assert check.joint_speed.max() < 10
    assert check.joint_jump.max() < 3
    assert check.joint_speed[[0, -1]].max() < 0.25
    velocity = np.linalg.norm(np.diff(clip.joints[:, :, :22], axis=0), axis=-1) * clip.fps
    assert velocity[[0, -1]].max() < 0.06
    # Quasi-static ends: nobody has gone anywhere in the first and last 0.3 s.
    assert np.abs(clip.joints[9, :, 0] - clip.joints[0, :, 0]).max() < 0.01
    assert np.abs(clip.joints[-10, :, 0] - clip.joints[-1, :, 0]).max() < 0.012


@every_clip
def test_knees_and_elbows_bend_the_right_way(name: str):
    """Bend knees backward and elbows forward, never over by more than 3 degrees."""
    for _, motion in _clip(name).people:
        pose = np.degrees(motion.pose)
        assert pose[:, [3, 4], 0].min() > -3
        assert pose[:, 17, 1].max() < 3 and pose[:, 18, 1].min() > -3


@every_clip
def test_trunks_and_heads_are_upright(name: str):
    """Point every head's crown up and keep trunks above the hips."""
    clip = _clip(name)
    up = quat_rotate(clip.joint_quats[:, :, HEAD], np.array([0.0, 1, 0]))[..., 2]
    assert up.min() > 0.6
    assert (clip.joints[:, :, HEAD, 2] - clip.joints[:, :, 0, 2]).min() > 0.4


@every_clip
def test_people_face_each_other(name: str):
    """Look at the partner, or ahead where both are side by side."""
    clip = _clip(name)
    gaze = quat_rotate(clip.joint_quats[:, :, HEAD], np.array([0.0, 0, 1]))
    way = clip.joints[:, [1, 0], HEAD] - clip.joints[:, [0, 1], HEAD]
    if name in SIDE_BY_SIDE:
        assert gaze[..., 0].min() > 0.8
    else:
        assert ((gaze * way).sum(axis=-1) / np.linalg.norm(way, axis=-1)).min() > 0.7


@pytest.mark.parametrize("name", UNTRAINED)
def test_untrained_clips_are_short(name: str):
    """Last about 4 s, so that a specialist can be trained in half an hour, and are as small as the bundled ones."""
    assert 3.5 <= _clip(name).duration <= 5 + 1e-6
    assert _file(name, "npz").stat().st_size < 200_000


@pytest.mark.parametrize(("name", "rise"), RISES.items())
def test_recipient_rises(name: str, rise: float):
    """Raise the recipient's pelvis by what makes the clip worth simulating, in no less than 1.5 s."""
    height = _pelvis_height(name)[:, 1]
    assert height[-1] - height[0] >= rise
    share = (height - height[0]) / (height[-1] - height[0])
    assert (np.argmax(share > 0.98) - np.argmax(share > 0.02)) / 30 >= 1.5


@pytest.mark.parametrize("name", DESCENTS)
def test_recipient_is_lowered(name: str):
    """Lower the recipient's pelvis by at least 0.35 m in no less than 1.5 s."""
    height = _pelvis_height(name)[:, 1]
    assert height[0] - height[-1] >= 0.35
    assert np.diff(height).min() * 30 > -0.5


@pytest.mark.parametrize(("name", "frame"), [*((name, 0) for name in RISES), *((name, -1) for name in DESCENTS)])
def test_sitter_is_supported_by_the_seat(name: str, frame: int):
    """Rest the pelvis' flesh on the seat within 5 mm, over the seat."""
    clip = _clip(name)
    person = PairBody.from_clip(clip).people[1]
    flesh = next(shape for shape in person.shapes if shape.joint == 0)
    centre = clip.joints[frame, 1, 0] + quat_rotate(clip.joint_quats[frame, 1, 0], flesh.position)
    top = clip.props[0].position[2] + clip.props[0].size[2] / 2 if clip.props else 0.0
    assert centre[2] - flesh.size[0] == pytest.approx(top, abs=0.005)
    if clip.props:
        assert (np.abs(centre - clip.props[0].position)[:2] < clip.props[0].size[:2] / 2).all()


@pytest.mark.parametrize("name", RISES)
def test_recipient_needs_the_help(name: str):
    """Leave the recipient's centre of mass behind the feet until the seat is left by a quarter of the rise."""
    height, margin = _pelvis_height(name)[:, 1], _check(name).com_margin[:, 1]
    share = (height - height[0]) / (height[-1] - height[0])
    assert margin[share < 0.25].max() < 0


def test_walk_goes_far_enough():
    """Walk 2 m in at least four steps each, arms linked all the way."""
    clip, check = _clip("walk_arm_in_arm"), _check("walk_arm_in_arm")
    travelled = clip.joints[-1, :, 0] - clip.joints[0, :, 0]
    assert np.linalg.norm(travelled, axis=-1).min() >= 2.0
    for p in range(2):
        steps = 0
        for ankle in (L_ANKLE, R_ANKLE):
            still = np.linalg.norm(np.diff(clip.joints[:, p, ankle, :2], axis=0), axis=-1) * 30 < 0.4
            steps += int((still[:-1] & ~still[1:]).sum())
        assert steps >= 4
    assert check.held.all()


def test_walk_is_balanced():
    """Ask the floor only for pressure under the bearing feet, and lift a foot only when the other one carries."""
    clip, check = _clip("walk_arm_in_arm"), _check("walk_arm_in_arm")
    assert check.pressure_margin.min() > 0.01
    corners = foot_corners(clip, PairBody.from_clip(clip))
    down = (corners[..., 2] < 0.005).sum(axis=-1) >= 4
    for p in range(2):
        for foot in range(2):
            for frame in np.flatnonzero(down[:-1, p, foot] & ~down[1:, p, foot]):
                standing = corners[frame, p, 1 - foot]
                sole = standing[standing[:, 2] < 0.005, :2]
                assert support_margin(sole, check.com[frame, p, :2]) > 0.01


def test_walk_is_calm():
    """Bob by less than 4 cm, upright, on knees that are not locked, and ask the floor for at most 1.25 body weights."""
    clip, check = _clip("walk_arm_in_arm"), _check("walk_arm_in_arm")
    force = 1 + np.diff(check.com[..., 2], n=2, axis=0) * clip.fps**2 / 9.81
    assert np.percentile(force, 99, axis=0).max() < 1.25
    assert np.ptp(_pelvis_height("walk_arm_in_arm"), axis=0).max() < 0.04
    chest = quat_rotate(clip.joint_quats[:, :, joint("spine3")], np.array([0.0, 1, 0]))
    assert chest[..., 2].min() > np.cos(np.radians(10))
    assert min(motion.pose[:, [3, 4], 0].min() for _, motion in clip.people) > np.radians(5)


def test_walk_lands_softly():
    """Bring no foot down at more than 0.3 m/s."""
    clip = _clip("walk_arm_in_arm")
    lowest = foot_corners(clip, PairBody.from_clip(clip))[..., 2].min(axis=-1)
    landing = (lowest[1:] < 0.005) & (lowest[:-1] >= 0.005)
    assert landing.sum() == 12
    assert (-np.diff(lowest, axis=0)[landing] * clip.fps).max() < 0.3


def test_who_tips_over_falls():
    """Take the recipient's centre of mass 10 cm outside the feet for 0.3 s and bring it back."""
    margin = _check("steady").com_margin[:, 1]
    outside = margin < -0.10
    assert outside.sum() / 30 >= 0.3
    assert margin[0] > 0.05 and margin[-1] > 0.05


def test_falling_is_as_fast_as_a_rigid_body_falls():
    """Let the free fall accelerate like an inverted pendulum about the tips of the feet, within a factor of two."""
    clip, check = _clip("steady"), _check("steady")
    touched = int(np.argmax(check.held))
    outside = -check.com_margin[:, 1]
    falling = np.flatnonzero((outside > 0) & (np.arange(clip.n_frames) < touched))
    assert len(falling) >= 8
    # Energy of a thin rod: w^2 = g / h / (1 + I / (m h^2)), with I / (m h^2) near 0.2 for a standing person.
    com = check.com[falling, 1]
    rate = np.sqrt(9.81 / com[0, 2] / 1.2)
    speed = np.gradient(check.com[:, 1, 0], 1 / 30)[falling]
    expected = np.sqrt(speed[0] ** 2 + rate**2 * (outside[falling] ** 2 - outside[falling[0]] ** 2))
    assert np.abs(speed / expected - 1).max() < 0.35
    assert speed[-1] > 1.3 * speed[0]


def test_one_clip_has_people_of_different_size():
    """Bundle at least one pair of different stature."""
    sizes = [[motion.skeleton.stature for _, motion in _clip(name).people] for name in BUNDLED]
    assert max(abs(a - b) for a, b in sizes) > 0.05


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lower_to_chair", *UNTRAINED])
def test_script_builds_the_clip(name: str):
    """Rebuild a clip from its script."""
    built, stored = author(_file(name, "yaml")), _clip(name)
    assert built.n_frames == stored.n_frames
    assert np.linalg.norm(built.joints - stored.joints, axis=-1).max() < 0.02
    assert np.array_equal(built.grips, stored.grips)  # pyright: ignore[reportArgumentType]
