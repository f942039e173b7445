"""Verdicts on trials: recorded one by one as `convert` records, and judged by `metrics.verdict`."""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip
from controller_server.control.playback import GIVE_UP_DEVIATION
from controller_server.control.policy.bundle import PolicyBundle
from controller_server.control.policy.policy import Playback, PolicyBase
from controller_server.control.reference.reference import Reference
from controller_server.control.reference.start import settled_start
from controller_server.core.errors import SimulationDiverged
from controller_server.metrics.holding import input_holds
from controller_server.metrics.verdict import Judge, Verdict
from controller_server.physics.engines import BUILT_IN

from .conditions import Conditions, Dynamics, TrialSample


@dataclass(frozen=True)
class VerdictTrials:
    """Everything that trials under one dynamics have in common; worked out once in each process.

    Attributes:
        judge: Of the recordings, with the bodies under these dynamics.
        pair: The bodies the policy knows.
        reference: What is followed; where the clip ends at rest it goes on beyond the end, held still.
        bundle: The policy.
        dynamics: What is unlike training.
        draw: What chance gave.
        engine: Name of the engine.
    """

    judge: Judge
    pair: PairBody
    reference: Reference
    bundle: PolicyBundle
    dynamics: Dynamics
    draw: TrialSample
    engine: str = BUILT_IN

    @staticmethod
    def of(
        source: InteractionClip,
        prepared: InteractionClip,
        pair: PairBody,
        bundle: PolicyBundle,
        conditions: Conditions,
        dynamics: Dynamics | None = None,
    ) -> VerdictTrials:
        """Return the trials of `trials.run_trials` under the same conditions, to be recorded.

        `source` is the clip as read.
        """
        dynamics = dynamics or Dynamics()
        recipient = replace(pair.recipient, strength=dynamics.recipient(pair.recipient.strength))
        holds = input_holds(source, bundle.card.prepare.grips)
        judge = Judge(prepared, replace(pair, recipient=recipient), holds)
        beyond = round(judge.limits.beyond_s * pair.control_hz) if judge.at_rest else 0
        reference = Reference.of(prepared, pair, extra_frames=beyond)
        start = settled_start(pair, reference, conditions.engine)
        draw = TrialSample.of(start, pair, conditions.trials, conditions.seed, conditions.noise)
        return VerdictTrials(judge, pair, reference, bundle, dynamics, draw, conditions.engine)

    def __call__(self, trial: int) -> Verdict:
        """Play one trial and judge it; who is hopelessly lost is judged as far as they came."""
        draw, push = self.draw, self.dynamics.push
        pair = self.judge.pair
        world = replace(pair, friction=pair.friction * float(draw.friction[trial]))
        base = PolicyBase(self.pair, self.reference, self.bundle)
        player = Playback(world, self.reference, base, start=draw.state[trial : trial + 1], engine=self.engine)
        if push is not None:
            player.disturb(lambda time: draw.wrench(push, time, self.judge.prepared.duration)[trial])
        with suppress(SimulationDiverged):
            player.run(stop_at=GIVE_UP_DEVIATION)
        return self.judge(player.recording())


def judge_trials(
    trials: VerdictTrials, *, threads: int = 0, on_trial: Callable[[int, int], None] | None = None
) -> list[Verdict]:
    """Play and judge all trials.

    Args:
        trials: What is played.
        threads: Processes; 0 takes one for every core. Verdicts do not depend on it.
        on_trial: Called with (trials done, of).
    """
    count = len(trials.draw.friction)
    verdicts = []
    with _workers(trials, min(threads or os.cpu_count() or 1, count)) as run:
        for verdict in run(range(count)):
            verdicts.append(verdict)
            if on_trial is not None:
                on_trial(len(verdicts), count)
    return verdicts


def failed_criteria(verdicts: Sequence[Verdict]) -> dict[str, int]:
    """In how many trials each criterion failed, the most frequent first."""
    return dict(Counter(criterion.name for verdict in verdicts for criterion in verdict.failed).most_common())


@contextmanager
def _workers(trials: VerdictTrials, processes: int) -> Iterator[Callable[[Sequence[int]], Iterator[Verdict]]]:
    """Give something that plays trials, in order: here, or in processes of their own."""
    if processes < 2:
        yield lambda numbers: map(trials, numbers)
        return
    context = multiprocessing.get_context("spawn")  # threads of an engine do not survive a fork
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(processes, context, _be_given, (trials,))
    try:
        yield lambda numbers: pool.map(_play, numbers)
    except BaseException:
        # Who is interrupted does not wait for trials that are being played; interrupted once more while waiting, the
        # pool would never end.
        for process in set(multiprocessing.active_children()) - others:
            process.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


_given: list[VerdictTrials] = []  # of this process


def _be_given(trials: VerdictTrials) -> None:
    _given[:] = [trials]


def _play(trial: int) -> Verdict:
    return _given[0](trial)
