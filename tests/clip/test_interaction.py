"""The clip type: what it refuses, and that nothing can change it afterwards."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from helpers.standing import standing_motion, standing_pair

from controller_server.clip.interaction import InteractionClip, Prop, SmplxMotion, slice_motion
from controller_server.clip.skeleton import JOINT_NAMES, PARENTS, Skeleton, joint
from controller_server.core.errors import AssistMimicError

T = 5


def motion(**changes: object) -> SmplxMotion:
    """A person standing for T frames, with some tracks replaced."""
    return replace(standing_motion(T, at=(0, 0), facing=0), **changes)  # pyright: ignore[reportArgumentType]


def with_number(width: int, frame: int, number: float) -> np.ndarray:
    """A track of zeros with one number in it."""
    track = np.zeros((T, width))
    track[frame, -1] = number
    return track


BAD_MOTIONS = {
    "shape": ({"pose_body": np.zeros((T, 60))}, "pose_body", "(5, 63)", "(5, 60)"),
    "frames": ({"root_orient": np.zeros((T + 1, 3))}, "root_orient", "(5, 3)", "(6, 3)"),
    "quaternions": ({"root_orient": np.zeros((T, 4))}, "root_orient", "quaternions"),
    "not a number": ({"trans": with_number(3, 2, np.nan)}, "trans", "frame 2"),
    "infinite": ({"jaw": with_number(3, 4, np.inf)}, "jaw", "frame 4"),
    "degrees": ({"pose_body": with_number(63, 3, 90.0)}, "pose_body", "frame 3", "joint 20", "rotation vectors"),
    "text": ({"root_orient": [["a", "b", "c"]] * T}, "root_orient", "not a number"),
    "scalar": ({"trans": 1.0}, "trans", "single number"),
    "betas": ({"betas": np.array([0, np.nan])}, "betas", "finite"),
    "gender": ({"gender": "other"}, "gender", "neutral"),
    "rest joints": ({"rest_joints": np.zeros((24, 3))}, "rest_joints", "(55, 3)"),
    "unit": ({"rest_joints": Skeleton.neutral().rest_joints * 100}, "rest_joints", "metres"),
    "too small": ({"rest_joints": Skeleton.neutral().rest_joints * 0.01}, "rest_joints", "metres"),
}


@pytest.mark.parametrize("case", BAD_MOTIONS)
def test_bad_motions_are_refused(case: str):
    """Name the field, the frame and the remedy."""
    changes, *words = BAD_MOTIONS[case]
    with pytest.raises(AssistMimicError) as caught:
        motion(**changes)
    assert all(word in str(caught.value) for word in words), caught.value


def high(z: float) -> SmplxMotion:
    """A person whose pelvis is somewhere else by the last frame."""
    track = motion().trans.copy()
    track[-1, 2] = z
    return motion(trans=track)


BAD_CLIPS = {
    "fps zero": ({"fps": 0}, "fps", "1-240"),
    "fps high": ({"fps": 1000}, "fps", "1000"),
    "fps text": ({"fps": "fast"}, "fps", "number"),
    "fps nan": ({"fps": float("nan")}, "fps"),
    "lengths": ({"recipient": slice_motion(motion(), slice(3))}, "supporter has 5 frames, recipient 3"),
    "under the floor": ({"supporter": high(-5)}, "supporter", "frame 4", "floor"),
    "in the sky": ({"recipient": high(50)}, "recipient", "frame 4", "unit"),
    "far away": ({"recipient": motion(trans=motion().trans + [2e3, 0, 0])}, "recipient", "1 km"),
    "grips shape": ({"grips": np.zeros((T, 2))}, "grips", "(5, 2, 2)"),
    "grips range": ({"grips": np.full((T, 2, 2), 1.5)}, "grips", "0-1", "frame 0"),
    "grips nan": ({"grips": np.full((T, 2, 2), np.nan)}, "grips", "frame 0"),
}


@pytest.mark.parametrize("case", BAD_CLIPS)
def test_bad_clips_are_refused(case: str):
    """Name what is wrong with the pair."""
    changes, *words = BAD_CLIPS[case]
    with pytest.raises(AssistMimicError) as caught:
        replace(standing_pair(T), **changes)  # pyright: ignore[reportArgumentType]
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize("frames", [1, 20_001])
def test_lengths_out_of_range(frames: int):
    """Refuse a single frame, and more than twenty thousand."""
    still = SmplxMotion(np.zeros((frames, 3)), np.zeros((frames, 3)), np.zeros((frames, 63)))
    with pytest.raises(AssistMimicError, match=f"{frames} frame"):
        InteractionClip(30, still, still)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"size": [1, 1]}, "size"),
        ({"size": [1, 1, 0]}, "1 mm"),
        ({"position": [0, 0, np.inf]}, "position"),
        ({"quat": [0, 0, 0, 0]}, "quat"),
    ],
)
def test_bad_props_are_refused(changes: dict, word: str):
    """Name the prop and the field."""
    with pytest.raises(AssistMimicError, match=rf"chair.*{word}"):
        Prop(**{"name": "chair", "position": [0, 0, 0.2], "size": [0.4, 0.4, 0.4], **changes})


def test_prop_rotations_are_normalised():
    """Store a unit quaternion whatever the length given."""
    prop = Prop("chair", np.zeros(3), np.ones(3), np.array([2.0, 0, 0, 2]))
    np.testing.assert_allclose(prop.quat, [np.sqrt(0.5), 0, 0, np.sqrt(0.5)])


def test_a_clip_cannot_be_changed():
    """Refuse to write fields and arrays, and do not follow changes of what the clip was made of."""
    trans = motion().trans.copy()
    person, grips = motion(trans=trans), np.zeros((T, 2, 2))
    clip = InteractionClip(30, person, person, (), grips)
    trans[:], grips[:] = 9, 1
    assert clip.supporter.trans.max() < 2 and clip.grips is not None and clip.grips.max() == 0
    with pytest.raises(FrozenInstanceError):
        clip.fps = 60  # pyright: ignore[reportAttributeAccessIssue]
    arrays = [clip.grips, person.trans, person.pose_body, person.betas, person.left_hand_pose]
    arrays += [person.skeleton.rest_joints, Prop("box", np.zeros(3), np.ones(3)).size]
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 1  # pyright: ignore[reportOptionalSubscript]


def test_model_frame_and_world():
    """Follow the AMASS convention: pelvis at rest pelvis plus translation, and (pi/2, 0, 0) stands facing -Y."""
    root = np.tile([np.pi / 2, 0, 0], (T, 1))
    person = SmplxMotion(np.tile([1.0, 2, 3], (T, 1)), root, np.zeros((T, 63)))
    positions, _ = person.joints
    np.testing.assert_allclose(positions[:, 0], person.trans + Skeleton.neutral().rest_joints[0])
    assert positions[0, joint("head"), 2] > positions[0, 0, 2] + 0.4
    assert positions[0, joint("left_foot"), 1] < positions[0, joint("left_ankle"), 1] - 0.05
    assert positions[0, joint("left_wrist"), 0] > positions[0, joint("right_wrist"), 0] + 1


def test_pose_order():
    """Place every parameter at its SMPL-X joint."""
    numbers = {"pose_body": 63, "jaw": 3, "eyes": 6, "left_hand_pose": 45, "right_hand_pose": 45}
    tracks, start = {}, 0
    for name, width in numbers.items():
        tracks[name] = np.tile(np.arange(start, start + width) * 1e-3, (T, 1))
        start += width
    np.testing.assert_allclose(motion(**tracks).pose.reshape(T, -1)[0], np.arange(162) * 1e-3)
    assert JOINT_NAMES[21] == "right_wrist" and JOINT_NAMES[25] == "left_index1" and JOINT_NAMES[40] == "right_index1"
    assert all(parent < child for child, parent in enumerate(PARENTS))


def test_bones_keep_their_length():
    """Turn joints without stretching bones, on the person's own skeleton."""
    own = Skeleton.neutral().rest_joints * 0.9
    rng = np.random.default_rng(0)
    person = motion(rest_joints=own, pose_body=rng.normal(0, 0.5, (T, 63)))
    positions, _ = person.joints
    lengths = np.linalg.norm(positions[:, 1:] - positions[:, list(PARENTS[1:])], axis=-1)
    expected = np.linalg.norm(person.skeleton.offsets[1:], axis=-1)
    np.testing.assert_allclose(lengths, np.tile(expected, (T, 1)), atol=1e-12)
    assert person.skeleton.scale == pytest.approx(0.9) and person.skeleton.stature == pytest.approx(
        0.9 * Skeleton.neutral().stature
    )


def test_people_far_apart_are_a_warning():
    """Allow twenty metres between the two and say so."""
    clip = standing_pair(T)
    assert clip.warnings() == []
    apart = replace(clip, recipient=replace(clip.recipient, trans=clip.recipient.trans + [20, 0, 0]))
    (warning,) = apart.warnings()
    assert "apart" in warning


def test_cut_out_frames():
    """Cut all tracks of a motion and nothing else."""
    person = motion(expression=np.arange(T * 2.0).reshape(T, 2), betas=np.ones(3))
    part = slice_motion(person, slice(1, 3))
    assert part.n_frames == 2 and part.expression is not None and part.jaw is None
    np.testing.assert_array_equal(part.expression, [[2, 3], [4, 5]])
    np.testing.assert_array_equal(part.betas, person.betas)
