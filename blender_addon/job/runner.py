# SPDX-License-Identifier: GPL-3.0-or-later
"""One job on a thread of its own. Blender only looks at it; nothing here waits for Blender."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from controller_server.clip.interaction import InteractionClip
from controller_server.core.errors import AssistMimicError
from controller_server.service.client.client import Client, JobProgress, JobResult, Preview, connect, new_job_id
from controller_server.service.protocol.errors import JobCancelled, JobFailed, ServerError, ServerLost


class JobState(str, Enum):
    """State of a job, seen from Blender."""

    STARTING = "starting"
    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"

    @property
    def has_ended(self) -> bool:
        """Whether the thread is through with it; a lost job can be asked for again."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED, JobState.LOST)


@dataclass(frozen=True)
class JobStatus:
    """Snapshot of a job.

    Attributes:
        state: Where it stands.
        stage: What is being done.
        done: Units done of the stage.
        total: Units of the stage, 0 if it cannot be told.
        unit: What is counted.
        eta_s: Time left until the result, or of the stage, as the server can tell [s]; None if it cannot.
        message: Why it ended without a result, or waits.
        detail: More, for a bug report.
    """

    state: JobState = JobState.STARTING
    stage: str = ""
    done: int = 0
    total: int = 0
    unit: str = "frames"
    eta_s: float | None = None
    message: str = ""
    detail: str = ""

    @property
    def factor(self) -> float:
        """Share of the stage that is done."""
        return self.done / self.total if self.total else 0.0

    @property
    def line(self) -> str:
        """For the progress bar."""
        if self.state is not JobState.RUNNING:
            waiting = self.message[:1].upper() + self.message[1:] or "Waiting for its turn"
            said = {JobState.STARTING: "Starting the engine", JobState.QUEUED: waiting}
            return said.get(self.state, self.state.value.capitalize())
        count = f" {self.done} of {self.total} {self.unit}" if self.total else ""
        left = f", {self.eta_s:.0f} s left" if self.eta_s is not None else ""
        return f"{self.stage.capitalize()}{count}{left}"


Connect = Callable[[], Client]
"""Gives a connection to a server, starting one if need be."""


class Job:
    """A clip on its way to a server and back.

    Args:
        connect: How to reach the server; called on the thread.
        clip: What to simulate; None to ask for a job that was handed in before.
        settings: As `ConvertSettings.to_dict` gives them.
        job: Its id, to ask for it again.
        engine: Name of the server's engine, its default otherwise.
        keep: Called with the result on the thread, before the job is done.
        alone: Cancel whatever else the server still has to do: it is this Blender's own, and left from another day.
        frames: Frames of the scene that are simulated: progress is told in them, whatever rate the engine works at.
    """

    def __init__(
        self,
        connect: Connect,
        clip: InteractionClip | None,
        settings: Mapping[str, Any],
        *,
        job: str = "",
        engine: str = "",
        keep: Callable[[JobResult], None] | None = None,
        alone: bool = False,
        frames: int = 0,
    ) -> None:
        self.id = job or new_job_id()
        self.status = JobStatus()
        self.preview: Preview | None = None
        self.result: JobResult | None = None
        self.started = time.monotonic()
        self.first_news: float | None = None
        self._connect, self._clip, self._settings, self._engine = connect, clip, dict(settings), engine
        self._keep, self._alone, self._frames = keep, alone, frames
        self._cancel, self._leave = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"assistmimic-{self.id[:8]}", daemon=True)

    def start(self) -> None:
        """Let it run."""
        self._thread.start()

    def cancel(self) -> None:
        """Ask for its end; it is cancelled once the server confirms."""
        self._cancel.set()
        if not self.status.state.has_ended:
            self.status = replace(self.status, state=JobState.CANCELLING)

    def leave(self) -> None:
        """Let go of the job without cancelling it; it can be asked for again under its id."""
        self._leave.set()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the thread; whether it has ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            if self._cancel.is_set():
                raise JobCancelled(self.id)
            with self._connect() as client:
                self._set(JobState.QUEUED)
                result = self._follow(client)
            if self._keep is not None:
                self._keep(result)
            self.result = result
            self._set(JobState.DONE)
        except JobCancelled:
            self._set(JobState.CANCELLED, message="cancelled")
        except ServerLost as error:
            self._set(JobState.LOST, message=str(error))
        except _Left:
            self._set(JobState.LOST, message=f"job {self.id} was left behind")
        except (JobFailed, ServerError) as error:
            self._set(JobState.FAILED, message=str(error), detail=error.detail)
        except AssistMimicError as error:
            self._set(JobState.FAILED, message=str(error))
        except Exception as error:  # a thread that dies silently would leave the bar running for ever
            self._set(JobState.FAILED, message=f"{type(error).__name__}: {error}")

    def _follow(self, client: Client) -> JobResult:
        if self._clip is not None:
            if self._alone:
                _cancel_others(client)
            client.submit(self._clip, self._settings, job=self.id, engine=self._engine)
        return client.wait(
            self.id, on_progress=self._progress, on_preview=self._preview, should_cancel=self._should_cancel
        )

    def _should_cancel(self) -> bool:
        if self._leave.is_set():
            raise _Left
        return self._cancel.is_set()

    def _set(self, state: JobState, *, message: str = "", detail: str = "") -> None:
        if state.has_ended or not self._cancel.is_set():
            self.status = replace(self.status, state=state, message=message, detail=detail)

    def _progress(self, news: JobProgress) -> None:
        if news.stage == JobState.QUEUED.value:
            if not self._cancel.is_set():
                self.status = JobStatus(JobState.QUEUED, message=news.note)
            return
        if self.first_news is None:
            self.first_news = time.monotonic()
        state = JobState.CANCELLING if self._cancel.is_set() else JobState.RUNNING
        done, total = news.done, news.total
        if news.unit == "frames" and total and self._frames:
            done, total = round(done * self._frames / total), self._frames
        self.status = JobStatus(state, news.stage, done, total, news.unit, news.eta_s)

    def _preview(self, preview: Preview) -> None:
        self.preview = preview


class _Left(Exception):
    """Whoever waited for the job went away."""


def _cancel_others(client: Client) -> None:
    for info in client.jobs():
        if info.state in ("queued", "running"):
            with contextlib.suppress(ServerError):  # it has just ended
                client.cancel(info.job)


def remote_connection(endpoint: str, key: str = "") -> Connect:
    """Return how to reach a server somewhere else."""
    return lambda: connect(endpoint, key=key or None, name="Blender")
