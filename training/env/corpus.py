"""All clips of a run as one, so that worlds that follow different clips are one batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from controller_server.control.reference.joined import Joined, joined
from controller_server.physics.backend import PairState

from .scene import Scene


class Corpus:
    """The clips of a run, C of them.

    Attributes:
        scenes: One for each clip.
        joined: Their references, one after another.
        states: States that episodes begin in, and otherwise the reference's, by row of `joined`.
        last: The last control frame of each clip, shape (C,).

    Args:
        scenes: The clips.
        apart: Whether targets of people who get nothing from each other are wanted.
    """

    def __init__(self, scenes: Sequence[Scene], *, apart: bool) -> None:
        self.scenes = tuple(scenes)
        alone = [scene.apart for scene in scenes] if apart else None
        self.joined = Joined.of([scene.track for scene in scenes], [scene.targets for scene in scenes], alone)
        self.states: PairState = joined(PairState, [scene.states for scene in scenes])
        self.last = self.joined.length - 1
        for scene in scenes:
            scene.kept.release()

    @property
    def n(self) -> int:
        """Number of clips."""
        return len(self.scenes)

    def deal(self, groups: int, rng: np.random.Generator) -> np.ndarray:
        """Return the clips that groups of worlds begin with, evenly; where there are more clips, some by chance."""
        if self.n > groups:
            return np.sort(rng.permutation(self.n)[:groups])
        edges = np.linspace(0, groups, self.n + 1).astype(int)
        return np.repeat(np.arange(self.n), np.diff(edges))
