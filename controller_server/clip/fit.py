"""Captured joints to an SMPL-X motion: the person's own skeleton, then inverse kinematics with mink."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np

from ..errors import AssistMimicError
from .body_frames import calibrated
from .capture import Capture
from .interaction import SmplxMotion
from .measure_skeleton import measure_skeleton
from .rotation import quat_conj, quat_mul, quat_rotate, rotvec_from_quat
from .skeleton import JOINT_NAMES, N_BODY_JOINTS, PARENTS, Skeleton, forward_kinematics, joint

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
_STEPS = 40
_DONE = 1e-3  # radians or metres; one Gauss-Newton step further it is far below a millimetre
_LARGEST_STEP = 0.5


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

    Raises:
        AssistMimicError: the `fit` extra is not installed.
    """
    skeleton = skeleton or measure_skeleton(capture)
    _, threadpoolctl = _import_mink()
    guess = calibrated(capture, skeleton)
    body = range(N_BODY_JOINTS)
    local = _local(guess)[:, body]
    root = _root(capture, skeleton, guess)
    # Two BLAS threads quarrel over matrices this small: 10 s instead of 0.7 s for a pair of 121 frames.
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        root, local = _solve(capture, skeleton, guess[:, body], root, local)
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
    """Where the pelvis joint is, or must be for the hips to be where they are [m], shape (T, 3)."""
    if capture.has("pelvis"):
        return capture.at("pelvis")
    hips = [joint("left_hip"), joint("right_hip")]
    return capture.positions[:, hips].mean(axis=1) - quat_rotate(guess[:, 0], skeleton.offsets[hips].mean(axis=0))


def _part(j: int) -> str:
    return JOINT_NAMES[j].split("_")[-1]


def kinematic_model(skeleton: Skeleton) -> mujoco.MjModel:
    """The 22 body joints as a MuJoCo model without flesh: a free pelvis, ball joints, names as in SMPL-X."""
    spec = mujoco.MjSpec()
    bodies: list[Any] = []
    for j in range(N_BODY_JOINTS):
        holder = spec.worldbody if j == 0 else bodies[PARENTS[j]]
        body = holder.add_body(name=JOINT_NAMES[j], pos=np.zeros(3) if j == 0 else skeleton.offsets[j])
        body.mass, body.inertia, body.explicitinertial = 1.0, np.ones(3), True
        if j == 0:
            body.add_freejoint(name=JOINT_NAMES[j])
        else:
            body.add_joint(name=JOINT_NAMES[j], type=mujoco.mjtJoint.mjJNT_BALL)
        bodies.append(body)
    return spec.compile()


def _import_mink() -> tuple[Any, Any]:
    try:
        import mink
        import threadpoolctl
    except ImportError as error:
        raise AssistMimicError(
            f"fitting joints to SMPL-X needs {error.name}, which is not installed; "
            "install it with: pip install 'assistmimic[fit]'"
        ) from None
    return mink, threadpoolctl


def _tasks(model: mujoco.MjModel, capture: Capture) -> tuple[list[Any], Any]:
    """mink's frame tasks of the joints, and its posture task."""
    mink, _ = _import_mink()
    frames = []
    for j in range(N_BODY_JOINTS):
        part = _part(j)
        position = _POSITION[part] if capture.measured[j] else 0.0
        rotation = _ROTATION.get(part, 0.0)
        if position or rotation:
            frames.append(mink.FrameTask(JOINT_NAMES[j], "body", position, rotation))
    cost = np.zeros(model.nv)
    for j in range(1, N_BODY_JOINTS):
        start = model.joint(JOINT_NAMES[j]).dofadr[0]
        cost[start : start + 3] = _POSTURE_OF.get(_part(j), _POSTURE)
    return frames, mink.PostureTask(model, cost=cost)


def _solve(
    capture: Capture, skeleton: Skeleton, guess: np.ndarray, root: np.ndarray, local: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Refine pelvis positions (T, 3) and local rotations (T, 22, 4) frame by frame."""
    mink, _ = _import_mink()
    model = kinematic_model(skeleton)
    frame_tasks, posture = _tasks(model, capture)
    rows = [JOINT_NAMES.index(task.frame_name) for task in frame_tasks]
    starts = [model.joint(JOINT_NAMES[j]).qposadr[0] + (3 if j == 0 else 0) for j in range(N_BODY_JOINTS)]
    columns = np.array(starts)[:, None] + np.arange(4)
    reached = forward_kinematics(skeleton.offsets, root, local, range(N_BODY_JOINTS))[0]
    targets = np.where(capture.measured[:N_BODY_JOINTS, None], capture.positions[:, :N_BODY_JOINTS], reached)
    configuration = mink.Configuration(model)
    roots, quats = np.empty_like(root), np.empty_like(local)
    for frame in range(capture.n_frames):
        first_guess = np.zeros(model.nq)
        first_guess[:3], first_guess[columns] = root[frame], local[frame]
        posture.set_target(first_guess)
        for j, task in zip(rows, frame_tasks, strict=True):
            task.set_target(mink.SE3(np.concatenate([guess[frame, j], targets[frame, j]])))
        # Every frame starts from its own guess, which is as smooth as the capture: no frame inherits another's
        # mistake, and the first is solved as well as any.
        configuration.update(first_guess)
        for _ in range(_STEPS):
            problem = mink.build_ik(configuration, [*frame_tasks, posture], dt=1.0, damping=1e-6, limits=[])
            # No limits, so the quadratic programme is a linear system.
            step = np.linalg.solve(problem.P, -problem.q)
            step *= min(1.0, _LARGEST_STEP / max(float(np.abs(step).max()), 1e-12))
            configuration.integrate_inplace(step, 1.0)
            if np.abs(step).max() < _DONE:
                break
        q = configuration.q.copy()
        roots[frame], quats[frame] = q[:3], q[columns]
    return roots, quats
