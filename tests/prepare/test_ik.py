"""Inverse kinematics: Jacobians against finite differences, wishes met with the least change, legs in closed form."""

import numpy as np
import pytest
from helpers.prepare_clips import standing_clip

from controller_server.clip.rotation import quat_conj, quat_mul, quat_rotate, rotvec_from_quat
from controller_server.clip.skeleton import joint
from controller_server.prepare.contacts import compliance
from controller_server.prepare.ik import PERSON_DOFS, Rows, point_jacobian, rows_from, solve, turn_jacobian
from controller_server.prepare.legs import ANKLE, HIP, KNEE, TOE, keep_feet, leg_reach, place_foot
from controller_server.prepare.poses import PairPoses

WRIST = joint("left_wrist")
ALL = compliance(
    dict.fromkeys(("root", "pelvis", "shoulder", "elbow", "wrist", "spine1", "spine2", "hip", "knee"), 1.0)
)


@pytest.fixture(scope="module")
def poses() -> PairPoses:
    """Two people in no special pose."""
    poses = PairPoses.of(standing_clip(seconds=0.2))
    rng = np.random.default_rng(1)
    return poses.plus(np.zeros_like(poses.roots), rng.normal(0, 0.3, (*poses.quats.shape[:3], 3)))


def moved(poses: PairPoses, person: int, dof: int, by: float) -> PairPoses:
    """One unknown of one person changed in every frame."""
    change = np.zeros((poses.n_frames, 2, PERSON_DOFS))
    change[:, person, dof] = by
    return poses.plus(change[..., :3], change[..., 3:].reshape(poses.n_frames, 2, 22, 3))


def test_jacobians_agree_with_finite_differences(poses):
    """Predict how a point and a rotation move, for each unknown of their person and of the other."""
    frames = np.arange(poses.n_frames)
    ones = np.ones_like(frames)
    offset = np.array([0.02, -0.05, 0.08])

    def point(p: PairPoses) -> np.ndarray:
        positions, quats = p.world
        return positions[:, 1, WRIST] + quat_rotate(quats[:, 1, WRIST], offset)

    by_point = point_jacobian(poses, frames, ones, ones * WRIST, point(poses))
    by_turn = turn_jacobian(poses, frames, 1, WRIST)
    step = 1e-6
    for person in range(2):
        for dof in range(PERSON_DOFS):
            near = moved(poses, person, dof, step)
            difference = (point(near) - point(poses)) / step
            assert np.allclose(by_point[:, :, person, dof], difference, atol=1e-5)
            turn = rotvec_from_quat(quat_mul(near.world[1][:, 1, WRIST], quat_conj(poses.world[1][:, 1, WRIST])))
            assert np.allclose(by_turn[:, :, person, dof], turn / step, atol=1e-5)


def test_point_of_the_world_does_not_move(poses):
    """Give no motion to points of floor and props."""
    frames = np.arange(3)
    jacobian = point_jacobian(poses, frames, np.array([-1, -2, 0]), np.zeros(3, int), np.ones((3, 3)))
    assert not jacobian[:2].any() and jacobian[2].any()


def test_solve_reaches_a_goal_and_nothing_else_moves(poses):
    """Bring a wrist to a place 10 cm away within a millimetre, with arms only; frames without a wish stay."""
    start = poses.positions[:, 0, WRIST]
    goal = start + 0.2 * (poses.positions[:, 0, joint("left_shoulder")] - start) + (0, 0, 0.03)
    frames = np.arange(0, poses.n_frames, 2)
    ones = np.ones_like(frames)
    arms = compliance({"shoulder": 1.0, "elbow": 1.0})

    def wishes(p: PairPoses) -> Rows:
        now = p.positions[frames, 0, WRIST]
        return rows_from(frames, point_jacobian(p, frames, ones * 0, ones * WRIST, now), goal[frames] - now, 1e5)

    solved = solve(poses, wishes, arms, iterations=8, reference=poses)
    assert np.linalg.norm(solved.positions[frames, 0, WRIST] - goal[frames], axis=-1).max() < 1e-3
    shift, turns = solved.minus(poses)
    assert np.abs(shift).max() < 1e-12
    moving = np.abs(turns).max(axis=(0, 3))
    assert set(np.argwhere(moving > 1e-9)[:, 1]) <= {joint("left_shoulder"), joint("left_elbow")} | {
        joint("right_shoulder"),
        joint("right_elbow"),
    }
    assert not np.abs(turns[1::2]).max() > 1e-12


