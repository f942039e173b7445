"""The fallback strategies: tried one after the other until a result is good; if none is, the best is kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip
from controller_server.control.playback import GIVE_UP_DEVIATION, Runner
from controller_server.control.reference.reference import Reference
from controller_server.core.errors import SimulationDiverged
from controller_server.metrics.verdict import Judge
from controller_server.physics.recorded_frames import until_end
from controller_server.physics.recording import OnMotion, Recording

from .attempt import Attempt, judge_attempt
from .controllers import Builder
from .policy_choice import Chosen, choose_policy
from .settings import ControlSettings
from .strategy import Choices, Strategy, Tried, best_of, next_strategy


@dataclass(frozen=True)
class FallbackResult:
    """The result: the recording of the attempt it stands on, and every attempt in order.

    Attributes:
        recording: What happened. Where the clip ends at rest it goes on beyond that end, held still.
        controller: Name of the attempt.
        success: Whether it is usable (`metrics.verdict`).
        attempts: Of every attempt tried.
        policy: Name of the policy that had a part in it; empty if none had.
        policy_sha256: Of its weights.
        notes: What the user should know about policies: how this one's training differs, which could not be used.
    """

    recording: Recording
    controller: str
    success: bool
    attempts: tuple[Attempt, ...]
    policy: str = ""
    policy_sha256: str = ""
    notes: tuple[str, ...] = ()


class ControlInterrupted(KeyboardInterrupt):
    """Somebody pressed Ctrl-C; `outcome` holds what was simulated until then."""

    def __init__(self, outcome: FallbackResult) -> None:
        super().__init__("interrupted")
        self.outcome = outcome


def run_strategies(
    clip: InteractionClip,
    pair: PairBody,
    settings: ControlSettings | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
    on_motion: OnMotion | None = None,
    judge: Judge | None = None,
) -> FallbackResult:
    """Carry a prepared clip out.

    Args:
        clip: Prepared.
        pair: The bodies of its people.
        settings: Settings of the steering.
        on_progress: Called with (attempt, control frames done, of), those beyond the clip's end included. What it
            raises ends the work.
        on_motion: Called after that with the attempt and a function that gives what was simulated of the clip so far.
        judge: Of the results; by default one who knows of no holds in the input.

    Returns:
        The first attempt that is a success or, where help was needed, that followed the clip with it; if there is none,
        the one with the best score (`Verdict.score`), played to the clip's end. It goes on beyond that end where the
        clip ends at rest: who stands there has to go on standing.

    Raises:
        AssistMimicError: the policy asked for is not there or does not fit.
        ControlInterrupted: on Ctrl-C, with the best attempt until then; before there is one, plain KeyboardInterrupt.
        SimulationDiverged: the clip's own start cannot be simulated.
    """
    settings = settings or ControlSettings()
    chosen = choose_policy(pair, settings)
    judge = judge or Judge(clip, pair, judged=settings.judged)
    return _StrategyRun(judge, settings, chosen, on_progress, on_motion).run()


class _StrategyRun:
    """One run; the arguments are those of `run_strategies`."""

    def __init__(
        self,
        judge: Judge,
        settings: ControlSettings,
        chosen: Chosen,
        on_progress: Callable[[str, int, int], None] | None,
        on_motion: OnMotion | None,
    ) -> None:
        self._judge, self._settings, self._chosen = judge, settings, chosen
        self._on_progress, self._on_motion = on_progress, on_motion
        beyond = round(judge.limits.beyond_s * judge.pair.control_hz) if judge.at_rest else 0
        self._reference = Reference.of(judge.prepared, judge.pair, extra_frames=beyond)
        self._build = Builder(judge.pair, self._reference, settings, chosen.bundle)
        self._tried: list[Tried] = []
        self._best: tuple[Tried, Runner] | None = None

    def run(self) -> FallbackResult:
        """Try what there is to try."""
        diverged: SimulationDiverged | None = None
        while (strategy := next_strategy(self._tried, self._choices)) is not None:
            diverged = self._try(strategy) or diverged
        assert self._best is not None
        _, runner = self._best
        if diverged is not None and runner.recording().time[-1] < 1 / self._reference.hz:
            raise diverged
        try:
            recording = runner.run(self._reporter(self._best[0].strategy, runner))  # a failure is shown whole
        except KeyboardInterrupt:
            raise self._interrupted() from None
        except SimulationDiverged:
            recording = runner.recording()
        return self._outcome(recording)

    @property
    def _choices(self) -> Choices:
        settings, chosen = self._settings, self._chosen
        return Choices(
            controller=settings.controller,
            policy=chosen.bundle is not None,
            known=chosen.exact,
            named=bool(settings.policy),
            draft=settings.quality == "draft",
        )

    def _try(self, strategy: Strategy) -> SimulationDiverged | None:
        """Carry out one strategy and keep what came of it; returns how the simulation broke off, if it did."""
        started, runner = time.perf_counter(), None
        try:
            best, failed_at = (None, None) if self._best is None else (self._best[1], self._best[0].attempt.failed_at)
            runner = self._build(strategy, best, failed_at)
            runner.run(self._reporter(strategy, runner), stop_at=GIVE_UP_DEVIATION)
        except KeyboardInterrupt:
            if runner is not None:
                recording = runner.recording()
                attempt = self._judged(recording, strategy, runner, started)
                reason = f"interrupted at {recording.time[-1]:.1f} s"
                self._keep(strategy, runner, replace(attempt, success=False, reason=reason))
            if self._best is None:
                raise
            raise self._interrupted() from None
        except SimulationDiverged as error:
            assert runner is not None  # nobody is simulated before that
            self._keep(strategy, runner, self._judged(runner.recording(), strategy, runner, started))
            return error
        self._keep(strategy, runner, self._judged(runner.recording(), strategy, runner, started))
        return None

    def _judged(self, recording: Recording, strategy: Strategy, runner: Runner, started: float) -> Attempt:
        took = time.perf_counter() - started
        attempt = judge_attempt(strategy.name, self._judge, recording, took, runner.control_steps)
        since = f"from {runner.began / self._reference.hz:.1f} s on: " if runner.began else ""
        return replace(attempt, reason=since + attempt.reason)

    def _keep(self, strategy: Strategy, runner: Runner, attempt: Attempt) -> None:
        tried = Tried(strategy, attempt, runner.began)
        self._tried.append(tried)
        if best_of(self._tried) == len(self._tried) - 1:
            self._best = (tried, runner)

    def _reporter(self, strategy: Strategy, runner: Runner) -> Callable[[int, int], None]:
        def report(frame: int, of: int) -> None:
            if self._on_progress is not None:
                self._on_progress(strategy.name, frame, of)
            if self._on_motion is not None:
                self._on_motion(strategy.name, lambda: until_end(runner.recording(), self._judge.prepared))

        return report

    def _interrupted(self) -> ControlInterrupted:
        assert self._best is not None
        outcome = self._outcome(self._best[1].recording())
        return ControlInterrupted(replace(outcome, success=False))

    def _outcome(self, recording: Recording) -> FallbackResult:
        assert self._best is not None
        (strategy, attempt), chosen = (self._best[0].strategy, self._best[0].attempt), self._chosen
        outcome = FallbackResult(
            recording,
            strategy.name,
            attempt.success,
            tuple(tried.attempt for tried in self._tried),
            notes=tuple(f"left out: {problem}" for problem in chosen.problems),
        )
        if not strategy.policy or chosen.bundle is None:
            return outcome
        differences = (chosen.differences,) if chosen.differences else ()
        return replace(
            outcome,
            policy=chosen.bundle.card.name,
            policy_sha256=chosen.bundle.sha256,
            notes=(*outcome.notes, *differences),
        )
