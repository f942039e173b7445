"""A skeleton of any tool with its motion: what BVH, glTF and FBX readers hand on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from controller_server.clip.rotation import quat_mul, quat_rotate

_Self = TypeVar("_Self", bound="Rig")


class Rig(Protocol):
    """One person's joints, in the file's axes and unit."""

    @property
    def path(self) -> Path:
        """Where it was read from."""
        ...

    @property
    def label(self) -> str:
        """What to call the person."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Joint names, J of them, parents before children."""
        ...

    @property
    def parents(self) -> tuple[int, ...]:
        """Index of each joint's parent, -1 for roots."""
        ...

    @property
    def fps(self) -> float:
        """Frames per second."""
        ...

    @property
    def n_frames(self) -> int:
        """Number of frames T."""
        ...

    @property
    def ends(self) -> frozenset[int]:
        """Joints that only say where their parent's bone ends."""
        ...

    @property
    def remarks(self) -> tuple[str, ...]:
        """What was odd about the file."""
        ...

    def cut(self: _Self, frames: slice) -> _Self:
        """Return some frames."""
        ...

    def rest_positions(self) -> np.ndarray:
        """Return joint positions at rest, shape (J, 3)."""
        ...

    def rest_quats(self) -> np.ndarray:
        """Return world rotations of the joints at rest, shape (J, 4)."""
        ...

    def world_motion(self) -> tuple[np.ndarray, np.ndarray]:
        """Return positions (T, J, 3) and world rotations (T, J, 4)."""
        ...


@dataclass(frozen=True)
class PosedRig:
    """A rig whose world motion was worked out by its reader; the attributes are those of `Rig`.

    Attributes:
        path: Where it was read from.
        label: What to call the person.
        names: Joint names.
        parents: Index of each joint's parent, -1 for roots.
        fps: Frames per second.
        positions: Shape (T, J, 3).
        quats: World rotations, shape (T, J, 4).
        rest: Positions at rest, shape (J, 3).
        rest_turns: World rotations at rest, shape (J, 4).
        ends: Joints that only say where their parent's bone ends.
        remarks: What was odd about the file.
    """

    path: Path
    label: str
    names: tuple[str, ...]
    parents: tuple[int, ...]
    fps: float
    positions: np.ndarray
    quats: np.ndarray
    rest: np.ndarray
    rest_turns: np.ndarray
    ends: frozenset[int] = field(default_factory=frozenset)
    remarks: tuple[str, ...] = ()

    @property
    def n_frames(self) -> int:
        """Number of frames T."""
        return len(self.positions)

    def cut(self, frames: slice) -> PosedRig:
        """Return some frames."""
        return replace(self, positions=self.positions[frames], quats=self.quats[frames])

    def rest_positions(self) -> np.ndarray:
        """Return joint positions at rest, shape (J, 3)."""
        return self.rest

    def rest_quats(self) -> np.ndarray:
        """Return world rotations of the joints at rest, shape (J, 4)."""
        return self.rest_turns

    def world_motion(self) -> tuple[np.ndarray, np.ndarray]:
        """Return positions (T, J, 3) and world rotations (T, J, 4)."""
        return self.positions, self.quats


def chained(parents: tuple[int, ...], offsets: np.ndarray, local: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return world positions and rotations of joints from those relative to the parent.

    Args:
        parents: Index of each joint's parent, before its children; -1 for roots.
        offsets: Relative to the parent, shape (T, J, 3).
        local: Rotations relative to the parent, shape (T, J, 4).

    Returns:
        Positions (T, J, 3) and rotations (T, J, 4).
    """
    positions, quats = np.empty_like(offsets), np.empty_like(local)
    for k, parent in enumerate(parents):
        if parent < 0:
            positions[:, k], quats[:, k] = offsets[:, k], local[:, k]
            continue
        positions[:, k] = positions[:, parent] + quat_rotate(quats[:, parent], offsets[:, k])
        quats[:, k] = quat_mul(quats[:, parent], local[:, k])
    return positions, quats


def helpers(rig: Rig) -> set[int]:
    """Return the joints that lie on their parents: helper joints of the rig, no places in the body."""
    return helper_rows(rig.rest_positions(), np.array(rig.parents))


def helper_rows(rest: np.ndarray, parents: np.ndarray) -> set[int]:
    """Return the same from joint positions at rest, shape (J, 3), and each one's parent or -1, shape (J,)."""
    lengths = np.linalg.norm(rest - rest[np.maximum(parents, 0)], axis=-1)
    return {int(k) for k in np.flatnonzero((parents >= 0) & (lengths < 1e-3 * lengths.max(initial=0)))}
