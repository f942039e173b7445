"""The authoring tool: what it refuses, and what a small script becomes."""

from dataclasses import fields

import numpy as np
import pytest
import yaml
from helpers.paths import ROOT

from controller_server.authoring import author, read_script
from controller_server.authoring.check import check_clip, convex_hull, summary, support_margin
from controller_server.authoring.fingers import finger_pose
from controller_server.authoring.inbetween import min_jerk, one_foot_share, smooth_track
from controller_server.authoring.parse import parse_script
from controller_server.authoring.posing_scene import Stage
from controller_server.authoring.pressure import com_above_pressure, zero_moment_point
from controller_server.authoring.script import PersonKey
from controller_server.authoring.surface_tasks import nearest_on_segments
from controller_server.clip.interaction import InteractionClip
from controller_server.core.errors import AssistMimicError

_SCRIPT = """
fps: 30
stature: {recipient: 1.6}
keys:
  - at: [0, 0.3]
    supporter:
      heading: 180
      left_foot: {at: [0.62, -0.1], yaw: 180}
      right_foot: {at: [0.62, 0.1], yaw: 180}
      left_hand: {body: [0.35, 0.15, 0.0], palm: front}
    recipient:
      left_foot: {at: [0, 0.1]}
      right_foot: {at: [0, -0.1]}
      height: 0.83
  - at: 1.0
    supporter: {left_hand: {hold: {partner: right_shoulder, along: 0.6, side: right}}}
    recipient: {weight: {left: 1.0}, right_foot: {at: [0, -0.1], heel: 10}}
  - at: 1.6
    recipient: {right_foot: {at: [0.2, -0.1], yaw: 10}}
  - at: 2.1
    supporter: {left_hand: free}
    recipient: {weight: {left: 0.5}}
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory):
    """The script as a file."""
    path = tmp_path_factory.mktemp("author") / "touch.yaml"
    path.write_text(_SCRIPT, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def clip(path) -> InteractionClip:
    """The script's clip."""
    return author(path)


def _keys(**recipient: object) -> dict:
    feet = {"left_foot": {"at": [0, 0.1]}, "right_foot": {"at": [0, -0.1]}}
    return {"keys": [{"at": [0, 1], "supporter": dict(feet), "recipient": {**feet, **recipient}}]}


@pytest.mark.slow
def test_frames_and_statures(clip: InteractionClip):
    """Give the clip the script's duration, rate and people."""
    assert (clip.n_frames, clip.fps) == (64, 30)
    assert clip.recipient.skeleton.stature == pytest.approx(1.6, abs=1e-6)
    assert clip.supporter.rest_joints is None


def test_feet_stay_where_they_are_put(path, clip: InteractionClip):
    """Put flat feet exactly on the floor at their place, and let them not slide."""
    script = read_script(path)
    stage = Stage.of(script)
    check = check_clip(clip)
    assert check.foot_slide.max() < 0.005
    assert check.floor_depth.max() < 0.002
    target, _ = stage.ankle_target(0, "left", script.keys[0].people[0].left_foot)
    assert np.abs(clip.joints[:, 0, 7] - target).max() < 1e-3
    target, _ = stage.ankle_target(1, "right", script.keys[-1].people[1].right_foot)
    assert np.abs(clip.joints[-1, 1, 8] - target).max() < 1e-3


def test_step_lifts_the_foot_and_raises_the_heel(clip: InteractionClip):
    """Raise the heel before the step and carry the foot through the air."""
    ankle = clip.joints[:, 1, 8]
    rise = ankle[:, 2] - ankle[0, 2]
    assert 0.015 < rise[30] < 0.05
    assert rise[30:48].max() > 0.05
    assert abs(rise[-1]) < 1e-3


