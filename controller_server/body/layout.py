"""Addresses of a person's joints in a compiled MuJoCo model, and a clip's frames as qpos."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from controller_server.clip.interaction import InteractionClip
from controller_server.clip.rotation import quat_conj, quat_from_rotvec, quat_mul

from .mjcf import SIDES, body_name, grip_name, palm_name
from .pair import PairBody


@dataclass(frozen=True)
class PairLayout:
    """Addresses in a model built by `compile_pair`, with a leading axis of (supporter, recipient).

    Attributes:
        body: Body ids, shape (2, B), in the order of `PairBody.joints`.
        palm: Ids of the palm bodies (left, right), shape (2, 2).
        root_qpos: Address of the pelvis position in qpos; its quaternion follows, shape (2,).
        root_qvel: Address of the pelvis velocity in qvel, shape (2,).
        joint_qpos: Addresses of the joint quaternions, shape (2, B - 1, 4).
        joint_qvel: Addresses of the joint velocities, shape (2, B - 1, 3).
        target: Addresses of the joint targets in ctrl, shape (2, B - 1, 3).
        grip: Addresses of the grips in ctrl, shape (2, 2).
        zero: Rotation of each joint relative to its parent where its qpos is none, shape (2, B - 1, 4).
    """

    body: np.ndarray
    palm: np.ndarray
    root_qpos: np.ndarray
    root_qvel: np.ndarray
    joint_qpos: np.ndarray
    joint_qvel: np.ndarray
    target: np.ndarray
    grip: np.ndarray
    zero: np.ndarray

    @staticmethod
    def of(model: mujoco.MjModel, pair: PairBody) -> PairLayout:
        """Return the layout of a compiled model."""
        roles = [person.role for person in pair.people]
        names = [[body_name(role, j) for j in pair.joints] for role in roles]
        qpos = np.array([[model.joint(n).qposadr[0] for n in person] for person in names])
        qvel = np.array([[model.joint(n).dofadr[0] for n in person] for person in names])
        zero = np.array([[model.body(n).quat for n in person[1:]] for person in names])
        return PairLayout(
            zero=zero,
            body=np.array([[model.body(n).id for n in person] for person in names]),
            palm=np.array([[model.body(palm_name(role, side)).id for side in SIDES] for role in roles]),
            root_qpos=qpos[:, 0],
            root_qvel=qvel[:, 0],
            joint_qpos=qpos[:, 1:, None] + np.arange(4),
            joint_qvel=qvel[:, 1:, None] + np.arange(3),
            target=np.array(
                [[[model.actuator(f"{n}_{axis}").id for axis in "xyz"] for n in person[1:]] for person in names]
            ),
            grip=np.array([[model.actuator(grip_name(role, side)).id for side in SIDES] for role in roles]),
        )

    def joint_coordinates(self, local_quats: np.ndarray) -> np.ndarray:
        """Return the joints' quaternions in qpos, shape (..., 2, B - 1, 4), of rotations relative to the parents."""
        return quat_mul(quat_conj(self.zero), local_quats)

    def local_quats(self, qpos: np.ndarray) -> np.ndarray:
        """Return the joints' rotations relative to their parents, shape (..., 2, B - 1, 4)."""
        return quat_mul(self.zero, qpos[..., self.joint_qpos])


def clip_local_quats(clip: InteractionClip, joints: tuple[int, ...]) -> np.ndarray:
    """Pelvis rotation in the world and each joint's relative to its parent, shape (T, 2, B, 4)."""
    people = []
    for _, motion in clip.people:
        rotvecs = np.concatenate([motion.root_orient[:, None], motion.pose], axis=1)
        people.append(quat_from_rotvec(rotvecs[:, list(joints)]))
    return np.stack(people, axis=1)


def clip_root_positions(clip: InteractionClip) -> np.ndarray:
    """Pelvis joint of both people in the world [m], shape (T, 2, 3)."""
    return np.stack([motion.trans + motion.skeleton.rest_joints[0] for _, motion in clip.people], axis=1)


def clip_qpos(clip: InteractionClip, pair: PairBody, layout: PairLayout, nq: int) -> np.ndarray:
    """Return the clip's frames as MuJoCo generalised positions, shape (T, nq)."""
    qpos = np.zeros((clip.n_frames, nq))
    quats, roots = clip_local_quats(clip, pair.joints), clip_root_positions(clip)
    for person in range(2):
        a = layout.root_qpos[person]
        qpos[:, a : a + 3] = roots[:, person]
        qpos[:, a + 3 : a + 7] = quats[:, person, 0]
    qpos[:, layout.joint_qpos] = layout.joint_coordinates(quats[:, :, 1:])
    return qpos
