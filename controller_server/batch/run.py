"""A batch from its first clip to its summary: claims, orders, ends, second tries, progress."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from controller_server.core.progress import OnProgress, Progress, ignore_progress
from controller_server.core.validation import plain_values
from controller_server.pipeline.job import Fault

from .claim_owner import Owner
from .engine import Ended, Engine, LocalEngine
from .ledger import Claim, Ledger
from .options import BatchOptions
from .plan import Task, make_plan, with_whole_paths
from .summary import write_summary
from .work import ERROR, FAILURE, RESULT, Order, error_status

_TURN_S = 0.1
_LOOK_AGAIN_S = 2.0  # at clips other processes work on
_SUMMARY_EVERY_S = 60.0
OnEnd = Callable[[dict[str, Any], "Counts"], None]
"""Told how each clip of this run ended, and where the batch is."""


@dataclass
class Counts:
    """Progress of a batch.

    Attributes:
        total: Clips of this shard.
        before: Of them, those that had ended before this run.
        here: That ended in this run.
        elsewhere: That other processes ended meanwhile.
        ends: All ends so far, those before included: result, failure, error.
        carried: Results without outside help, those before included.
        started: When this run began [monotonic s].
    """

    total: int
    before: int = 0
    here: int = 0
    elsewhere: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    carried: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def ended(self) -> int:
        """All that have ended."""
        return self.before + self.here + self.elsewhere

    @property
    def rate(self) -> float:
        """Clips a second, of this run."""
        return (self.here + self.elsewhere) / max(time.monotonic() - self.started, 1e-6)

    @property
    def eta_s(self) -> float | None:
        """Time left [s]; None where it cannot be told."""
        return (self.total - self.ended) / self.rate if self.here + self.elsewhere else None

    def add(self, status: dict[str, Any]) -> None:
        """Count an end."""
        self.ends[status["end"]] += 1
        self.carried += status.get("verdict") == "success"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for people and farms."""
        simulated = self.ends[RESULT] + self.ends[FAILURE]
        return {
            "clips": self.total,
            "ended": self.ended,
            "before": self.before,
            "here": self.here,
            "elsewhere": self.elsewhere,
            "results": self.ends[RESULT],
            "failures": self.ends[FAILURE],
            "errors": self.ends[ERROR],
            "carried": self.carried,
            "carried_share": self.carried / simulated if simulated else None,
            "clips_per_hour": 3600 * self.rate,
            "eta_s": self.eta_s,
            "seconds": time.monotonic() - self.started,
        }


def run_batch(
    options: BatchOptions,
    *,
    engine: Engine | None = None,
    on_progress: OnProgress = ignore_progress,
    on_end: OnEnd = lambda status, counts: None,
    on_start: Callable[[Counts], None] = lambda counts: None,
) -> Counts:
    """Carry out what is missing of a batch.

    Args:
        options: All choices.
        engine: Who carries clips out; by default as the options say. It is closed at the end.
        on_progress: Told how many clips have ended.
        on_end: Told how each clip ended.
        on_start: Told what there is to do.

    Returns:
        Where the batch is: every clip of the shard has ended.

    Raises:
        AssistMimicError: there are no clips, nothing can be written, or no worker starts.
        KeyboardInterrupt: on Ctrl-C; what has ended stays, what has not is free for the next run.
    """
    options = with_whole_paths(options)
    tasks = make_plan(options)
    ledger = Ledger(options.out)
    run = _Run(options, tasks, ledger, on_progress, on_end)
    try:
        on_start(run.counts)
        if run.missing:
            run.carry_out(engine or _engine(options))
    finally:
        ledger.close()
        write_summary(options, tasks, ledger)
    return run.counts


def _engine(options: BatchOptions) -> Engine:
    if options.cluster:
        from .ray_engine import RayEngine

        return RayEngine(options.cluster)
    return LocalEngine(options.workers, int(1e9 * options.worker_memory_gb))


