"""Walks whose pelvis an export has kept at one height get their bob back; nobody else is moved."""

import numpy as np
from helpers.prepare_clips import standing_clip, walking_clip

from controller_server.prepare.flat_pelvis import has_flat_pelvis, restore_bob
from controller_server.prepare.legs import keep_feet
from controller_server.prepare.poses import PairPoses
from controller_server.prepare.soles import foot_shapes, sole_corners


def _lowest(poses, shapes):
    return np.concatenate([sole_corners(poses, 0, side, shapes[0][side]) for side in range(2)], axis=1)[..., 2].min(1)


def test_bob_comes_back():
    """Bring the feet of a walker back to the floor whose pelvis bobbed by 3 cm before an export held it still."""
    clip = walking_clip()
    poses, shapes = PairPoses.of(clip), foot_shapes(clip)
    bob = 0.015 * np.sin(2 * np.pi * 1.5 * np.arange(clip.n_frames) / clip.fps) - 0.015
    bobbing = keep_feet(poses.with_changes(roots=poses.roots + bob[:, None, None] * np.array([0, 0, 1.0])), poses)
    exported = _held_still(bobbing).to_clip(clip)
    assert has_flat_pelvis(exported) and np.ptp(_lowest(PairPoses.of(exported), shapes)) > 0.025
    restored = PairPoses.of(restore_bob(exported))
    assert np.abs(_lowest(restored, shapes)).max() < 0.01
    assert np.abs(restored.roots[:, 0, 2] - bobbing.roots[:, 0, 2]).max() < 0.01


def _held_still(poses):
    """The same poses with the first person's pelvis at its mean height."""
    roots = poses.roots.copy()
    roots[:, 0, 2] = roots[:, 0, 2].mean()
    return poses.with_changes(roots=roots)


def test_others_stay():
    """Leave who stands, and who walks with a pelvis that moves, as they are."""
    walker = walking_clip()
    poses = PairPoses.of(walker)
    bobbing = poses.roots + 0.01 * np.sin(np.arange(walker.n_frames) / 3)[:, None, None] * np.array([0, 0, 1.0])
    for clip in (standing_clip(seconds=1.0), poses.with_changes(roots=bobbing).to_clip(walker)):
        assert not has_flat_pelvis(clip)
        assert np.array_equal(restore_bob(clip).joints, clip.joints)
