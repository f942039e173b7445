"""Many worlds: saved and restored bit for bit, independent of each other, each with its own strength."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from controller_server.body.muscles import LEGS, muscle_group
from controller_server.body.strength import Strength
from controller_server.clip.skeleton import JOINT_NAMES
from controller_server.physics.backend import Backend, MovesPerson

from .check import Finding, Subject
from .scenes import (
    FLOOR,
    LYING,
    arms_down,
    differences,
    mean_forces,
    neutral_pair,
    on_floor,
    readings,
    seconds,
    start,
    weight,
)
from .struggle import Struggle

_N = 5


def bitwise(found: dict[str, dict[str, float]], detail: str) -> Finding:
    """Return a finding about readings that must not differ in any bit: their largest difference by case and name."""
    differ = {f"{case}: {name}": size for case, names in found.items() for name, size in names.items()}
    worst = max(differ.values(), default=0.0)
    if differ:
        detail += "; differing in " + ", ".join(f"{name} by {size:.3g}" for name, size in sorted(differ.items())[:4])
    return Finding(not differ, worst, "0, bit for bit", detail)


def restored_continues(subject: Subject) -> Finding:
    """Check that a saved state continues bit for bit: restored whole, in one world alone, and from one world to all.

    Half-way, with contacts, grips and pushes; what was done in between must leave no trace.
    """
    pair, worlds = neutral_pair(subject.hands), np.arange(_N)
    struggle = Struggle(pair, _N)
    backend = subject.make(pair, _N)
    struggle.begin(backend, worlds)
    half, rest = range(15), range(15, 25)
    struggle.play(backend, half, worlds)
    saved = np.array(backend.save())
    # Without new targets first: what was commanded belongs to the state.
    backend.step(seconds(backend, 0.1))
    struggle.play(backend, rest, worlds)
    expected = readings(backend)

    found = {}
    backend.restore(saved)
    backend.step(seconds(backend, 0.1))
    struggle.play(backend, rest, worlds)
    found["whole"] = differences(expected, readings(backend))

    other = subject.make(pair, _N)
    struggle.begin(other, worlds)
    other.restore(saved[2])
    other.step(seconds(other, 0.1))
    struggle.play(other, rest, np.full(_N, 2))
    spread = readings(other)
    found["one to all"] = differences({k: np.repeat(v[2:3], _N, axis=0) for k, v in expected.items()}, spread)

    backend.restore(saved)
    other.restore(saved)
    other.step(seconds(other, 0.1))
    other.restore(saved[[1]], [1])
    backend.step(seconds(backend, 0.1))
    other.restore(backend.save()[[0, 2, 3, 4]], [0, 2, 3, 4])
    other.restore(saved[[1]], [1])
    other.step(seconds(other, 0.1))
    alone = readings(other)
    again = subject.make(pair, _N)
    struggle.begin(again, worlds)
    again.restore(saved)
    again.step(seconds(again, 0.1))
    first = readings(again)
    found["one world"] = differences({k: v[[1]] for k, v in first.items()}, {k: v[[1]] for k, v in alone.items()})
    return bitwise(found, f"{_N} worlds, restored whole, one row to all, one world alone, into two backends")


def batch_equals_singles(subject: Subject) -> Finding:
    """Check that a batch of N worlds equals N single worlds.

    Every variant of the engine equals the first, bit for bit.
    """
    pair, worlds = neutral_pair(subject.hands), np.arange(_N)
    struggle = Struggle(pair, _N)

    def outcome(backend: Backend, which: np.ndarray) -> dict[str, np.ndarray]:
        struggle.begin(backend, which)
        struggle.play(backend, range(struggle.frames), which)
        return readings(backend)

    batch = outcome(subject.make(pair, _N), worlds)
    singles = [outcome(subject.make(pair, 1), np.array([world])) for world in worlds]
    found = {"singles": differences(batch, {k: np.concatenate([s[k] for s in singles]) for k in batch})}
    for k, make in enumerate(subject.variants):
        found[f"variant {k}"] = differences(batch, outcome(make(pair, _N), worlds))
    return bitwise(found, f"{_N} worlds for 1 s of struggle; {len(subject.variants)} variants")


def recorded_equals_read(subject: Subject) -> Finding:
    """Check that recorded steps equal single steps and readings.

    They do so bit for bit, with another push in each step.
    """
    pair, worlds, frames = neutral_pair(subject.hands), np.arange(_N), 10
    struggle, found = Struggle(pair, _N), {}
    backends = [subject.make(pair, _N) for _ in range(2)]
    for backend in backends:
        struggle.begin(backend, worlds)
    names = [name for name in readings(backends[0]) if hasattr(backends[0], name)]
    for frame in range(frames):
        for backend in backends:
            struggle.command(backend, frame, worlds)
        pushes = struggle.wrench[frame] * np.linspace(1, 2, pair.substeps)[:, None, None, None]
        recorded = backends[0].record(pair.substeps, names, wrenches=pushes).readings
        single = []
        for push in pushes:
            backends[1].set_wrench(push)
            backends[1].step()
            single.append(readings(backends[1]))
        expected = {name: np.stack([step[name] for step in single]) for name in names}
        found[f"frame {frame}"] = differences(expected, recorded)
    return bitwise(found, f"{len(names)} readings of {_N} worlds in {frames * pair.substeps} steps")


def person_is_moved(subject: Subject) -> Finding:
    """Return one person is put where a state has them, and nothing of the partner changes by a bit."""
    pair, worlds = neutral_pair(subject.hands), np.arange(_N)
    struggle = Struggle(pair, _N)
    backend = subject.make(pair, _N)
    assert isinstance(backend, MovesPerson)
    struggle.begin(backend, worlds)
    struggle.play(backend, range(10), worlds)
    before = vars(backend.state())
    backend.set_person(1, struggle.state[worlds])
    after = vars(backend.state())
    found = {"partner": differences({k: v[:, 0] for k, v in before.items()}, {k: v[:, 0] for k, v in after.items()})}
    wanted = {name: values[:, 1] for name, values in vars(struggle.state).items()}
    error = max(float(np.abs(after[name][:, 1] - value).max()) for name, value in wanted.items())
    finding = bitwise(found, f"whoever is moved is off by {error:.1e}")
    return replace(finding, passed=finding.passed and error < 1e-9)


def strength_of_one_world(subject: Subject) -> Finding:
    """Check that a world's strength changes the weight and the torques of that world and not a bit of any other."""
    pair = neutral_pair(subject.hands)
    targets = np.stack([arms_down(pair)] * 2)
    state = on_floor(pair, LYING, targets, apart=2.0, above=0.005)
    found = []
    for changed in (False, True):
        backend = subject.make(pair, 3)
        if changed:
            backend.set_strength((Strength(), Strength(mass=0.7, limits=dict.fromkeys(LEGS, 20.0))), [1])
        start(backend, state, targets)
        backend.step(seconds(backend, 2.0))
        forces = mean_forces(backend, 1.0)
        backend.set_targets(np.broadcast_to(targets + 0.5, (3, *targets.shape)).copy())
        backend.step(3)
        found.append(
            (forces[:, :, :, FLOOR, 2].sum(axis=2) / weight(pair), np.abs(backend.torques()), readings(backend))
        )
    (plain, _, before), (share, torques, after) = found
    others = [0, 2]
    leaked = differences({k: v[others] for k, v in before.items()}, {k: v[others] for k, v in after.items()})
    error = float(np.abs(share[1] - [1, 0.7]).max())
    legs = np.array([muscle_group(JOINT_NAMES[j]) in LEGS for j in pair.joints[1:]])[:, None] & ~pair.ligaments[1]
    weak, normal = float(torques[1, 1, legs].max()), float(torques[0, 1, legs].max())
    return Finding(
        error <= 0.02 and not leaked and weak <= 20 + 1e-6 and normal > 40,
        error * 100,
        "<= 2 % of the weight; 0 change elsewhere",
        f"mass x 0.7 weighs {share[1, 1]:.4f}, its partner {share[1, 0]:.4f}, unchanged {plain[1, 1]:.4f}; "
        f"legs limited to 20 N m give {weak:.1f}, unchanged {normal:.0f}; "
        + (f"leaked into {sorted(leaked)}" if leaked else "no leak"),
    )
