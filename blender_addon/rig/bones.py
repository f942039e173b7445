# SPDX-License-Identifier: GPL-3.0-or-later
"""The bones of an armature as arrays, and their pose from channel values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .rotation_modes import matrices_from_channels


@dataclass(frozen=True)
class Bones:
    """The N bones of an armature at rest.

    Attributes:
        names: Names of the bones, parents before their children.
        parents: Row of each bone's parent, -1 for none, shape (N,).
        rest: Rest matrix of each bone in armature space (Blender's `matrix_local`), shape (N, 4, 4).
        modes: Rotation mode of each pose bone, as Blender names them.
    """

    names: tuple[str, ...]
    parents: np.ndarray
    rest: np.ndarray
    modes: tuple[str, ...]

    @cached_property
    def local_rest(self) -> np.ndarray:
        """Rest matrix of each bone relative to its parent's, shape (N, 4, 4)."""
        local = self.rest.copy()
        child = self.parents >= 0
        local[child] = np.linalg.inv(self.rest[self.parents[child]]) @ self.rest[child]
        return local

    @cached_property
    def levels(self) -> tuple[np.ndarray, ...]:
        """Rows of the bones by depth, roots first."""
        depth = np.zeros(len(self.names), dtype=int)
        for row, parent in enumerate(self.parents):
            depth[row] = depth[parent] + 1 if parent >= 0 else 0
        return tuple(np.flatnonzero(depth == level) for level in range(int(depth.max(initial=-1)) + 1))

    @property
    def heads(self) -> np.ndarray:
        """Joint heads at rest in armature units, shape (N, 3)."""
        return self.rest[:, :3, 3]


@dataclass(frozen=True)
class Channels:
    """The channels an animator keys on pose bones: values of T frames.

    Attributes:
        location: Shape (T, N, 3).
        rotation: In each bone's own mode: w x y z; angle and axis; or three Euler angles and an unused number.
            Shape (T, N, 4).
        scale: Shape (T, N, 3).
    """

    location: np.ndarray
    rotation: np.ndarray
    scale: np.ndarray

    @property
    def n_frames(self) -> int:
        """Number of frames T."""
        return self.location.shape[0]


def basis_matrices(bones: Bones, channels: Channels) -> np.ndarray:
    """Return each pose bone's own transform (Blender's `matrix_basis`), shape (T, N, 4, 4)."""
    basis = np.zeros((*channels.location.shape[:2], 4, 4))
    basis[..., :3, :3] = matrices_from_channels(channels.rotation, bones.modes) * channels.scale[..., None, :]
    basis[..., :3, 3] = channels.location
    basis[..., 3, 3] = 1
    return basis


def pose_matrices(bones: Bones, basis: np.ndarray) -> np.ndarray:
    """Posed bones in armature space (Blender's `PoseBone.matrix`) of a plain rig, shape (T, N, 4, 4)."""
    pose = bones.local_rest @ basis
    for level in bones.levels[1:]:
        pose[:, level] = pose[:, bones.parents[level]] @ pose[:, level]
    return pose
