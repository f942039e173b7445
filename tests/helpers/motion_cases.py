"""Motions with known answers for the readers, the writer and the fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from controller_server.clip.interaction import InteractionClip, SmplxMotion
from controller_server.clip.io.bvh_write import bvh_text
from controller_server.clip.rig_tables import built_in_tables
from controller_server.clip.rotation import quat_from_rotvec, quat_mul, rotvec_from_quat
from controller_server.clip.skeleton import L_FOOT, R_FOOT, joint
from helpers.standing import standing_pair


def squatting(motion: SmplxMotion) -> SmplxMotion:
    """The same person going down and up once, turning a little, bending elbows and fingers; feet on the floor."""
    phase = np.linspace(0, np.pi, motion.n_frames)
    down = 0.9 * np.sin(phase) ** 2
    pose = motion.pose_body.reshape(-1, 21, 3).copy()
    for side, sign in (("left", 1), ("right", -1)):
        pose[:, joint(f"{side}_hip") - 1, 0] = -down - 0.05
        pose[:, joint(f"{side}_knee") - 1, 0] = 2 * down + 0.1
        pose[:, joint(f"{side}_ankle") - 1, 0] = -down - 0.05
        pose[:, joint(f"{side}_elbow") - 1, 1] = -sign * (0.4 + down)
        pose[:, joint(f"{side}_wrist") - 1, 2] = 0.3 * sign * np.sin(2 * phase)
    pose[:, joint("spine2") - 1, 0] = 0.3 * down
    pose[:, joint("head") - 1, 1] = 0.4 * np.sin(2 * phase)
    hands = np.zeros((motion.n_frames, 15, 3))
    hands[:, :, 2] = -0.4 * np.sin(phase)[:, None]
    turn = np.stack([np.zeros_like(phase), np.zeros_like(phase), 0.3 * np.sin(phase)], axis=-1)
    root = rotvec_from_quat(quat_mul(quat_from_rotvec(turn), quat_from_rotvec(motion.root_orient)))
    frames = motion.n_frames
    posed = replace(
        motion,
        root_orient=root,
        pose_body=pose.reshape(frames, -1),
        left_hand_pose=hands.reshape(frames, -1),
        right_hand_pose=-hands.reshape(frames, -1),
    )
    lowest = posed.joints[0][:, [L_FOOT, R_FOOT], 2].min(axis=1)
    shift = np.zeros((frames, 3))
    shift[:, 2] = lowest - 0.025
    return replace(posed, trans=posed.trans - shift)


def squatting_pair(n_frames: int = 31, fps: float = 30.0) -> InteractionClip:
    """Two people who face each other and go down and up."""
    return standing_pair(n_frames, fps).with_people(squatting)


def as_rig(motion: SmplxMotion, table: str, *, fps: float = 30.0, scale: float = 100.0, prefix: str = "") -> str:
    """A motion as the BVH file of another rig: the same bones under a table's first names."""
    names = next(t for t in built_in_tables() if t.name == table)
    lines = []
    for line in bvh_text(motion, fps, scale).splitlines():
        words = line.split()
        if words and words[0] in ("ROOT", "JOINT"):
            known = names.joints.get(words[1]) or names.rotations.get(words[1])
            line = line.replace(words[1], prefix + known[0] if known else f"extra_{words[1]}")
        lines.append(line)
    return "\n".join(lines) + "\n"
