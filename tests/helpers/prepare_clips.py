"""Small hand-made clips for the tests of preparing: two people who stand, sway and reach, or one who sits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from controller_server.body.shape import body_shapes
from controller_server.clip.interaction import InteractionClip, Prop, SmplxMotion
from controller_server.clip.rotation import quat_from_rotvec, quat_mul, quat_rotate, rotvec_from_quat
from controller_server.clip.skeleton import NEUTRAL_REST_JOINTS, Skeleton
from controller_server.prepare.contacts import compliance
from controller_server.prepare.ik import Rows, point_jacobian, rows_from, solve
from controller_server.prepare.legs import ANKLE, place_foot
from controller_server.prepare.poses import PairPoses
from controller_server.prepare.smoothing import low_pass
from controller_server.prepare.soles import foot_quat, foot_shapes
from controller_server.prepare.surfaces import PALMS

FPS = 30.0
UPRIGHT = np.array([np.pi / 2, 0, 0])
_ARMS = {"collar": 0.2, "shoulder": 1.0, "elbow": 1.0, "wrist": 0.3}


def standing_clip(
    *,
    seconds: float = 2.0,
    apart: float = 0.95,
    scale: float = 1.0,
    sway: float = 0.02,
    grips: np.ndarray | None = None,
) -> InteractionClip:
    """Two people face to face (supporter looking to -y), hanging arms, pelvis swaying, feet flat on the floor.

    Args:
        seconds: Length.
        apart: Pelvis to pelvis [m].
        scale: Of the recipient's skeleton.
        sway: Amplitude of the pelvis' side-to-side motion [m].
        grips: Of the clip.
    """
    n = round(seconds * FPS) + 1
    time = np.arange(n) / FPS
    people = []
    for person, (size, facing) in enumerate(((1.0, 0.0), (scale, np.pi))):
        rest = NEUTRAL_REST_JOINTS * size
        root = quat_mul(quat_from_rotvec(np.array([0, 0, facing])), quat_from_rotvec(UPRIGHT))
        where = np.zeros((n, 3))
        where[:, 0] = sway * np.sin(np.pi * time)
        where[:, 1] = apart / 2 * (1 - 2 * person)
        where[:, 2] = -Skeleton(rest).sole_height + rest[0, 1] - 0.02 * size
        pose = np.zeros((n, 21, 3))
        pose[:, 15], pose[:, 16] = (0, 0, -1.2), (0, 0, 1.2)  # shoulders: arms down
        pose[:, 17], pose[:, 18] = (0, -0.3, 0), (0, 0.3, 0)  # elbows: a little forward
        people.append(
            SmplxMotion(
                trans=where - rest[0],
                root_orient=np.tile(rotvec_from_quat(root), (n, 1)),
                pose_body=pose.reshape(n, 63),
                rest_joints=rest,
            )
        )
    return stand(InteractionClip(FPS, people[0], people[1], grips=grips))


def stand(clip: InteractionClip) -> InteractionClip:
    """Feet flat on the floor under the first frame's hips, whatever the pelvis does."""
    poses, shapes = PairPoses.of(clip), foot_shapes(clip)
    for person in range(2):
        for side in range(2):
            foot = shapes[person][side]
            ankle = poses.positions[:, person, ANKLE[side]].copy()
            ankle[:, :2] = ankle[0, :2]
            ankle[:, 2] = -foot.ankle_corners[:, 1].min()
            forward = (-1.0, 1.0)[person]
            yaw = np.full(poses.n_frames, forward * np.pi / 2 + (0.15 if side == 0 else -0.15))
            quat = foot_quat(yaw, np.zeros(poses.n_frames), foot)
            toe = np.tile([1.0, 0, 0, 0], (poses.n_frames, 1))
            poses = place_foot(poses, person, side, ankle, quat, toe)
    return poses.to_clip(clip)