class _Run:
    """One run over the clips of a shard."""

    def __init__(
        self, options: BatchOptions, tasks: Sequence[Task], ledger: Ledger, on_progress: OnProgress, on_end: OnEnd
    ) -> None:
        self._options, self._tasks, self._ledger = options, tasks, ledger
        self._on_progress, self._on_end = on_progress, on_end
        self.counts, self.missing = Counts(len(tasks)), deque[Task]()
        self._held: dict[str, tuple[Claim, int]] = {}  # by key: the claim, and how often a worker died over it
        self._suspects: deque[Claim] = deque()
        self._others: list[Task] = []
        self._owner, self._settings = Owner.this(), plain_values(options.settings.to_dict())
        self._next_summary, self._next_look = time.monotonic() + _SUMMARY_EVERY_S, 0.0
        for task in tasks:
            status = ledger.ended(task)
            if status is None:
                self.missing.append(task)
            else:
                self.counts.before += 1
                self.counts.add(status)

    def carry_out(self, engine: Engine) -> None:
        """Carry out what is missing."""
        try:
            self._tell()
            while self.missing or self._held or self._suspects or self._others:
                self._hand_in(engine)
                for ended in engine.wait(_TURN_S):
                    self._on_news(ended)
                self._ledger.beat()
                self._look_at_others()
                if time.monotonic() > self._next_summary:
                    write_summary(self._options, self._tasks, self._ledger)
                    self._next_summary = time.monotonic() + _SUMMARY_EVERY_S
        finally:
            engine.close()

    def _hand_in(self, engine: Engine) -> None:
        """Give the engine as much as it can take; a clip that killed its worker waits until it can be alone."""
        while self.missing and engine.free > 0:
            task = self.missing.popleft()
            claim = self._ledger.claim(task)
            if claim is None:
                self._others.append(task)
                continue
            self._held[task.key] = (claim, 0)
            engine.submit(self._order(task))
        if not self.missing and not self._held and self._suspects:
            claim = self._suspects.popleft()
            self._held[claim.task.key] = (claim, 1)
            engine.submit(self._order(claim.task), alone=True)

    def _order(self, task: Task) -> Order:
        options = self._options
        read = {**plain_values(vars(options.read))}
        read |= {name: None if read[name] is None else str(read[name]) for name in ("joint_map", "body_model")}
        if task.clip is not None:
            read["clip"] = task.clip
        files = tuple(map(str, task.files))
        out, settings = str(options.out), self._settings
        return Order(
            task.name, task.key, files, out, options.write, vars(options.writing), options.report, settings, read
        )

    def _on_news(self, ended: Ended) -> None:
        claim, deaths = self._held.pop(ended.key)
        status = ended.status
        if status is None:
            fault = ended.fault or Fault("internal", "the worker gave no answer")
            if deaths == 0:
                self._suspects.append(claim)
                return
            told = Fault(fault.code, f"{fault.message}, twice over this clip, the second time alone", fault.detail)
            status = error_status(claim.task.name, claim.task.key, told)
        self._end(claim, {**status, "tries": deaths + 1})

    def _end(self, claim: Claim, status: dict[str, Any]) -> None:
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        files = [path.name for path in claim.task.files]
        status = {**status, "input": files, "ended": now, "host": self._owner.host, "common": claim.task.common}
        if not self._ledger.finish(claim, status):
            self._others.append(claim.task)  # taken over while this process seemed dead
            return
        self.counts.here += 1
        self.counts.add(status)
        self._on_end(status, self.counts)
        self._tell()

    def _look_at_others(self) -> None:
        """See what became of the clips other processes worked on; what they left is to be done here."""
        if not self._others or time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + _LOOK_AGAIN_S
        others, self._others = self._others, []
        for task in others:
            status = self._ledger.ended(task) or self._ledger.read(task.identity)
            if status is not None and status.get("key") == task.key:
                self.counts.elsewhere += 1
                self.counts.add(status)
                self._tell()
            else:
                self.missing.append(task)

    def _tell(self) -> None:
        counts = self.counts
        simulated = counts.ends[RESULT] + counts.ends[FAILURE]
        note = f"{counts.carried} of {simulated} carried" if simulated else ""
        if counts.ends[ERROR]:
            note += f"{', ' if note else ''}errors: {counts.ends[ERROR]}"
        done, of = counts.here + counts.elsewhere, counts.total - counts.before
        self._on_progress(Progress("batch", done, of, "clips", note))
