"""The centre of mass: where it is, and that noise is taken out of its path."""

import mujoco
import numpy as np

from controller_server.benchmarks.dirt import make_dirty
from controller_server.body.layout import PairLayout, clip_qpos
from controller_server.body.mjcf import compile_pair
from controller_server.body.pair import PairBody
from controller_server.clip.io.npz import read_npz
from controller_server.core.bundled import CLIPS
from controller_server.prepare.centre_of_mass import calmed, centres_of_mass
from controller_server.prepare.poses import PairPoses


def test_it_is_where_the_simulated_bodies_have_it():
    """Agree with MuJoCo's masses at any frame, for both people."""
    clip = read_npz(CLIPS / "pull_up.npz")
    pair = PairBody.from_clip(clip)
    model = compile_pair(pair, sensors=False)
    layout, data = PairLayout.of(model, pair), mujoco.MjData(model)
    found = centres_of_mass(clip, PairPoses.of(clip))
    for frame in (0, 70):
        data.qpos[:] = clip_qpos(clip, pair, layout, model.nq)[frame]
        mujoco.mj_forward(model, data)
        assert np.abs(found[frame] - data.subtree_com[layout.body[:, 0]]).max() < 0.002


def test_noise_leaves_its_path_and_poses_stay():
    """Bring a shaken person's centre of mass nearer to the truth, moved as a whole, as far as asked."""
    clip = read_npz(CLIPS / "pull_up.npz")
    dirty = make_dirty(clip, "jitter_2deg")
    poses = PairPoses.of(dirty.clip)
    share = np.ones((poses.n_frames, 2)) * [1.0, 0.0]
    calm = calmed(dirty.clip, poses, share, 1.8)
    truth = centres_of_mass(clip, PairPoses.of(clip))
    before, after = (np.abs(centres_of_mass(clip, p) - truth).mean(axis=(0, 2)) for p in (poses, calm))
    assert after[0] < 0.7 * before[0] and after[1] == before[1]
    assert np.array_equal(calm.quats, poses.quats)
