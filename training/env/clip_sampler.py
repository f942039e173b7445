"""Samplers of the next clip of a world and its first frame: uniform, or weighted by failure.

`failure` counts, for every second of every clip, how often episodes that came there ended there in failure. Of the
starts a share, the floor, is spread evenly over all seconds of all clips; the rest goes to where people fail, in
proportion. An episode that is to practise a second begins in it or in the one before, which leads up to it. In the
manner of the adaptive sampling of BeyondMimic (Liao et al., 2025), over clips as well as over time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from training.settings.config import SamplerConfig

_FORGETTING = 0.1
"""Weight of the latest episode in the failure rate of a second."""


class ClipSampler:
    """Draws clips and start frames.

    Attributes:
        failing: How often episodes fail in each second of each clip, 0-1, shape (C, S); nan beyond a clip's end.

    Args:
        config: How.
        last: The last control frame of each clip, shape (C,).
        hz: Control frames a second.
    """

    def __init__(self, config: SamplerConfig, last: np.ndarray, hz: float) -> None:
        self.config, self._last, self._size = config, last, round(hz)
        seconds = -(-last // self._size)
        self.failing = np.where(np.arange(seconds.max()) < seconds[:, None], 0.5, np.nan)
        """Half where nothing is known yet."""

    @property
    def by_failure(self) -> bool:
        """Whether what fails is practised more."""
        return self.config.kind == "failure"

    def shares(self) -> np.ndarray:
        """Return how often an episode practises each second of each clip, together 1, shape (C, S)."""
        there = np.isfinite(self.failing)
        even, wanted = there / there.sum(), np.where(there, self.failing, 0.0)
        if not wanted.any():
            return even
        return self.config.floor * even + (1 - self.config.floor) * wanted / wanted.sum()

    def clips(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Return the clips of n new episodes, shape (n,)."""
        count = len(self._last)
        if count == 1:
            return np.zeros(n, int)
        if not self.by_failure:
            return rng.integers(0, count, n)
        return rng.choice(count, n, p=self.shares().sum(axis=1))

    def frames(self, clip: int, n: int, rng: np.random.Generator) -> np.ndarray:
        """Return start frames of n episodes of a clip that begin at any of its frames but the last, shape (n,)."""
        last, size = int(self._last[clip]), self._size
        if not self.by_failure:
            return rng.integers(0, last, n)
        shares = self.shares()[clip]
        second = rng.choice(len(shares), n, p=shares / shares.sum())
        first = np.maximum(second - 1, 0) * size
        end = np.minimum((second + 1) * size, last)
        return first + (rng.random(n) * (end - first)).astype(int)

    def finish(self, clip: int, start: int, end: int, *, survived: bool) -> None:
        """Count an episode that ran from frame `start` to `end`."""
        if not self.by_failure:
            return
        seconds, size = self.failing[clip], self._size
        final = min(max(end - 1, start), int(self._last[clip]) - 1) // size
        # A second counts as survived where all of it was, or all from the episode's start.
        passed = slice(start // size, final + 1 if survived else final)
        seconds[passed] *= 1 - _FORGETTING
        if not survived:
            seconds[final] += _FORGETTING * (1 - seconds[final])

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a resumed run needs."""
        return {"failing": self.failing} if self.by_failure else {}

    def load_state_dict(self, arrays: Mapping[str, Any]) -> None:
        """Load what `state_dict` returned."""
        if self.by_failure:
            self.failing[:] = arrays["failing"]
