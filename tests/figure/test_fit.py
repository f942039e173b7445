"""The figure that shows people: the asset, its fit to a skeleton, and how it bends."""

from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from helpers.paths import ROOT

from controller_server.clip.io.npz import read_npz
from controller_server.clip.rotation import quat_from_rotvec
from controller_server.clip.skeleton import (
    JOINT_NAMES,
    N_JOINTS,
    NEUTRAL_REST_JOINTS,
    Skeleton,
    forward_kinematics,
    joint,
)
from controller_server.figure import ZONES, Figure, Pose, dressed, skinned

CLIPS = sorted(ROOT.joinpath("assets", "clips").glob("*.npz"))


def _volume(points: np.ndarray, faces: np.ndarray) -> float:
    a, b, c = (points[faces[:, k]] for k in range(3))
    return float((a * np.cross(b, c)).sum() / 6)


def _bent(skeleton: Skeleton, **turns: tuple[float, float, float]) -> np.ndarray:
    """Points of a person at rest but for some joints, turned by rotation vectors [rad]."""
    vectors = np.zeros((N_JOINTS, 3))
    for name, turn in turns.items():
        vectors[joint(name)] = turn
    joints, quats = forward_kinematics(skeleton.offsets, skeleton.rest_joints[0], quat_from_rotvec(vectors))
    return skinned(dressed(skeleton), Pose(joints, quats))[0]


def test_the_asset_is_small_closed_and_whole():
    """Keep to half a megabyte, every edge between two faces, weights that add up, every zone somewhere."""
    figure = Figure.load()
    assert len(resources.files("controller_server.figure").joinpath("figure.npz").read_bytes()) < 500_000
    edges = np.sort(figure.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()
    assert 0.05 < _volume(figure.points, figure.faces) < 0.09  # m3, of a dressed adult
    assert figure.weights.sum(axis=1) == pytest.approx(1)
    assert set(np.unique(figure.zones)) == set(range(len(ZONES)))


@pytest.mark.parametrize("size", [0.6, 1.0, 1.15])
def test_it_stands_as_tall_as_its_skeleton(size: float):
    """Soles lie where the simulated ones do and the crown where the stature says, for children too."""
    skeleton = Skeleton(size * NEUTRAL_REST_JOINTS)
    points = dressed(skeleton).points
    assert points[:, 1].min() == pytest.approx(skeleton.sole_height, abs=0.005)
    assert points[:, 1].max() - points[:, 1].min() == pytest.approx(skeleton.stature, abs=0.03 * size)


def test_long_arms_and_missing_fingers():
    """Reach as far as the bones do, and give a hand to a wrist that has none."""
    rest = NEUTRAL_REST_JOINTS.copy()
    left = [j for j, name in enumerate(JOINT_NAMES) if name.startswith("left") and j >= 20]
    rest[left] += [0.1, 0, 0]
    stretched = dressed(Skeleton(rest)).points
    assert stretched[:, 0].max() == pytest.approx(dressed(Skeleton.neutral()).points[:, 0].max() + 0.1, abs=0.02)
    rest[25:40] = rest[joint("left_wrist")]
    assert dressed(Skeleton(rest)).points[:, 0].max() == pytest.approx(stretched[:, 0].max(), abs=0.03)


def test_flesh_does_not_follow_where_a_rig_has_its_spine():
    """Keep the trunk as it is where another rig divides the same back elsewhere, and fit a shorter one smoothly."""
    rest = NEUTRAL_REST_JOINTS.copy()
    spine = [joint(name) for name in ("spine1", "spine2", "spine3")]
    rest[spine] += [[0, -0.06, 0.02], [0, -0.08, -0.02], [0, 0.03, 0]]
    assert dressed(Skeleton(rest)).points == pytest.approx(dressed(Skeleton.neutral()).points)
    above = [j for j, name in enumerate(JOINT_NAMES) if NEUTRAL_REST_JOINTS[j, 1] > -0.2 and name != "spine1"]
    rest = NEUTRAL_REST_JOINTS.copy()
    rest[above] -= [0, 0.1, 0]
    person, whole = dressed(Skeleton(rest)), dressed(Skeleton.neutral())
    faces = person.figure.faces
    edges = [np.linalg.norm(p[faces] - np.roll(p[faces], 1, axis=1), axis=2) for p in (whole.points, person.points)]
    assert (edges[1] < 1.3 * edges[0] + 0.002).all() and person.points[:, 1].max() < whole.points[:, 1].max() - 0.08


def test_knees_and_elbows_keep_their_volume():
    """Bend both by 110 degrees and lose less than a twentieth of the flesh about them; nothing tears."""
    skeleton, faces = Skeleton.neutral(), Figure.load().faces
    rest = _bent(skeleton)
    for name, turn in (("left_knee", (1.9, 0, 0)), ("left_elbow", (0, -1.9, 0))):
        bent = _bent(skeleton, **{name: turn})
        near = np.linalg.norm(rest[faces].mean(axis=1) - skeleton.rest_joints[joint(name)], axis=1) < 0.15
        lost = _volume(rest, faces) - _volume(bent, faces)
        radius = 0.06 if name == "left_knee" else 0.043
        assert lost < 0.25 * np.pi * radius**2 * 0.3  # of 30 cm of limb
        lengths = [np.linalg.norm(p[faces[near]] - np.roll(p[faces[near]], 1, axis=1), axis=2) for p in (rest, bent)]
        assert (lengths[1].max(axis=1) < 3.5 * lengths[0].max(axis=1) + 0.01).all()


@pytest.mark.parametrize("path", CLIPS, ids=lambda path: path.stem)
def test_no_gap_in_any_bundled_clip(path: Path):
    """No edge of the skin grows by more than a stretched armpit: what is closed at rest stays closed."""
    clip, faces = read_npz(path), Figure.load().faces
    for frame in np.linspace(0, clip.n_frames - 1, 7).astype(int):
        for k, (_, motion) in enumerate(clip.people):
            person = dressed(motion.skeleton)
            points, normals = skinned(person, Pose(clip.joints[frame, k], clip.joint_quats[frame, k]))
            assert np.isfinite(points).all() and np.linalg.norm(normals, axis=1) == pytest.approx(1, abs=1e-6)
            edges = [np.linalg.norm(p[faces] - np.roll(p[faces], 1, axis=1), axis=2) for p in (person.points, points)]
            assert (edges[1] - edges[0]).max() < 0.09
            low = clip.joints[frame, k, :22, 2].min()
            assert points[:, 2].min() > low - 0.16


def test_fingers_without_a_motion_close_with_the_grip():
    """Bring the finger tips nearer to the wrist when the hand holds, and leave animated fingers alone."""
    skeleton = Skeleton.neutral()
    person, figure = dressed(skeleton), Figure.load()
    tips = (figure.joints[:, 0] == joint("left_middle3")).nonzero()[0]
    quats = np.tile([1.0, 0, 0, 0], (N_JOINTS, 1))

    def reach(quats: np.ndarray, closing: float) -> float:
        points, _ = skinned(person, Pose(skeleton.rest_joints, quats, (closing, 0.0)))
        return float(np.linalg.norm(points[tips].mean(axis=0) - skeleton.rest_joints[joint("left_wrist")]))

    assert reach(quats, 1.0) < reach(quats, 0.0) - 0.03
    animated = quats.copy()
    animated[joint("left_index1")] = quat_from_rotvec(np.array([0, 0, -0.5]))
    assert reach(animated, 1.0) == pytest.approx(reach(animated, 0.0))
