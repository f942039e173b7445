"""Time left of a conversion: by the speed of each of its stages, measured in it and in those before it.

Frames of one clip cost very differently: where the prepared motion carries people by itself a search has nothing to do.
So the frames done so far say little of those to come; the same clip, done before, says most, the mean of other clips on
the same machine a little.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path

from controller_server.core.progress import Progress
from controller_server.core.whole_file import replace_file

FILE = "pace.json"
_NEW = 0.3
"""Share of the latest conversion in what is kept."""
_KEPT = 200
"""Kinds of conversions, and clips of them."""
_WRITE_EVERY = 60.0
_OVERDUE = 0.1
"""Share of what is usual that is left, at least, as long as nothing else is known."""
_SHORTEST = 15
"""Frames of a clip that says something about others."""
_USUAL = 0.3
"""Weight of what is usual beside what is measured, in clips."""
PREPARE, STEER, MEASURE = "prepare", "steer", "measure"

Pace = Mapping[str, float]
"""Seconds for a frame of the clip, by phase: prepare, steer (all controllers that are tried), measure."""


class PaceBook:
    """Measured times, by the kind of conversion.

    Args:
        path: Where it is kept; None keeps it in memory alone.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path, self._known, self._next = path, _read(path), -math.inf

    def of(self, kind: str, clip: str = "") -> Pace:
        """Return the pace of a kind of conversion: of this clip, else of all; empty where none was measured.

        Args:
            kind: As `kind_of` gives it.
            clip: What tells the clip from others, if anything does.
        """
        return self._known.get(f"{kind} {clip}") or self._known.get(kind, {})

    def time_left(self, frames: int, now: float, kind: str, clip: str = "") -> TimeLeft:
        """Return what tells the time left of a conversion that begins; arguments are those of `TimeLeft` and `of`."""
        return TimeLeft(frames, self.of(kind, clip), now, known=f"{kind} {clip}" in self._known)

    def add(self, kind: str, pace: Pace, clip: str = "") -> None:
        """Take in a conversion that went to its end; written down at most once a minute, where that is possible."""
        if not pace:
            return
        for name in (f"{kind} {clip}", kind) if clip else (kind,):
            before = self._known.pop(name, {})
            mixed = {phase: _mixed(before.get(phase), new) for phase, new in pace.items()}
            self._known = {**dict(list(self._known.items())[-_KEPT:]), name: {**before, **mixed}}
        if self._path is not None and time.monotonic() > self._next:
            self._next = time.monotonic() + _WRITE_EVERY
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                replace_file(self._path, json.dumps(self._known).encode())
            except OSError:
                self._path = None


def _mixed(before: float | None, new: float) -> float:
    """Return the geometric mean of many, the latest weighing most: a clip that is lost takes five times as long."""
    new = max(new, 1e-6)
    return new if before is None else math.exp(_NEW * math.log(new) + (1 - _NEW) * math.log(max(before, 1e-6)))


def _read(path: Path | None) -> dict[str, dict[str, float]]:
    try:
        known = {} if path is None else json.loads(path.read_text(encoding="utf-8"))
        return {
            str(kind): {phase: float(pace[phase]) for phase in (PREPARE, STEER, MEASURE) if _is_pace(pace.get(phase))}
            for kind, pace in known.items()
        }
    except (OSError, ValueError, AttributeError, TypeError):  # there is none yet, or it is damaged
        return {}


def _is_pace(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value) and value >= 0


def kind_of(settings: Mapping[str, object], threads: int = 0) -> str:
    """Return what conversions have to have in common to take equally long for a frame."""
    said = [str(settings.get(name, "")) for name in ("engine", "controller", "quality", "hands")]
    return " ".join([*said, str(settings.get("threads") or threads)])


class TimeLeft:
    """The time left of one conversion.

    Args:
        frames: Number of frames of its clip.
        pace: Pace of conversions like it.
        now: When it began [s].
        known: Whether that is the pace of this very clip.
    """

    def __init__(self, frames: int, pace: Pace, now: float, *, known: bool = False) -> None:
        self._frames, self._pace, self._known = max(frames, 1), pace, known
        self._phase, self._stage = PREPARE, ""
        self._phase_since = self._stage_since = now
        self._stage_from = 0
        self._took: dict[str, float] = {}

    def __call__(self, progress: Progress, now: float) -> float | None:
        """Return the time left [s] until the result, or of this stage alone while nothing was measured before.

        Args:
            progress: The latest.
            now: On the same clock as `now` of the beginning [s].
        """
        phase = progress.stage if progress.stage in (PREPARE, MEASURE) else STEER
        if phase != self._phase:
            self._took[self._phase] = self._took.get(self._phase, 0.0) + now - self._phase_since
            self._phase, self._phase_since = phase, now
        if progress.stage != self._stage:
            self._stage, self._stage_since, self._stage_from = progress.stage, now, progress.done
        after = {PREPARE: (STEER, MEASURE), STEER: (MEASURE,), MEASURE: ()}[phase]
        if not all(name in self._pace for name in (phase, *after)):
            return self._of_stage(progress, now)
        rest = sum(self._pace[name] for name in after) * self._frames
        return self._of_phase(progress, now) + rest

    def _of_phase(self, progress: Progress, now: float) -> float:
        """Time left of a phase: what is left of what it takes usually, or less, or more, by the speed so far."""
        usual = self._pace[self._phase] * self._frames
        rest = usual - (now - self._phase_since)
        if not progress.total:
            return max(rest, _OVERDUE * usual)
        done, took = progress.done / progress.total, now - self._stage_since
        mixed = (1 - done) * (_USUAL * usual + took) / (_USUAL + done)
        if rest <= _OVERDUE * usual:
            return mixed
        return rest if self._known or mixed > rest else math.sqrt(rest * mixed)

    def _of_stage(self, progress: Progress, now: float) -> float | None:
        new = progress.done - self._stage_from
        if new <= 0 or progress.done > progress.total:
            return None
        return (now - self._stage_since) / new * (progress.total - progress.done)

    def measured(self, now: float) -> Pace:
        """Return the pace of this conversion, at its end; empty where it did not go through all phases, or is short."""
        took = {**self._took, self._phase: self._took.get(self._phase, 0.0) + now - self._phase_since}
        whole = len(took) == 3 and self._frames >= _SHORTEST
        return {phase: seconds / self._frames for phase, seconds in took.items()} if whole else {}
