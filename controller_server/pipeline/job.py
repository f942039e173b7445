"""One conversion as every worker carries it out, the server's and a batch's: a share of the cores, every end stated."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from controller_server.core.errors import AssistMimicError, SimulationDiverged
from controller_server.core.progress import OnProgress
from controller_server.physics.recording import OnMotion

if TYPE_CHECKING:
    from controller_server.clip.interaction import InteractionClip

    from .result import Result
    from .settings import ConvertSettings

_MESSAGE, _TRACE = 1000, 8000


@dataclass(frozen=True)
class Fault:
    """The reason why a job gave no result.

    Attributes:
        code: bad_input, diverged, out_of_memory or internal.
        message: In a sentence.
        detail: Where in the program it happened, for faults of the program alone.
    """

    code: str
    message: str
    detail: str = ""


def warm_up(engine: str) -> None:
    """Load what every job in an engine needs. Raises AssistMimicError where there is no such engine."""
    from controller_server.physics.engines import load_engine

    from . import convert, result  # noqa: F401

    load_engine(engine)


def simulate(
    clip: InteractionClip,
    settings: ConvertSettings,
    threads: int,
    on_progress: OnProgress,
    on_motion: OnMotion | None = None,
    *,
    notes: Sequence[str] = (),
) -> Result:
    """Convert a clip on a worker's share of the cores.

    Args:
        clip: The clip as read.
        settings: All choices.
        threads: Physics threads at most, 0 for no bound; the result does not depend on it.
        on_progress: Told how far it is; may raise.
        on_motion: Offered the motion as far as it is simulated.
        notes: Findings of reading.

    Raises:
        AssistMimicError: clip and settings do not fit.
        SimulationDiverged: the clip's first frame cannot be simulated.
    """
    from .convert import convert

    shared = replace(settings, threads=min(settings.threads, threads) or threads)
    result = convert(clip, shared, on_progress=on_progress, on_motion=on_motion, notes=notes)
    return replace(result, settings=settings)


def fault_of(error: Exception) -> Fault:
    """Return what to say about whatever ended a job. Call it where the error is handled: it takes the trace."""
    if isinstance(error, AssistMimicError):
        return Fault("bad_input", str(error))
    if isinstance(error, SimulationDiverged):
        return Fault("diverged", str(error))
    if isinstance(error, MemoryError):
        return Fault("out_of_memory", "the worker ran out of memory")
    said = f"a fault in the program: {type(error).__name__}: {error}"
    return Fault("internal", said[:_MESSAGE], traceback.format_exc()[-_TRACE:])
