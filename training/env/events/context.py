"""The context of event terms, and the effects they may have on worlds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.core.errors import TermError
from controller_server.physics.backend import PairState


@dataclass(frozen=True)
class EventContext:
    """The input of event terms: n worlds, which may be some of a clip's.

    Attributes:
        rng: Source of all random numbers.
        pairs: The bodies of each world, n of them.
        hz: Control frames a second.
        family: Number of each world among a clip's, shape (n,); worlds of one number are to be alike.
        frames: Their control frames, shape (n,).
        state: Of "start": the states they are to begin in.
        kept: Of "start": which of those the simulation itself reached before, shape (n,).
    """

    rng: np.random.Generator
    pairs: Sequence[PairBody]
    hz: float
    family: np.ndarray
    frames: np.ndarray
    state: PairState | None = None
    kept: np.ndarray | None = None

    @property
    def n(self) -> int:
        """Number of worlds."""
        return len(self.frames)

    @property
    def pair(self) -> PairBody:
        """The bodies of all worlds, which are of one clip in "start". Raises AssistMimicError where they differ."""
        if any(pair is not self.pairs[0] for pair in self.pairs):
            raise TermError("event: these worlds hold different pairs; read pairs, one for each world")
        return self.pairs[0]


@dataclass(frozen=True)
class Effect:
    """Effect of an event; what is left out stays as it is.

    Attributes:
        state: States to begin in, n as given; of "start" alone.
        friction: Factors on the friction, shape (n,); of "start" alone.
        strength: Factors on what a `terms.strength` changes, by its name, for (supporter, recipient), shape (n, 2);
            not of "step".
        wrench: Force [N] and torque [N m] on each pelvis for a control step, shape (n, 2, 6); of "step" alone.
    """

    state: PairState | None = None
    friction: np.ndarray | None = None
    strength: Mapping[str, np.ndarray] = field(default_factory=dict)
    wrench: np.ndarray | None = None
