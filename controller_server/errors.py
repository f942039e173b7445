"""The one error a user is meant to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .physics.backend import Steps


class AssistMimicError(ValueError):
    """Bad input or an impossible request: one sentence that says what, where and how to mend it.

    The command line prints it as a single line and exits with 2; the server sends it to the client.
    Anything else that escapes is a bug of ours and keeps its traceback.
    """


class SimulationDiverged(RuntimeError):
    """A simulated world left the realm of numbers.

    Attributes:
        world: Index of the world in its batch.
        time: Simulated time of the first warning [s].
        dump: `.npz` with the world, or None; its `state` is the last sound one, as `restore` takes it.
        steps: What `Backend.record` had read before; None from `step`.
    """

    def __init__(self, message: str, *, world: int, time: float, dump: str | None = None) -> None:
        super().__init__(message)
        self.world, self.time, self.dump = world, time, dump
        self.steps: Steps | None = None
