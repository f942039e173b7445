"""References of several clips as one, so that worlds that follow different clips are one batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from .reference_trajectory import Bodies, ReferenceTrajectory


@dataclass(frozen=True)
class Joined:
    """The rows of C clips, one clip after another.

    Attributes:
        track: All rows, laid out for observing.
        targets: Joint targets of all rows [rad], shape (K, 2, J, 3).
        apart: The same of people who get nothing from each other, where somebody asks for them.
        first: Row at which each clip begins, shape (C,).
        length: Control frames of each clip, shape (C,).
    """

    track: ReferenceTrajectory
    targets: np.ndarray
    apart: np.ndarray | None
    first: np.ndarray
    length: np.ndarray

    @staticmethod
    def of(
        tracks: Sequence[ReferenceTrajectory], targets: Sequence[np.ndarray], apart: Sequence[np.ndarray] | None
    ) -> Joined:
        """Return the rows of clips that have one control rate."""
        length = np.array([track.n_frames for track in tracks])
        whole = tracks[0]
        if len(tracks) > 1:
            whole = ReferenceTrajectory(
                joined(Bodies, [track.frames for track in tracks]),
                *(np.concatenate([getattr(track, name) for track in tracks]) for name in ("headings", "com", "grips")),
                hz=whole.hz,
            )
        rest = None if apart is None else _end_to_end(apart)
        return Joined(whole, _end_to_end(targets), rest, np.cumsum(length) - length, length)

    def dealt(self, clips: np.ndarray) -> ReferenceTrajectory:
        """Return the track of worlds that follow clips, by number, shape (N,)."""
        if len(self.length) == 1:
            return self.track
        return replace(self.track, first=self.first[clips], length=self.length[clips])


def joined(make: Callable[..., Any], parts: Sequence[Any]) -> Any:
    """Return dataclasses of arrays as one, their arrays end to end."""
    names = [field.name for field in fields(parts[0])]
    return make(**{name: _end_to_end([getattr(part, name) for part in parts]) for name in names})


def _end_to_end(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
