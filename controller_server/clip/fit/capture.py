"""A captured person in SMPL-X terms: what every reader hands to the fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from controller_server.clip.skeleton import N_JOINTS, joint


@dataclass(frozen=True)
class Capture:
    """One person's joints over time in the Z-up world. NaN where the source has nothing.

    Attributes:
        positions: Of SMPL-X joints [m], shape (T, 55, 3).
        rotations: World rotations of the source's own joints, whatever their axes, shape (T, 55, 4).
        tips: Points that toes and hands point to [m], each (T, 3): left_toes, right_toes, left_hand, right_hand.
        rest: The source's rest pose as a capture of one frame, if a person stands upright in it.
        exact: Whether the rotations are those of SMPL's joints, in its axes.
    """

    positions: np.ndarray
    rotations: np.ndarray | None = None
    tips: Mapping[str, np.ndarray] = field(default_factory=dict)
    rest: Capture | None = None
    exact: bool = False

    def __post_init__(self) -> None:
        if self.positions.ndim != 3 or self.positions.shape[1:] != (N_JOINTS, 3):
            raise ValueError(f"positions: expected (T, {N_JOINTS}, 3), got {self.positions.shape}")

    @property
    def n_frames(self) -> int:
        """Number of frames T."""
        return self.positions.shape[0]

    @cached_property
    def measured(self) -> np.ndarray:
        """Which joints have positions in every frame, shape (55,)."""
        return np.all(np.isfinite(self.positions), axis=(0, 2))

    @cached_property
    def turned(self) -> np.ndarray:
        """Which joints have rotations in every frame, shape (55,)."""
        if self.rotations is None:
            return np.zeros(N_JOINTS, dtype=bool)
        return np.all(np.isfinite(self.rotations), axis=(0, 2))

    def has(self, *names: str) -> bool:
        """Return whether all these joints have positions."""
        return all(self.measured[joint(name)] for name in names)

    def at(self, name: str) -> np.ndarray:
        """Return positions of one joint [m], shape (T, 3)."""
        return self.positions[:, joint(name)]

    def first(self, *names: str) -> np.ndarray | None:
        """Return positions of the first of these joints that is measured, else None."""
        return next((self.at(name) for name in names if self.has(name)), None)

    def planted(self, side: str) -> np.ndarray:
        """Return frames in which the ball of a foot is low and at rest, shape (T,); never more than a few of a clip.

        Where a walker's foot bears weight it is still for some frames; what is meant is not every contact but a
        sample of frames in which the foot is surely flat or nearly so.
        """
        ball = self.at(f"{side}_foot")
        step = np.linalg.norm(np.gradient(ball, axis=0), axis=-1) if self.n_frames > 1 else np.zeros(1)
        is_low = ball[:, 2] < np.percentile(ball[:, 2], 10) + _LOW
        return is_low & (step <= min(_STILL, np.percentile(step, 40)))


_LOW = 0.02
_STILL = 0.005  # metres a frame
