"""Divergence: it does not happen under any commands a person could follow, and where it is forced it is reported."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import numpy as np

from controller_server.core.errors import SimulationDiverged
from controller_server.physics.backend import Backend, PairState

from .check import Finding, Subject
from .scenes import STANDING, arms_down, neutral_pair, on_floor, random_targets, repeated, seconds, start

_HOLDS = (1, 5, 15, 30)  # control frames a random target is held, one for each world in turn


def never_diverges(subject: Subject) -> Finding:
    """No world diverges while two people close to each other are thrown about by random targets within 150 degrees."""
    n, duration = (16, 30.0) if subject.thorough else (4, 5.0)
    pair, rng = neutral_pair(subject.hands), np.random.default_rng(5)
    rest = np.stack([arms_down(pair)] * 2)
    backend = subject.make(pair, n)
    start(backend, on_floor(pair, STANDING, rest, apart=0.5, above=0.0), rest)
    targets = np.repeat(rest[None], n, axis=0)
    fastest, frames = 0.0, round(duration * pair.control_hz)
    bound = "0 of the worlds"
    for frame in range(frames):
        turn = [world for world in range(n) if frame % _HOLDS[world % len(_HOLDS)] == 0]
        targets[turn] = random_targets(rng, (len(turn), *rest.shape[:2]))
        backend.set_targets(targets)
        if backend.capabilities.grip:
            backend.set_grips(rng.integers(0, 2, (n, 2, 2)).astype(float))
        try:
            backend.step(pair.substeps)
        except SimulationDiverged as error:
            return Finding(False, 1.0, bound, f"after {error.time:.2f} s: {error}")
        fastest = max(fastest, float(np.abs(backend.state().joint_velocity).max()))
    # An engine that puts a diverged world back to its start without a word shows in its clock.
    late = np.flatnonzero(np.abs(backend.time() - frames / pair.control_hz) > 1e-6)
    sane = np.isfinite(backend.positions()).all(axis=(1, 2, 3)) & (
        np.abs(backend.positions()).max(axis=(1, 2, 3)) < 100
    )
    bad = int(np.union1d(late, np.flatnonzero(~sane)).size)
    return Finding(
        bad == 0,
        float(bad),
        bound,
        f"{n} worlds x {duration:g} s; fastest joint axis {fastest:.0f} rad/s"
        + (f"; clocks of worlds {late.tolist()} are wrong: silently reset" if late.size else ""),
    )


def divergence_is_reported(subject: Subject) -> Finding:
    """Check that a world whose state is not finite is an error.

    The error says which world, when, and where its state lies.
    """
    pair, n, world = neutral_pair(subject.hands), 4, 2
    rest = np.stack([arms_down(pair)] * 2)
    backend = subject.make(pair, n)
    state = repeated(on_floor(pair, STANDING, rest, apart=1.0, above=0.0), n)
    problems: list[str] = []
    # A force that no body survives, half a second after the start and in the middle of a long call.
    start(backend, state, rest)
    backend.step(seconds(backend, 0.5))
    wrench = np.zeros((n, 2, 6))
    wrench[world, 1, :3] = 1e15
    backend.set_wrench(wrench)
    late = _provoke(backend, seconds(backend, 0.05), world, 0.5, problems)
    # An absurd speed from the very start.
    spin = state.root_spin.copy()
    spin[world, 0] = 1e8
    start(backend, replace(state, root_spin=spin), rest)
    late = max(late, _provoke(backend, seconds(backend, 0.05), world, 0.0, problems))
    # The batch is usable again as soon as the world is set anew.
    start(backend, state, rest)
    try:
        backend.step(seconds(backend, 0.1))
    except SimulationDiverged:
        problems.append("a world that was set anew is still reported")
    if backend.capabilities.exact_restore:
        problems += _restored_is_well(backend, state, rest, wrench)
    return Finding(
        not problems,
        late * 1e3,
        f"named, within {2e3 / pair.physics_hz:.1f} ms",
        "; ".join(problems) or f"world {world} of {n} by a force and by a spin; dump read back without pickles",
    )


def _provoke(backend: Backend, steps: int, world: int, since: float, problems: list[str]) -> float:
    """Step a doomed batch and collect what is wrong with its error; returns how far off its time is [s]."""
    try:
        backend.step(steps)
    except SimulationDiverged as error:
        if error.world != world or f"world {world}" not in str(error):
            problems.append(f"world {error.world} named instead of {world}")
        off = abs(error.time - since)
        if off > 2 / backend.pair.physics_hz:
            problems.append(f"time given as {error.time:.3f} s, it was {since:.3f} s")
        try:
            with np.load(str(error.dump), allow_pickle=False) as dump:
                numbers = sum(dump[name].size for name in dump.files)
            if numbers < 100:
                problems.append(f"dump holds {numbers} numbers only")
        except (OSError, ValueError) as reason:
            problems.append(f"dump cannot be read: {reason}")
        return off
    problems.append("no error")
    return np.inf


def _restored_is_well(backend: Backend, state: PairState, rest: np.ndarray, wrench: np.ndarray) -> list[str]:
    start(backend, state, rest)
    saved = np.array(backend.save())
    backend.set_wrench(wrench)
    with contextlib.suppress(SimulationDiverged):
        backend.step(4)
    backend.restore(saved)
    try:
        backend.step(4)
    except SimulationDiverged:
        return ["a world that was restored is still reported"]
    return []
