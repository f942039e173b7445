"""Progress on the terminal: a bar with rate and time left, or plain lines where there is no terminal."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from ..progress import Progress

_SECONDS_BETWEEN_LINES = 10.0


class TerminalProgress:
    """Shows the progress of one job on stderr; use as a context manager and call with each `Progress`."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None
        self._stage = ""
        self._started = self._last_line = time.monotonic()

    def __enter__(self) -> TerminalProgress:
        if self.console.is_terminal:
            self._bar = RichProgress(
                TextColumn("{task.description:>9}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
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
        if self._bar is None:
            if is_new or now - self._last_line > _SECONDS_BETWEEN_LINES:
                self._last_line = now
                self.console.print(plain_line(progress, now - self._started), highlight=False)
            return
        total = progress.total or None
        if is_new or self._task is None:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(progress.stage, total=total, rate="", note="")
        rate = rate_text(progress, now - self._started)
        self._bar.update(self._task, completed=progress.done, total=total, rate=rate, note=progress.note)


def rate_text(progress: Progress, seconds: float) -> str:
    """How many units a second, "" before the first."""
    if not progress.done or seconds <= 0:
        return ""
    rate = progress.done / seconds
    return f"{rate:.1f} {progress.unit}/s" if rate >= 0.1 else f"{3600 * rate:.0f} {progress.unit}/h"


def plain_line(progress: Progress, seconds: float) -> str:
    """One line for a log: stage, count, rate, time left."""
    if not progress.total:
        return f"{progress.stage} ..."
    line = f"{progress.stage} {progress.done}/{progress.total} {progress.unit}"
    if progress.done and seconds > 0:
        left = seconds / progress.done * (progress.total - progress.done)
        line += f", {rate_text(progress, seconds)}, {left:.0f} s left"
    return f"{line}, {progress.note}" if progress.note else line