def test_hand_touches_while_it_grips(clip: InteractionClip):
    """Close the grip exactly while the palm lies on the partner."""
    assert clip.grips is not None
    on = clip.grips[:, 0, 0] > 0
    assert on[30:49].all() and not on[:30].any() and not on[49:].any()
    gap = check_clip(clip).hand_gap[on, 0, 0]
    assert np.abs(gap).max() < 0.005


def test_weight_is_over_the_standing_foot_during_a_step(clip: InteractionClip):
    """Keep the pressure the motion asks for inside the standing foot while the other one steps."""
    assert check_clip(clip).pressure_margin[31:48, 1].min() > 0


@pytest.mark.slow
def test_same_script_gives_the_same_clip(path, clip: InteractionClip):
    """Be deterministic."""
    again = author(path)
    assert np.array_equal(again.recipient.pose_body, clip.recipient.pose_body)


def test_summary_names_what_matters(clip: InteractionClip):
    """Print depth, slide, margins and gaps."""
    text = summary(clip, check_clip(clip))
    for word in ("deepest in partner", "feet slide", "margin of the centre of mass", "left hand holds 19 frames"):
        assert word in text


def test_limits_of_reach_are_reported(path):
    """Say which key, person and hand cannot be posed."""
    raw = _SCRIPT.replace("at: [0.62, ", "at: [2.6, ")
    far = path.with_name("far.yaml")
    far.write_text(raw, encoding="utf-8")
    with pytest.raises(
        AssistMimicError,
        match=r"key at 1 s, supporter: the left hand is [\d.]+ cm away from the partner's right_shoulder",
    ):
        author(far)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ([], "expected `name: value` pairs"),
        ({"keys": []}, "`keys` must be a list"),
        ({"key": []}, "no field 'key'"),
        ({"keys": [{"supporter": {}}]}, "key 0: `at`"),
        ({"keys": [{"at": 0, "supporter": {}}]}, "key 0, supporter: the first key must say where left_foot is"),
        (_keys(left_hand={"hold": {"partner": "right_arm"}}), "left_hand, hold: `partner` must name a joint"),
        (_keys(left_hand={"hold": {"partner": "neck", "side": "up"}}), "side: no direction 'up'"),
        (_keys(left_hand={"world": [0, 1]}), "left_hand, world: expected 3 numbers"),
        (_keys(seat="sofa"), "seat: no seat 'sofa'; there are floor, none"),
        (_keys(height="tall"), "height: expected a number"),
        (_keys(weight={"left": 2}), "weight, left: expected a number from 0 to 1"),
        (_keys(unbalanced="yes"), "unbalanced: expected true or false"),
        ({**_keys(), "stature": {"recipient": 16}}, "stature of recipient: expected a number from 1 to 2.3"),
        ({"keys": [*_keys()["keys"], {"at": 0.5}]}, "key 1: time 0.5 s does not come after"),
        ({"keys": [{**_keys()["keys"][0], "at": 0}]}, "a second one must follow"),
    ],
)
def test_mistakes_name_the_place(raw: object, message: str):
    """Say in one line where in the file a mistake is."""
    with pytest.raises(AssistMimicError) as error:
        parse_script(raw)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_unreadable_files(tmp_path):
    """Refuse missing files, and what is not YAML or wants to run code."""
    with pytest.raises(AssistMimicError, match="no such file"):
        read_script(tmp_path / "nothing.yaml")
    for text in ("keys: [", "keys: !!python/object/apply:os.getcwd []"):
        (tmp_path / "bad.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(AssistMimicError, match="not readable as YAML"):
            read_script(tmp_path / "bad.yaml")


def test_documented_example_is_a_script():
    """Accept the example of docs/authoring.md, and name every field of a person there."""
    text = (ROOT / "docs" / "authoring.md").read_text(encoding="utf-8")
    script = parse_script(yaml.safe_load(text.split("```yaml")[1].split("```")[0]))
    assert script.name == "pat" and script.n_frames == 85
    for field in fields(PersonKey):
        assert f"`{field.name}`" in text


def test_keys_inherit():
    """Leave what a key does not mention as it was."""
    raw = _keys(height=0.9)
    raw["keys"].append({"at": 2, "recipient": {"lean": 90}})
    last = parse_script(raw).keys[-1].people[1]
    assert last.height == 0.9
    assert last.lean == pytest.approx(np.pi / 2)


def test_support_margin():
    """Measure the signed distance to the edge of the hull."""
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0.5, 0.5]])
    assert len(convex_hull(square)) == 4
    assert support_margin(square, np.array([0.4, 0.5])) == pytest.approx(0.4)
    assert support_margin(square, np.array([2.0, 2.0])) == pytest.approx(-np.sqrt(2))
    assert support_margin(np.zeros((0, 2)), np.zeros(2)) == -np.inf


