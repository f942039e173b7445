"""BVH pairs out, and back in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.motion_cases import squatting_pair

from controller_server.clip.fit.measure_skeleton import symmetric
from controller_server.clip.io.bvh_clip import read_bvh_pair
from controller_server.clip.io.bvh_write import write_bvh_pair, zxy_angles
from controller_server.clip.rotation import quat_from_rotvec, quat_mul
from controller_server.clip.skeleton import PARENTS, Skeleton
from controller_server.core.errors import AssistMimicError


@pytest.mark.parametrize("unit", ["cm", "m"])
def test_what_is_written_reads_back(unit, tmp_path):
    """Come back through the files within a tenth of a millimetre, rotations and fingers included."""
    clip = squatting_pair(31, 30000 / 1001)
    files = write_bvh_pair(tmp_path / "out.bvh", clip, unit=unit)
    assert [file.name for file in files] == ["out_supporter.bvh", "out_recipient.bvh"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out_recipient.bvh", "out_supporter.bvh"]
    reading = read_bvh_pair(files[0], files[1])
    again, notes = reading.clip, reading.notes
    assert any("taken over as it is" in note for note in notes)
    assert again.fps == pytest.approx(clip.fps, rel=1e-12)
    assert np.abs(again.joints - clip.joints).max() < 1e-4
    for (_, before), (_, after) in zip(clip.people, again.people, strict=True):
        np.testing.assert_allclose(after.root_orient, before.root_orient, atol=1e-6)
        np.testing.assert_allclose(after.pose, before.pose, atol=1e-6)
        np.testing.assert_allclose(after.skeleton.offsets, before.skeleton.offsets, atol=1e-7 if unit == "cm" else 1e-6)


def test_own_proportions_survive(tmp_path):
    """Carry each person's rest skeleton."""
    neutral = symmetric(Skeleton.neutral().offsets) * 1.1
    rest = np.zeros((55, 3))
    for j in range(1, 55):
        rest[j] = rest[PARENTS[j]] + neutral[j]
    clip = squatting_pair(3)
    clip = replace(clip, recipient=replace(clip.recipient, rest_joints=rest))
    supporter, recipient = write_bvh_pair(tmp_path / "out.bvh", clip)
    again = read_bvh_pair(supporter, recipient).clip
    assert np.abs(again.joints - clip.joints).max() < 1e-4
    np.testing.assert_allclose(again.recipient.skeleton.offsets, neutral, atol=1e-7)


def test_angles_at_the_gimbal_lock():
    """Give angles that multiply back to the rotation, also where two axes coincide."""
    x = np.array([1.0, 0, 0])
    y = np.array([0, 1.0, 0])
    z = np.array([0, 0, 1.0])
    rng = np.random.default_rng(0)
    rotvecs = rng.normal(size=(200, 1, 3))
    rotvecs[0], rotvecs[1], rotvecs[2] = np.pi / 2 * x, -np.pi / 2 * x, 0
    quats = quat_from_rotvec(rotvecs)
    quats[3] = quat_mul(quat_from_rotvec(0.7 * z), quat_from_rotvec(np.pi / 2 * x))
    a = np.radians(zxy_angles(quats))
    product = quat_mul(
        quat_mul(quat_from_rotvec(a[..., :1] * z), quat_from_rotvec(a[..., 1:2] * x)), quat_from_rotvec(a[..., 2:] * y)
    )
    np.testing.assert_allclose(np.abs(np.sum(product * quats, axis=-1)), 1, atol=1e-9)


def test_a_folder_that_is_not_there(tmp_path):
    """Leave nothing behind when a file cannot be written."""
    with pytest.raises(AssistMimicError, match="cannot be written"):
        write_bvh_pair(tmp_path / "nowhere" / "out.bvh", squatting_pair(2))
    (tmp_path / "out_recipient.bvh").mkdir()
    with pytest.raises(AssistMimicError, match="cannot be written"):
        write_bvh_pair(tmp_path / "out.bvh", squatting_pair(2))
    assert [path.name for path in tmp_path.iterdir()] == ["out_recipient.bvh"]