def reach(clip: InteractionClip, person: int, side: int, goal: np.ndarray) -> InteractionClip:
    """Bring a wrist to a path in the world, shape (T, 3), with the arm."""
    poses = PairPoses.of(clip)
    frames = np.arange(poses.n_frames)
    ones = np.ones_like(frames)
    wrist = PALMS[side]

    def rows(p: PairPoses) -> Rows:
        now = p.positions[:, person, wrist]
        return rows_from(frames, point_jacobian(p, frames, ones * person, ones * wrist, now), goal - now, 1e4)

    return solve(poses, rows, compliance(_ARMS), iterations=25, reference=poses).to_clip(clip)


def reaching_clip(*, gap: float = 0.0, seconds: float = 3.0, hold: tuple[float, float] = (0.0, 3.0)) -> InteractionClip:
    """Right hands of both people meet between them, about `gap` apart at the palms, moving up and down together.

    Args:
        gap: Between the surfaces of the two palms while they meet [m].
        seconds: Length.
        hold: When they meet [s]; before and after the hands are 25 cm further apart.
    """
    clip = standing_clip(seconds=seconds)
    n = clip.n_frames
    time = np.arange(n) / FPS
    away = np.clip(np.maximum(hold[0] - time, time - hold[1]) / 0.5, 0, 1)
    away = away * away * (3 - 2 * away)
    height = 1.05 + 0.05 * np.sin(2 * np.pi * time / 2)
    for person in range(2):
        side = 1
        sign = 1 - 2 * person
        # Two capsules of radius 3.4 cm whose ends point at each other, 14 cm from wrist to tip.
        goal = np.stack([np.zeros(n), sign * (0.12 + gap / 2 + 0.125 * away), height], axis=-1)
        clip = reach(clip, person, side, goal)
    return clip


def seated_clip(*, depth: float = 0.0, seconds: float = 2.0) -> InteractionClip:
    """The recipient sits on a box, still, the pelvis `depth` [m] inside its top; the supporter stands by."""
    clip = standing_clip(seconds=seconds, apart=1.2, sway=0.0)
    poses = PairPoses.of(clip)
    quats, roots = poses.quats.copy(), poses.roots.copy()
    roots[:, 1, 2] = 0.62
    roots[:, 1, 1] -= 0.25
    quats[:, 1, 1], quats[:, 1, 2] = quat_from_rotvec(np.array([[-1.45, 0, 0], [-1.45, 0, 0]]))
    quats[:, 1, 4] = quats[:, 1, 5] = quat_from_rotvec(np.array([1.45, 0, 0]))
    clip = poses.with_changes(quats=quats, roots=roots).to_clip(clip)
    clip = stand(clip)
    shape = body_shapes(clip.recipient.skeleton)[0]
    bottom = 0.62 + shape.position[1] - shape.size[0]
    top = bottom + depth
    hips = clip.joints[0, 1, 0]
    seat = Prop("chair", np.array([hips[0], hips[1] - 0.1, top / 2]), np.array([0.45, 0.3, top]))
    return replace(clip, props=(seat,))


def raised(clip: InteractionClip, person: int, height: float) -> InteractionClip:
    """One person floats [m]."""
    poses = PairPoses.of(clip)
    roots = poses.roots.copy()
    roots[:, person, 2] += height
    return poses.with_changes(roots=roots).to_clip(clip)


def floating(clip: InteractionClip, amplitude: float, *, period: float = 4.0) -> InteractionClip:
    """Both people go slowly up and down [m, s], not together."""
    poses = PairPoses.of(clip)
    roots = poses.roots.copy()
    time = np.arange(poses.n_frames) / poses.fps
    for person in range(2):
        roots[:, person, 2] += amplitude * np.sin(2 * np.pi * time / period + 2 * person)
    return poses.with_changes(roots=roots).to_clip(clip)


def jittering(clip: InteractionClip, degrees: float, *, seed: int = 0) -> InteractionClip:
    """Every joint turns to and fro at up to 8 Hz, `degrees` in the root mean square."""
    poses = PairPoses.of(clip)
    noise = low_pass(np.random.default_rng(seed).normal(size=(poses.n_frames, 2, 22, 3)), poses.fps, 8.0)
    return poses.plus(np.zeros_like(poses.roots), noise / noise.std() * np.radians(degrees) / 3**0.5).to_clip(clip)