def test_centre_of_mass_above_pressure():
    """Invert the zero moment point: the motion found needs the pressure it was made from."""
    t = np.arange(200) / 50
    pressure = np.stack([min_jerk((t - 1.5) / 0.5), np.zeros_like(t)], axis=1)
    com = com_above_pressure(pressure, np.full(200, 0.9), 50)
    assert com[0, 0] < 0.02 and com[-1, 0] > 0.98
    back = zero_moment_point(np.column_stack([com, np.full(200, 0.9)])[:, None], 50)[:, 0]
    assert np.abs(back - pressure)[5:-5].max() < 0.01
    assert np.ptp(np.diff(com[:, 0])) < np.ptp(np.diff(pressure[:, 0]))


def test_one_foot_carries_while_the_other_steps():
    """Rise once a step, by whoever steps, and neither for a heel alone nor at the clip's ends."""
    script = parse_script({**yaml.safe_load(_SCRIPT), "vault": 0.02})
    assert script.vault == 0.02
    at = np.arange(script.n_frames) / script.fps
    supporter, recipient = (one_foot_share(script, p, at) for p in range(2))
    assert not supporter.any()
    assert at[recipient.argmax()] == pytest.approx(1.3, abs=0.04)
    assert 0.9 < recipient.max() <= 1
    assert recipient[at < 0.5].max() < 0.01


def test_smooth_track_keeps_plateaus_and_range():
    """Pass from value to value without overshoot."""
    at = np.arange(91) / 30
    track = smooth_track(np.array([0, 1, 2, 3.0]), np.array([[0], [0], [1], [1.0]]), at, 0.09)[:, 0]
    assert track.min() >= 0 and track.max() <= 1
    assert track[15] < 1e-3 and track[75] > 0.999


@pytest.mark.parametrize("pull", [0.0, 0.08])
def test_nearest_points_of_segments(pull: float):
    """Find the nearest points; with a pull to the middles stay within a fraction of a millimetre of distance."""
    x, y, z = np.eye(3)
    p, q = nearest_on_segments(-x, x, z - y, z + y, pull=pull)
    assert np.linalg.norm(q - p) == pytest.approx(1)
    p, q = nearest_on_segments(0 * x, x, 2 * x + z, 3 * x + z, pull=pull)
    assert np.allclose(p, x) and np.allclose(q, 2 * x + z)
    p, q = nearest_on_segments(0 * x, 0.14 * x, 0.05 * x - 0.1 * y + 0.07 * z, 0.05 * x + 0.1 * y + 0.07 * z, pull=pull)
    assert np.linalg.norm(q - p) == pytest.approx(0.07, abs=2e-4)


def test_fingers_close_with_the_grip():
    """Curl the fingers of both hands towards the palm as the grip comes on."""
    grip = np.repeat([0.0, 1.0], 30)
    for side, sign in (("left", -1), ("right", 1)):
        pose = finger_pose(grip, side, 30).reshape(60, 15, 3)
        assert np.all(np.sign(pose[..., 2]) == sign)
        assert np.abs(pose[-1]).max() > 2 * np.abs(pose[0]).max()
