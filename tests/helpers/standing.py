"""Two people who stand, and the type of the fixture that runs the real command."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import numpy as np

from controller_server.clip.interaction import InteractionClip, SmplxMotion
from controller_server.clip.rotation import quat_from_rotvec, quat_mul, rotvec_from_quat
from controller_server.clip.skeleton import Skeleton

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def standing_motion(n_frames: int, *, at: tuple[float, float], facing: float) -> SmplxMotion:
    """A neutral person on the floor at a place, facing an angle [rad] from the world's +X, arms hanging."""
    skeleton = Skeleton.neutral()
    upright = quat_from_rotvec(np.array([np.pi / 2, 0, 0]))  # looks along -Y
    root = rotvec_from_quat(quat_mul(quat_from_rotvec(np.array([0, 0, facing + np.pi / 2])), upright))
    pose = np.zeros((n_frames, 21, 3))
    pose[:, 15, 2], pose[:, 16, 2] = -1.2, 1.2  # shoulders: arms from the T-pose to the sides
    rest = skeleton.rest_joints[0]
    height = rest[1] - skeleton.sole_height
    trans = np.tile([at[0] - rest[0], at[1] - rest[1], height - rest[2]], (n_frames, 1))
    return SmplxMotion(trans=trans, root_orient=np.tile(root, (n_frames, 1)), pose_body=pose.reshape(n_frames, 63))


def standing_pair(n_frames: int = 31, fps: float = 30.0) -> InteractionClip:
    """Two people who stand a metre apart and look at each other."""
    return InteractionClip(
        fps=fps,
        supporter=standing_motion(n_frames, at=(-0.5, 0.0), facing=0.0),
        recipient=standing_motion(n_frames, at=(0.5, 0.0), facing=np.pi),
        source="two people standing",
    )
