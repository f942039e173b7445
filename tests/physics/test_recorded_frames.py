"""The simulated states back as a clip, and gathered to its frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from controller_server.body.layout import clip_local_quats
from controller_server.body.shape import Hands, simulated_joints
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.resample import resample
from controller_server.physics.recorded_frames import (
    contacts_per_frame,
    per_frame,
    recording_to_clip,
    slice_clip,
    slice_recording,
)
from controller_server.physics.recording import Recording


def moving(clip: InteractionClip) -> InteractionClip:
    """The clip with smooth motion in every track that a recording carries, and fingers, jaw and expression too."""
    t = np.arange(clip.n_frames) / clip.fps

    def change(motion):
        wave = np.sin(2 * np.pi * 0.5 * t)[:, None]
        rng = np.random.default_rng(3)
        return replace(
            motion,
            trans=motion.trans + wave * [0.1, 0.2, 0.05],
            root_orient=motion.root_orient + 0.3 * wave * [0, 0, 1],
            pose_body=motion.pose_body + 0.3 * wave * rng.normal(size=63),
            left_hand_pose=0.5 * wave * rng.normal(size=45),
            jaw=0.1 * wave * np.ones(3),
            expression=wave * np.ones(4),
            rest_joints=motion.skeleton.rest_joints * 0.97,
        )

    return clip.with_people(change)


def recorded(clip: InteractionClip, hands: Hands = Hands.MITTEN, hz: float = 120.0, **changes) -> Recording:
    """A perfect recording of a clip: what a simulation without any error would have left."""
    joints = simulated_joints(hands)
    fine = resample(clip, hz)
    n, bodies = fine.n_frames, len(joints)
    zeros = np.zeros
    values = {
        "joints": joints,
        "time": np.arange(n) / hz,
        "positions": fine.joints[:, :, list(joints)],
        "quats": fine.joint_quats[:, :, list(joints)],
        "local_quats": clip_local_quats(fine, joints),
        "com": zeros((n, 2, 3)),
        "torques": zeros((n, 2, bodies - 1, 3)),
        "damper_torques": zeros((n, 2, bodies - 1, 3)),
        "joint_velocity": zeros((n, 2, bodies - 1, 3)),
        "torque_limits": np.ones((2, bodies - 1, 3, 2)),
        "forces": zeros((n, 2, bodies, 3, 3)),
        "grips": zeros((n, 2, 2)),
        "wrench": zeros((n, 2, 6)),
        "mass": np.full(2, 70.0),
        "contact_step": zeros(0, dtype=int),
        "contact_bodies": zeros((0, 2), dtype=int),
        "contact_positions": zeros((0, 3)),
        "contact_forces": zeros((0, 3)),
    }
    return Recording(**{**values, **changes})


@pytest.mark.parametrize("hands", Hands)
def test_a_perfect_recording_gives_the_clip_back(standing_clip, hands):
    """Return the very clip that was recorded, tracks without a body included."""
    clip = moving(standing_clip)
    back = recording_to_clip(recorded(clip, hands), clip)
    assert (back.n_frames, back.fps, back.source) == (clip.n_frames, clip.fps, clip.source)
    np.testing.assert_allclose(back.joints, clip.joints, atol=1e-9)
    for (_, ours), (_, theirs) in zip(back.people, clip.people, strict=True):
        for track in ("jaw", "expression", "rest_joints"):
            np.testing.assert_array_equal(getattr(ours, track), getattr(theirs, track))
            assert getattr(ours, track) is not None


def test_fingers_of_a_mitten_pass_through(standing_clip):
    """Keep the clip's own fingers where the body simulated none."""
    clip = moving(standing_clip)
    back = recording_to_clip(recorded(standing_clip), clip)
    np.testing.assert_allclose(back.supporter.pose[:, 24:39], clip.supporter.pose[:, 24:39], atol=1e-12)
    assert np.abs(back.supporter.pose_body - clip.supporter.pose_body).max() > 0.1


def test_frames_between_steps_are_interpolated(standing_clip):
    """Stay within a tenth of a millimetre at frame times that no physics step falls on."""
    smooth = moving(standing_clip)
    clip = resample(smooth, 23.7)
    back = recording_to_clip(recorded(smooth), clip)
    assert back.fps == 23.7
    assert np.linalg.norm(back.joints[:, :, 0] - clip.joints[:, :, 0], axis=-1).max() < 1e-4


def test_a_recording_that_broke_off_holds_its_last_pose(standing_clip):
    """Keep the frame count and hold the last simulated pose to the end."""
    clip = moving(standing_clip)
    whole = recorded(clip)
    half = replace(whole, time=whole.time[:61], positions=whole.positions[:61], local_quats=whole.local_quats[:61])
    back = recording_to_clip(half, clip)
    assert back.n_frames == clip.n_frames
    np.testing.assert_allclose(back.joints[:16], clip.joints[:16], atol=1e-9)
    np.testing.assert_allclose(back.supporter.pose_body[16:], np.tile(back.supporter.pose_body[15], (15, 1)), atol=1e-9)
    assert slice_clip(back, slice(0, 16)).n_frames == 16


def test_forces_are_averaged_over_each_frame():
    """Give the mean over the steps of a frame, so that a short impact keeps its impulse."""
    time = np.arange(12) / 120
    values = np.zeros(12)
    values[5] = 400.0
    times = np.arange(3) / 30
    np.testing.assert_allclose(per_frame(time, values, times), [0, 100, 0])


def test_a_clip_faster_than_the_physics_takes_the_nearest_step():
    """Leave no frame empty at 240 frames a second."""
    time = np.arange(5) / 120
    got = per_frame(time, np.arange(5.0), np.arange(9) / 240)
    assert got.min() == 0 and got.max() == 4 and (np.diff(got) >= 0).all()


def test_contacts_are_gathered_by_frame_and_pair(standing_clip):
    """Sum the points of one touching pair, average over the frame's steps, keep pairs apart."""
    rec = recorded(
        standing_clip,
        contact_step=np.array([4, 4, 5, 8]),
        contact_bodies=np.array([[20, 22], [20, 22], [20, 22], [7, -1]]),
        contact_positions=np.array([[0, 0, 1.0], [0, 0, 1.2], [0, 0, 1.1], [0.5, 0, 0]]),
        contact_forces=np.array([[40.0, 0, 0], [40, 0, 0], [40, 0, 0], [0, 0, 80]]),
    )
    got = contacts_per_frame(rec, np.arange(31) / 30)
    assert got.frame.tolist() == [1, 2]
    assert got.bodies.tolist() == [[20, 22], [7, -1]]
    np.testing.assert_allclose(got.forces, [[30, 0, 0], [0, 0, 20]])
    np.testing.assert_allclose(got.positions, [[0, 0, 1.1], [0.5, 0, 0]])


def test_a_part_of_a_recording_starts_at_zero(standing_clip):
    """Cut every track alike, contacts included, and count time from the cut."""
    rec = recorded(
        moving(standing_clip),
        contact_step=np.array([10, 60, 100, 120]),
        contact_bodies=np.array([[0, -1], [1, -1], [2, -1], [3, -1]]),
        contact_positions=np.zeros((4, 3)),
        contact_forces=np.zeros((4, 3)),
    )
    part = slice_recording(rec, 0.5, 1.0)
    np.testing.assert_allclose(part.time, np.arange(61) / 120, atol=1e-12)
    np.testing.assert_array_equal(part.positions, rec.positions[60:])
    assert part.contact_step.tolist() == [0, 40, 60]
    assert part.contact_bodies[:, 0].tolist() == [1, 2, 3]
