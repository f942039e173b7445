"""A reference played in the simulation from its first frame to its last, whoever decides on the targets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.control.reference.reference import Reference
from controller_server.control.reference.start import settled_start
from controller_server.metrics.tracking import deviation
from controller_server.physics.backend import PairState
from controller_server.physics.engines import BUILT_IN
from controller_server.physics.recording import Recording

from .recorded_simulation import Disturbance, RecordedSimulation

GIVE_UP_DEVIATION = 0.3
"""Mean deviation of a judged person [m] at which an attempt gives up."""


class Runner(ABC):
    """Plays a reference frame by frame.

    Args:
        pair: Body description.
        reference: The reference motion.
        judged: Roles that have to succeed (0 supporter, 1 recipient).
        start: State at time zero, n = 1; by default the reference's, settled.
        engine: Name of the engine.

    Attributes:
        control_steps: Control steps simulated while looking ahead, over all worlds.
        began: Control frame at which this runner took the motion over from another; 0 if it made all of it.
    """

    def __init__(
        self,
        pair: PairBody,
        reference: Reference,
        *,
        judged: tuple[int, ...] = (0, 1),
        start: PairState | None = None,
        engine: str = BUILT_IN,
    ) -> None:
        self.pair, self.reference, self.judged = pair, reference, judged
        self.control_steps = self.began = 0
        self._simulation, self._frame = (
            RecordedSimulation(pair, start or settled_start(pair, reference, engine), engine),
            0,
        )

    @abstractmethod
    def advance(self) -> None:
        """Carry one or more control frames out."""

    def run(self, on_progress: Callable[[int, int], None] | None = None, *, stop_at: float = np.inf) -> Recording:
        """Play the whole reference; called again, go on where it was left.

        Args:
            on_progress: Called with (control frames done, of).
            stop_at: Mean deviation of a judged person [m] beyond which there is no point in going on.

        Returns:
            What happened, up to the end or to the first deviation over `stop_at`.
        """
        last = self.reference.n_frames - 1
        while self._frame < last:
            self.advance()
            if on_progress is not None:
                on_progress(self._frame, last)
            if self._deviation() > stop_at:
                break
        return self.recording()

    def disturb(self, disturbance: Disturbance) -> None:
        """Let something happen that nobody foresees (`RecordedSimulation.disturbance`)."""
        self._simulation.disturbance = disturbance

    def recording(self) -> Recording:
        """Return what happened so far."""
        return self._simulation.recording()

    def _deviation(self) -> float:
        """Deviation of the worse judged person from the reference now [m]."""
        at = self.reference.row(self._frame)
        apart = deviation(self._simulation.backend.positions(), self.reference.positions[at : at + 1])
        return float(apart[0, list(self.judged)].max())
