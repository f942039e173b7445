"""Answers a client is given: progress, previews, results, and where a job stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from controller_server.core.progress import Progress

if TYPE_CHECKING:
    from controller_server.clip.interaction import InteractionClip


@dataclass(frozen=True)
class JobProgress(Progress):
    """Progress of a job, as the server tells it.

    Attributes:
        eta_s: Time left until the result [s], of this stage alone where the server has no jobs to compare with; None
            if it cannot be told.
        elapsed_s: Time since a worker took the job [s].
    """

    eta_s: float | None = None
    elapsed_s: float = 0.0


@dataclass(frozen=True)
class Preview:
    """The part of a motion that is simulated so far.

    Attributes:
        stage: The attempt at work.
        time: Since the clip's first frame [s], shape (S,).
        positions: Joint positions of both people [m], shape (S, 2, B, 3).
        joints: SMPL-X joint index of each of the B, shape (B,).
    """

    stage: str
    time: np.ndarray
    positions: np.ndarray
    joints: np.ndarray


@dataclass(frozen=True)
class JobResult:
    """Outcome of a job.

    Attributes:
        job: Its id.
        text: Text entries of the result file.
        arrays: Arrays of the result file (docs/results.md), the simulated clip's among them.
        seconds: What the worker took [s]; None if it is not known.
    """

    job: str
    text: Mapping[str, str]
    arrays: Mapping[str, np.ndarray]
    seconds: float | None = None

    @property
    def clip(self) -> InteractionClip:
        """The simulated clip: frames, rate and fields of the input."""
        from .payload import clip_from_payload

        return clip_from_payload(self.text, self.arrays)

    @property
    def meta(self) -> dict[str, Any]:
        """Scores, attempts, settings, versions, notes: `result_meta` of docs/results.md."""
        return json.loads(self.text["result_meta"])

    @property
    def verdict(self) -> str:
        """In one word: success, assisted or failed."""
        from .payload import verdict_of

        return verdict_of(self.text)

    def write(self, path: str | Path) -> list[Path]:
        """Write what `assistmimic convert` would have written. Raises AssistMimicError."""
        from controller_server.clip.io.formats import write_clip

        from .payload import join_text

        extra = {name: array for name, array in join_text(self.text, self.arrays).items() if name.startswith("result_")}
        return write_clip(path, self.clip, extra=extra)


@dataclass(frozen=True)
class JobInfo:
    """Progress of a job.

    Attributes:
        job: Its id.
        name: What its client calls it, or "".
        client: Who submitted it.
        verdict: Of its result: success, assisted or failed; "" without one.
        state: queued, running, done, failed or cancelled.
        engine: It runs on.
        frames: Number of frames of its clip.
        created: When it was accepted, seconds since 1970.
        started: When a worker took it, or None.
        ended: When it ended, or None.
        seconds: It took the worker [s], or None.
        attempts: Workers that died over it.
        position: Jobs of the same client before it.
        ahead: Jobs of everybody that are begun before it; None where it does not wait.
        kept: Whether its result is still there.
        stage: What is being done, or "".
        done: Units done of the stage.
        total: Units of the stage.
        code: Of its failure, or "".
        message: About its failure, or "".
    """

    job: str
    state: str
    engine: str
    frames: int
    created: float
    started: float | None
    ended: float | None
    seconds: float | None
    attempts: int
    position: int
    kept: bool
    stage: str = ""
    done: int = 0
    total: int = 0
    code: str = ""
    message: str = ""
    ahead: int | None = None
    name: str = ""
    client: str = ""
    verdict: str = ""

    @staticmethod
    def of(record: Mapping[str, Any]) -> JobInfo:
        """From what the server says; what this client does not know is left out."""
        known = JobInfo.__dataclass_fields__
        return JobInfo(**{name: value for name, value in record.items() if name in known})
