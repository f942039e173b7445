"""Captured joints to an SMPL-X motion: the person's own skeleton, then inverse kinematics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller_server.clip.interaction import SmplxMotion
from controller_server.clip.rotation import quat_conj, quat_mul, quat_rotate, rotvec_from_quat
from controller_server.clip.skeleton import JOINT_NAMES, N_BODY_JOINTS, PARENTS, Skeleton, joint

from .body_frames import calibrated
from .capture import Capture
from .measure_skeleton import measure_skeleton
from .solve import Wishes, solve_poses

# Weights of position targets [1/m] and rotation targets [1/rad]; sides share one entry.
_POSITION = {
    "pelvis": 10.0,
    "hip": 15.0,
    "knee": 15.0,
    "ankle": 20.0,
    "foot": 15.0,
    "spine1": 3.0,
    "spine2": 3.0,
    "spine3": 5.0,
    "neck": 10.0,
    "head": 10.0,
    "collar": 2.0,
    "shoulder": 15.0,
    "elbow": 15.0,
    "wrist": 20.0,
}
_ROTATION = {"pelvis": 0.3, "spine3": 0.3, "head": 0.5, "ankle": 1.0, "foot": 0.5, "wrist": 0.3}
# Pull of every joint towards the rotation its parent gives it in the first guess [1/rad]: what positions leave free.
_POSTURE = 0.1
_POSTURE_OF = {"spine1": 0.3, "spine2": 0.3, "spine3": 0.3, "neck": 0.3, "collar": 0.3}


@dataclass(frozen=True)
class FitReport:
    """How far a fitted person's joints are from the captured ones.

    Attributes:
        mean_mm: Mean over frames and joints that exist in both [mm].
        joint_mm: Mean of each of these joints [mm], by name.
        worst_mm: Largest single distance [mm].
        worst_joint: Where it is.
        worst_frame: When it is.
    """

    mean_mm: float
    joint_mm: dict[str, float]
    worst_mm: float
    worst_joint: str
    worst_frame: int

    def __str__(self) -> str:
        return (
            f"fit error {self.mean_mm:.1f} mm mean over {len(self.joint_mm)} joints, worst {self.worst_mm:.0f} mm "
            f"({self.worst_joint}, frame {self.worst_frame})"
        )

    @staticmethod
    def of(capture: Capture, motion: SmplxMotion) -> FitReport:
        """Compare a motion with what it was fitted to."""
        rows = np.flatnonzero(capture.measured[:N_BODY_JOINTS])
        distance = 1000 * np.linalg.norm(motion.joints[0][:, rows] - capture.positions[:, rows], axis=-1)
        frame, worst = np.unravel_index(int(distance.argmax()), distance.shape)
        means = dict(zip([JOINT_NAMES[j] for j in rows], distance.mean(axis=0).tolist(), strict=True))
        return FitReport(float(distance.mean()), means, float(distance.max()), JOINT_NAMES[rows[worst]], int(frame))


def fit(capture: Capture, *, skeleton: Skeleton | None = None) -> tuple[SmplxMotion, FitReport]:
    """Fit an SMPL-X motion to a captured person.

    Args:
        capture: What was captured.
        skeleton: Rest skeleton to use instead of the measured one.

    Returns:
        The motion, whose `rest_joints` is the skeleton, and how well it fits.
    """
    skeleton = skeleton or measure_skeleton(capture)
    guess = calibrated(capture, skeleton)
    body = range(N_BODY_JOINTS)
    local = _local(guess)[:, body]
    root = _root(capture, skeleton, guess)
    # Every frame starts from its own guess, which is as smooth as the capture: no frame inherits another's mistake,
    # and the first is solved as well as any.
    root, local = solve_poses(skeleton, _wishes(capture, guess[:, body], local), root, local)
    quats = _local(guess)
    quats[:, body] = local
    rotvecs = rotvec_from_quat(quats)
    frames = capture.n_frames
    motion = SmplxMotion(
        trans=root - skeleton.rest_joints[0],
        root_orient=rotvecs[:, 0],
        pose_body=rotvecs[:, 1:N_BODY_JOINTS].reshape(frames, -1),
        left_hand_pose=rotvecs[:, 25:40].reshape(frames, -1),
        right_hand_pose=rotvecs[:, 40:55].reshape(frames, -1),
        rest_joints=skeleton.rest_joints,
    )
    return motion, FitReport.of(capture, motion)


def _local(world: np.ndarray) -> np.ndarray:
    """Rotations relative to the parent; the pelvis' stays in the world. Shape (T, J, 4)."""
    local = world.copy()
    for j in range(1, world.shape[1]):
        local[:, j] = quat_mul(quat_conj(world[:, PARENTS[j]]), world[:, j])
    return local


def _root(capture: Capture, skeleton: Skeleton, guess: np.ndarray) -> np.ndarray:
    """Return where the pelvis joint is, or must be for the hips to be where they are [m], shape (T, 3)."""
    if capture.has("pelvis"):
        return capture.at("pelvis")
    hips = [joint("left_hip"), joint("right_hip")]
    return capture.positions[:, hips].mean(axis=1) - quat_rotate(guess[:, 0], skeleton.offsets[hips].mean(axis=0))


def _part(j: int) -> str:
    return JOINT_NAMES[j].split("_")[-1]


def _wishes(capture: Capture, guess: np.ndarray, local: np.ndarray) -> Wishes:
    """Return what the fit wants of the body joints.

    `guess` and `local` are their rotations by anatomy, shape (T, 22, 4).
    """
    parts = [_part(j) for j in range(N_BODY_JOINTS)]
    measured = capture.measured[:N_BODY_JOINTS]
    posture = np.array([_POSTURE_OF.get(part, _POSTURE) for part in parts])
    posture[0] = 0
    return Wishes(
        positions=np.where(measured[:, None], capture.positions[:, :N_BODY_JOINTS], 0.0),
        position_weights=np.where(measured, [_POSITION[part] for part in parts], 0.0),
        quats=guess,
        rotation_weights=np.array([_ROTATION.get(part, 0.0) for part in parts]),
        postures=local,
        posture_weights=posture,
    )
