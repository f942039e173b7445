"""The search: deterministic, better than bare targets, stoppable, assisted in the plan as in the execution."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from helpers.control_cases import TINY, standing
from helpers.motion_cases import squatting_pair

from controller_server.body.pair import PairBody
from controller_server.control.assist import Assistance
from controller_server.control.fallback import strategy
from controller_server.control.fallback.run import run_strategies
from controller_server.control.fallback.settings import ControlSettings
from controller_server.control.recorded_simulation import RecordedSimulation
from controller_server.control.reference.reference import Reference
from controller_server.control.reference.start import settled_start
from controller_server.control.search.search import Search
from controller_server.metrics.effort import GRAVITY
from controller_server.metrics.tracking import deviation
from controller_server.physics.recorded_frames import recording_to_clip
from controller_server.physics.recording import Recording


def same(a: Recording, b: Recording) -> bool:
    """Whether two recordings are equal bit for bit in every array."""
    return all(np.array_equal(getattr(a, field.name), getattr(b, field.name)) for field in fields(Recording))


def test_same_seed_same_motion():
    """Repeat a motion bit for bit, whatever the number of threads; find another one with another seed."""
    clip = squatting_pair(7)
    pair = PairBody.from_clip(clip)
    reference = Reference.of(clip, pair)
    first = Search(pair, reference, TINY, seed=3, threads=1).run()
    assert same(first, Search(pair, reference, TINY, seed=3, threads=1).run())
    assert same(first, Search(pair, reference, TINY, seed=3, threads=2).run())
    other = Search(pair, reference, TINY, seed=4, threads=1).run()
    assert not np.array_equal(first.positions, other.positions)
    np.testing.assert_array_equal(first.positions[0], other.positions[0])


def test_standing_is_tracked():
    """Keep two people who stand where they stand, and record every physics step of it."""
    clip, pair, reference = standing(16)
    calls: list[tuple[int, int]] = []
    search = Search(pair, reference, TINY, threads=1)
    recording = search.run(lambda done, of: calls.append((done, of)))
    assert calls[-1] == (15, 15)
    assert [done for done, _ in calls] == sorted({done for done, _ in calls})
    np.testing.assert_allclose(recording.time, np.arange(15 * pair.substeps + 1) / pair.physics_hz)
    assert deviation(recording_to_clip(recording, clip).joints, clip.joints).max() < 0.05
    assert not recording.wrench.any()
    assert search.control_steps == 5 * TINY.horizon  # five plans, all good as they were


def test_better_than_the_bare_targets():
    """Stay nearer to people who go down and up than targets without offsets and balance feedback do."""
    clip = squatting_pair(25)
    pair = PairBody.from_clip(clip)
    reference = Reference.of(clip, pair)
    bare = RecordedSimulation(pair, settled_start(pair, reference))
    for frame in range(reference.n_frames - 1):
        bare.advance(reference.targets[frame + 1], reference.grips[frame])
    found = Search(pair, reference, replace(TINY, samples=32, iterations=2, horizon=6), threads=1).run()
    off = [
        deviation(recording_to_clip(recording, clip).joints, clip.joints).mean()
        for recording in (found, bare.recording())
    ]
    assert off[0] < 0.9 * off[1]


def test_stops_where_it_is_hopeless():
    """Break off after the first steps that end over the limit."""
    _, pair, reference = standing(16)
    search = Search(pair, reference, TINY, threads=1)
    recording = search.run(stop_at=0.0)
    assert recording.time[-1] == pytest.approx(TINY.execute / reference.hz)


def test_only_the_judged_can_be_hopeless():
    """Go on to the end when only somebody who is not judged is lost."""
    _, pair, reference = standing(7)
    positions = reference.positions.copy()
    positions[1:, 0, :, 2] += 1.0
    lost = replace(reference, positions=positions)
    ends = [
        Search(pair, lost, TINY, threads=1, judged=judged).run(stop_at=0.3).time[-1] for judged in [(0, 1), (0,), (1,)]
    ]
    assert ends == pytest.approx([TINY.execute / 30, TINY.execute / 30, 0.2])


def test_assistance_is_recorded():
    """Apply the assistance in the execution, within its level, and record it."""
    _, pair, reference = standing(7)
    positions = reference.positions.copy()
    positions[1:, 1, :, 0] += 0.3
    recording = Search(
        pair, replace(reference, positions=positions), TINY, threads=1, assistance=Assistance(pair, 0.1)
    ).run()
    force = recording.wrench[:, 1, :3] / (pair.recipient.mass * GRAVITY)
    assert not force[: pair.substeps + 1].any()  # on the reference until the second frame
    assert force[pair.substeps + 1 :, 0].min() > 0.05
    assert np.linalg.norm(force, axis=-1).max() <= 0.1 + 1e-9


def test_taking_over():
    """Share the motion before the frame where another search takes over, make one's own after it, reach the end."""
    clip, pair, reference = standing(22)
    restless = replace(TINY, good=0.0, elite_share=0.5)
    first = Search(pair, reference, restless, threads=1)
    whole = first.run()
    second = Search(pair, reference, replace(restless, execute=2, hold=2), seed=5, threads=1)
    second.take_over(first, 10)
    assert second.began == 9  # where it last planned
    made = second.run()
    steps = 9 * pair.substeps + 1
    np.testing.assert_array_equal(made.positions[:steps], whole.positions[:steps])
    assert made.positions.shape == whole.positions.shape
    assert not np.array_equal(made.positions[steps + pair.substeps], whole.positions[steps + pair.substeps])
    assert same(whole, first.recording())
    assert deviation(recording_to_clip(made, clip).joints, clip.joints).max() < 0.05


def test_the_next_rung_begins_before_the_loss(monkeypatch: pytest.MonkeyPatch, no_policies):
    """Keep what went well: the longer search begins some time before the first one was lost."""
    clip, pair, reference = standing(46)
    monkeypatch.setattr(strategy, "RETREAT", 0.5)
    push, advance = np.zeros((2, 6)), RecordedSimulation.advance
    push[:, 0] = 3000.0

    def shoved(
        simulation: RecordedSimulation, targets: np.ndarray, grips: np.ndarray, wrench: np.ndarray | None = None
    ) -> None:
        if simulation.backend.time()[0] > 1.0 and len(shoves) < 4:
            shoves.append(1)
            wrench = push
        advance(simulation, targets, grips, wrench)

    shoves: list[int] = []
    monkeypatch.setattr(RecordedSimulation, "advance", shoved)
    outcome = run_strategies(clip, pair, ControlSettings(threads=1))
    lost, carried = outcome.attempts
    assert (lost.controller, carried.controller) == ("search", "search longer")
    assert lost.failed_at is not None and not lost.success and carried.success
    since = float(carried.reason.removeprefix("from ").split(" s on: ")[0])
    assert lost.failed_at - 0.7 < since <= lost.failed_at - 0.5
    assert outcome.recording.time[-1] == pytest.approx(1.5 + 0.7)