def feet_rolled(clip: InteractionClip, person: int, degrees: float) -> InteractionClip:
    """Both feet of one person stand on their outer edges: turned about where they point."""
    poses, shapes = PairPoses.of(clip), foot_shapes(clip)
    quats = poses.quats.copy()
    for side in range(2):
        roll = quat_from_rotvec(shapes[person][side].forward * np.radians(degrees) * (1 - 2 * side))
        quats[:, person, ANKLE[side]] = quat_mul(quats[:, person, ANKLE[side]], roll)
    return poses.with_changes(quats=quats).to_clip(clip)


def skating(clip: InteractionClip, person: int, speed: float) -> InteractionClip:
    """One person glides sideways as a whole [m/s]."""
    poses = PairPoses.of(clip)
    roots = poses.roots.copy()
    roots[:, person, 0] += speed * (np.arange(poses.n_frames) / poses.fps - clip.duration / 2)
    return poses.with_changes(roots=roots).to_clip(clip)


def jumping_off(clip: InteractionClip, person: int, joint: int, angle: float) -> InteractionClip:
    """One joint is turned by an angle [rad] in the first frame alone."""
    poses = PairPoses.of(clip)
    quats = poses.quats.copy()
    quats[0, person, joint] = quat_mul(quats[0, person, joint], quat_from_rotvec(np.array([angle, 0, 0])))
    return poses.with_changes(quats=quats).to_clip(clip)


def walking_clip() -> InteractionClip:
    """The supporter takes two steps in place of the real thing: the heel rises, the foot swings, lands on its heel."""
    clip = standing_clip(seconds=3.0, apart=3.0, sway=0.0)
    poses, shapes = PairPoses.of(clip), foot_shapes(clip)
    n = clip.n_frames
    time = np.arange(n) / FPS
    roots = poses.roots.copy()
    roots[:, 0, 1] -= 0.6 * np.clip(time / 3.0, 0, 1)
    roots[:, 0, 2] -= 0.05
    poses = poses.with_changes(roots=roots)
    for side, start in ((0, 0.6), (1, 1.6)):
        foot = shapes[0][side]
        rise, swing, land = (
            np.clip((time - t) / d, 0, 1) for t, d in ((start, 0.4), (start + 0.4, 0.4), (start + 0.8, 0.2))
        )
        pitch = (
            np.radians(-35) * np.sin(rise * np.pi / 2) + np.radians(55) * _ease(swing) - np.radians(20) * _ease(land)
        )
        yaw = np.full(n, -np.pi / 2)
        quat = foot_quat(yaw, pitch, foot)
        # The foot turns over the ball while the heel rises, over the heel while the toes come down.
        ahead = 0.6 * _ease(swing)
        pivot = np.where(swing[:, None] < 0.5, foot.ball, foot.heel)
        flat = foot_quat(yaw, np.zeros(n), foot)
        ankle = poses.positions[0, 0, ANKLE[side]] + np.stack([0 * ahead, -ahead, 0 * ahead], axis=-1)
        ankle = ankle + quat_rotate(flat, pivot) - quat_rotate(quat, pivot)
        low = np.minimum(
            quat_rotate(quat[:, None], foot.ankle_corners)[..., 2].min(1),
            quat_rotate(quat[:, None], foot.toe_corners + poses.offsets[0, ANKLE[side] + 3])[..., 2].min(1),
        )
        ankle[:, 2] = -low + 0.08 * np.sin(np.pi * swing) ** 2
        poses = place_foot(poses, 0, side, ankle, quat, np.tile([1.0, 0, 0, 0], (n, 1)))
    return poses.to_clip(clip)


def _ease(x: np.ndarray) -> np.ndarray:
    return x * x * (3 - 2 * x)
