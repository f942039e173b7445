"""Progress on the terminal: a bar with rate and time left, or plain lines where there is no terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as RichProgress

from controller_server.core.progress import Progress

_SECONDS_BETWEEN_LINES = 10.0


class TerminalProgress:
    """Shows the progress of one job on stderr; use as a context manager and call with each `Progress`.

    Args:
        console: Where to.
        time_left: Tells how long it will take [s] from a report and the time; by default the report itself, if it
            knows, or the speed of its stage.
    """

    def __init__(
        self, console: Console | None = None, time_left: Callable[[Progress, float], float | None] | None = None
    ) -> None:
        self.console, self._time_left = console or Console(stderr=True), time_left
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None
        self._stage = self._waits = ""
        self._started = self._last_line = time.monotonic()

    def __enter__(self) -> TerminalProgress:
        if self.console.is_terminal:
            self._bar = RichProgress(
                TextColumn("{task.description:>9}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TextColumn("{task.fields[left]}"),
                TextColumn("{task.fields[note]}"),
                console=self.console,
                transient=True,
            )
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, progress: Progress) -> None:
        """Show one report."""
        now = time.monotonic()
        is_new = progress.stage != self._stage
        if is_new:
            self._stage, self._started = progress.stage, now
        left = self._left(progress, now)
        if self._bar is None:
            waits = "" if progress.total else progress.note
            if is_new or waits != self._waits or now - self._last_line > _SECONDS_BETWEEN_LINES:
                self._last_line, self._waits = now, waits
                self.console.print(plain_line(progress, now - self._started, left), highlight=False)
            return
        total = progress.total or None
        if is_new or self._task is None:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(progress.stage, total=total, rate="", left="", note="")
        rate = rate_text(progress, now - self._started)
        rest = "" if left is None else f"{_clock(left)} left"
        self._bar.update(self._task, completed=progress.done, total=total, rate=rate, left=rest, note=progress.note)

    def _left(self, progress: Progress, now: float) -> float | None:
        if self._time_left is not None:
            return self._time_left(progress, now)
        seconds = now - self._started
        known = getattr(progress, "eta_s", None)
        if known is None and progress.done and progress.total and seconds > 0:
            known = seconds / progress.done * (progress.total - progress.done)
        return known


def _clock(seconds: float) -> str:
    """Seconds as minutes and seconds, or hours and minutes."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def rate_text(progress: Progress, seconds: float) -> str:
    """Return how many units a second, "" before the first."""
    if not progress.done or seconds <= 0:
        return ""
    rate = progress.done / seconds
    return f"{rate:.1f} {progress.unit}/s" if rate >= 0.1 else f"{3600 * rate:.0f} {progress.unit}/h"


def plain_line(progress: Progress, seconds: float, left: float | None = None) -> str:
    """Return one line for a log: stage, count, rate, time left."""
    rest = "" if left is None else f", {left:.0f} s left"
    note = f", {progress.note}" if progress.note else ""
    if not progress.total:
        return f"{progress.stage} ...{rest}{note}"
    rate = rate_text(progress, seconds)
    return f"{progress.stage} {progress.done}/{progress.total} {progress.unit}{f', {rate}' if rate else ''}{rest}{note}"