def test_one_sided_wish_pushes_but_never_pulls(poses):
    """Raise what is too low to the limit; leave alone what is high enough."""
    frames = np.arange(poses.n_frames)
    ones = np.ones_like(frames)
    height = poses.positions[:, 0, WRIST, 2]
    for limit, expected in ((height + 0.05, height + 0.05), (height - 0.05, height)):

        def wishes(p: PairPoses, limit=limit) -> Rows:
            now = p.positions[:, 0, WRIST]
            up = point_jacobian(p, frames, ones * 0, ones * WRIST, now)[:, 2:3]
            return rows_from(frames, up, (limit - now[:, 2])[:, None], 1e6, one_sided=True)

        solved = solve(poses, wishes, ALL, iterations=6, reference=poses)
        assert np.allclose(solved.positions[:, 0, WRIST, 2], expected, atol=1e-4)


def test_long_clips_are_solved_in_parts():
    """Give the same result for a frame in a clip longer than one part as on its own."""
    poses = PairPoses.of(standing_clip(seconds=20.0))
    goal = poses.positions[:, 0, WRIST] + (0, 0, 0.1)

    def solved(p: PairPoses, goal: np.ndarray) -> PairPoses:
        frames = np.arange(p.n_frames)
        ones = np.ones_like(frames)

        def wishes(q: PairPoses) -> Rows:
            now = q.positions[:, 0, WRIST]
            return rows_from(frames, point_jacobian(q, frames, ones * 0, ones * WRIST, now), goal - now, 1e4)

        return solve(p, wishes, ALL, iterations=2, reference=p)

    whole = solved(poses, goal)
    part = solved(poses.frames(slice(500, 510)), goal[500:510])
    assert np.allclose(whole.positions[500:510], part.positions, atol=1e-9)


def test_leg_reaches_in_closed_form(poses):
    """Put an ankle and its sole exactly where they are wanted and move no other joint."""
    target = poses.positions[:, 0, HIP[0]] + (0.1, 0.2, -0.6)
    quat = poses.world[1][:, 1, ANKLE[1]]
    toe = poses.quats[:, 1, TOE[0]]
    placed = place_foot(poses, 0, 0, target, quat, toe)
    assert np.allclose(placed.positions[:, 0, ANKLE[0]], target, atol=1e-9)
    assert np.abs(np.sum(placed.world[1][:, 0, ANKLE[0]] * quat, axis=-1)).min() > 1 - 1e-9
    others = [j for j in range(22) if j not in (HIP[0], KNEE[0], ANKLE[0], TOE[0])]
    assert np.array_equal(placed.quats[:, 0, others], poses.quats[:, 0, others])
    assert np.array_equal(placed.quats[:, 1], poses.quats[:, 1])


def test_leg_stays_where_it_is(poses):
    """Change nothing for a foot that is already in its place."""
    kept = keep_feet(poses, poses)
    assert np.abs(kept.positions - poses.positions).max() < 1e-6


def test_leg_out_of_reach_points_at_its_goal(poses):
    """Stretch towards a goal two metres away, no further than the leg is long."""
    hip = poses.positions[:, 0, HIP[1]]
    target = hip + (0, 0, -2.0)
    placed = place_foot(poses, 0, 1, target, poses.world[1][:, 0, ANKLE[1]], poses.quats[:, 0, TOE[1]])
    away = placed.positions[:, 0, ANKLE[1]] - hip
    assert np.allclose(np.linalg.norm(away, axis=-1), leg_reach(poses, 0, 1), atol=1e-9)
    assert np.allclose(away[:, :2], 0, atol=1e-9)


def test_straight_knee_bends_forward():
    """Bend a straight leg the way knees bend: in front of the line from hip to ankle."""
    poses = PairPoses.of(standing_clip(seconds=0.1))
    quats = poses.quats.copy()
    quats[:, 0, [HIP[0], KNEE[0]]] = (1, 0, 0, 0)
    poses = poses.with_changes(quats=quats)
    target = poses.positions[:, 0, ANKLE[0]] + (0, 0, 0.1)
    placed = place_foot(poses, 0, 0, target, poses.world[1][:, 0, ANKLE[0]], poses.quats[:, 0, TOE[0]])
    p = placed.positions[:, 0]
    forward = np.array([0, -1.0, 0])  # the supporter looks to -y
    middle = (p[:, HIP[0]] + p[:, ANKLE[0]]) / 2
    assert ((p[:, KNEE[0]] - middle) @ forward).min() > 0.1
