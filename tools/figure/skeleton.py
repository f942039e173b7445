"""The skeleton the figure is made on: the neutral one, left and right made alike."""

from __future__ import annotations

import numpy as np

from controller_server.clip.skeleton import JOINT_NAMES, NEUTRAL_REST_JOINTS, joint


def mirrored(j: int) -> int:
    """Return the joint on the other side, or the same one."""
    name = JOINT_NAMES[j]
    swap = {"left": "right", "right": "left"}
    side = name.split("_")[0]
    return joint(name.replace(side, swap[side], 1)) if side in swap else j


def even_skeleton() -> np.ndarray:
    """Return the rest joints [m], shape (55, 3)."""
    other = NEUTRAL_REST_JOINTS[[mirrored(j) for j in range(len(JOINT_NAMES))]] * [-1, 1, 1]
    return np.round((NEUTRAL_REST_JOINTS + other) / 2, 4)


REST = even_skeleton()
SOLE = -1.3117


def at(name: str) -> np.ndarray:
    """Return a joint's place at rest [m], shape (3,)."""
    return REST[joint(name)]
