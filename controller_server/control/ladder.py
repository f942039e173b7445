"""The ladder of controllers: the first rung that carries the clip wins, and says why the lower ones did not."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from ..body.pair import PairBody
from ..clip.interaction import InteractionClip
from ..errors import SimulationDiverged
from ..frames import until_end
from ..measure.ending import HELD_STILL, ends_at_rest
from ..physics.recording import Recording
from ..progress import OnMotion
from .attempt import Attempt, judge_attempt
from .choice import choose_policy
from .reference import Reference
from .rungs import Climb, Rung, rungs
from .runner import Runner
from .settings import ControlSettings

_HOPELESS = 0.3  # mean deviation [m] at which a rung gives up


@dataclass(frozen=True)
class Outcome:
    """The ladder's result: the recording of the rung it stands on, and every attempt in order.

    Attributes:
        recording: What happened. Where the clip ends at rest it goes on beyond that end, held still.
        controller: Name of the rung.
        success: Whether it carried the clip.
        attempts: Of every rung tried.
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

    def __init__(self, outcome: Outcome) -> None:
        super().__init__("interrupted")
        self.outcome = outcome


def run_ladder(
    clip: InteractionClip,
    pair: PairBody,
    settings: ControlSettings | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
    on_motion: OnMotion | None = None,
) -> Outcome:
    """Carry a prepared clip out.

    Args:
        clip: Prepared.
        pair: The bodies of its people.
        settings: How to steer.
        on_progress: Called with (rung, control frames done, of), those beyond the clip's end included. What it raises
            ends the work.
        on_motion: Called after that with the rung and a function that gives what was simulated of the clip so far.

    Returns:
        The first rung that succeeded; if none did, the one that held out longest, played to the clip's end. It
        goes on beyond it where the clip ends at rest (`measure.ending`): who stands there has to go on standing.

    Raises:
        AssistMimicError: the policy asked for is not there or does not fit.
        ControlInterrupted: on Ctrl-C, with the rung that held out longest until then; before there is one, plain
            KeyboardInterrupt.
        SimulationDiverged: the clip's own start cannot be simulated.
    """
    settings = settings or ControlSettings()
    chosen = choose_policy(pair, settings)
    beyond = round(HELD_STILL * pair.control_hz) if ends_at_rest(clip, pair) else 0
    reference = Reference.of(clip, pair, extra_frames=beyond)
    climb = Climb()

    def outcome(recording: Recording, rung: Rung, success: bool) -> Outcome:
        notes = tuple(f"left out: {problem}" for problem in chosen.problems)
        if not rung.policy or chosen.bundle is None:
            return Outcome(recording, rung.name, success, tuple(climb.attempts), notes=notes)
        name, sha256 = chosen.bundle.card.name, chosen.bundle.sha256
        notes = (*notes, chosen.differences) if chosen.differences else notes
        return Outcome(recording, rung.name, success, tuple(climb.attempts), name, sha256, notes)

    def reporter(rung: Rung, runner: Runner) -> Callable[[int, int], None]:
        def report(frame: int, of: int) -> None:
            if on_progress is not None:
                on_progress(rung.name, frame, of)
            if on_motion is not None:
                on_motion(rung.name, lambda: until_end(runner.recording(), clip))

        return report

    def judged(recording: Recording, rung: Rung, runner: Runner, started: float) -> Attempt:
        took = time.perf_counter() - started
        attempt = judge_attempt(rung.name, clip, recording, settings.judged, took, runner.control_steps)
        since = f"from {runner.began / reference.hz:.1f} s on: " if runner.began else ""
        return replace(attempt, reason=since + attempt.reason)

    def interrupted() -> ControlInterrupted:
        assert climb.best is not None
        _, rung, runner = climb.best
        return ControlInterrupted(outcome(runner.recording(), rung, False))

    diverged: SimulationDiverged | None = None
    for rung in rungs(pair, reference, settings, chosen, climb):
        started, runner = time.perf_counter(), None
        try:
            runner = rung.build()
            recording = runner.run(reporter(rung, runner), stop_at=_HOPELESS)
        except KeyboardInterrupt:
            if runner is not None:
                recording = runner.recording()
                reason = f"interrupted at {recording.time[-1]:.1f} s"
                attempt = replace(judged(recording, rung, runner, started), success=False, reason=reason)
                climb.add(attempt, rung, runner)
            if climb.best is None:
                raise
            raise interrupted() from None
        except SimulationDiverged as error:
            assert runner is not None  # nobody is simulated before that
            recording, diverged = runner.recording(), error
        attempt = judged(recording, rung, runner, started)
        climb.add(attempt, rung, runner)
        if attempt.success:
            return outcome(recording, rung, True)
    assert climb.best is not None
    _, rung, runner = climb.best
    if diverged is not None and runner.recording().time[-1] < 1 / reference.hz:
        raise diverged
    try:
        recording = runner.run(reporter(rung, runner))  # a failure is shown whole
    except KeyboardInterrupt:
        raise interrupted() from None
    except SimulationDiverged:
        recording = runner.recording()
    return outcome(recording, rung, False)
