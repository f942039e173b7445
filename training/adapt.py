"""Fit a policy to other muscles by a few dozen numbers: how far each muscle group answers, how far each sense counts.

A policy has learned its springs and dampers too. Where they change, its actions mean other torques and its sense of
velocity asks for other damping; what it knows of the clip stays right. What gradients of half a million weights need
hundreds of thousands of steps for, a factor for every group of muscles and some blocks of inputs gives in some hundred
episodes; learning can go on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from controller_server.body.muscles import JOINTS, muscle_group
from controller_server.clip.interaction import ROLES
from controller_server.clip.skeleton import JOINT_NAMES
from controller_server.control.footing import Footing
from controller_server.control.policy.bundle import PolicyBundle
from controller_server.control.policy.network import NetworkSpec, Parameters
from controller_server.control.policy.observation import ObservedState
from controller_server.control.policy.policy import PolicyBase
from controller_server.control.reference.reference import Reference
from controller_server.control.reference.start import settled_start
from controller_server.control.search.cost import TrackingCost
from controller_server.evaluation.start_noise import Noise, noisy_start
from controller_server.metrics.effort import GRAVITY
from controller_server.physics.backend import Backend, EngineOptions, PairState
from controller_server.physics.engines import make_backend
from training.env.scene import Scene

SENSES = ("velocities", "spins", "goal_velocities", "balance", "support", "partner_forces")
"""Input blocks that have a factor."""
GROUPS = tuple(group for group in JOINTS if group != "finger")
"""Muscle groups that have a factor."""
SIZE = len(ROLES) * (len(GROUPS) + len(SENSES))
"""Number of parameters: logarithms of factors, shape (SIZE,)."""
WORST = 20.0
"""Largest cost of a control frame, and the cost of every frame after somebody is lost."""
LOST = 0.3
"""Mean deviation at which somebody is [m]."""
_PRESSED, _PRESSING = 1.4, 5.0
"""99th percentile of the force on the floor that is free [body weights], and what a body weight beyond it costs."""
_PREVIOUS = "previous_action"


@dataclass(frozen=True)
class Factors:
    """Factors of N policies.

    Attributes:
        outputs: On each action, shape (N, 2, A).
        inputs: On the distance of each input from its mean, shape (N, 2, D).
    """

    outputs: np.ndarray
    inputs: np.ndarray

    @staticmethod
    def of(numbers: np.ndarray, joints: Sequence[int], spec: NetworkSpec) -> Factors:
        """Factors from their logarithms, shape (N, SIZE), for policies that see and steer the same."""
        numbers = np.exp(numbers).reshape(len(numbers), 2, -1)
        group = np.array([GROUPS.index(muscle_group(JOINT_NAMES[j])) for j in joints[1:]])
        inputs = np.ones((len(numbers), 2, spec.n_inputs))
        for name, columns in _blocks(spec):
            if name in SENSES:
                inputs[..., columns] = numbers[..., len(GROUPS) + SENSES.index(name), None]
        return Factors(np.repeat(numbers[..., group], 3, axis=-1), inputs)


def _blocks(spec: NetworkSpec) -> Iterator[tuple[str, slice]]:
    """Yield each input block and its columns."""
    start = 0
    for name, size in spec.inputs:
        yield name, slice(start, start + size)
        start += size


def adapted(bundle: PolicyBundle, numbers: np.ndarray, joints: Sequence[int]) -> PolicyBundle:
    """Return the policy with factors, of logarithms of shape (SIZE,), made part of its weights."""
    parameters: dict[str, Parameters] = {}
    for person, (name, spec) in enumerate(_networks(bundle).items()):
        factors = Factors.of(numbers[None], joints, spec)
        given, last = dict(bundle.parameters[name]), f"layer{spec.n_layers - 1}"
        outputs = factors.outputs[0, person].astype(np.float32)
        given[f"{last}.weight"] = given[f"{last}.weight"] * outputs[:, None]
        given[f"{last}.bias"] = given[f"{last}.bias"] * outputs
        for block, columns in _blocks(spec):
            mean, var = f"normaliser.{block}.mean", f"normaliser.{block}.var"
            given[var] = given[var] / factors.inputs[0, person, columns].astype(np.float32) ** 2
            if block == _PREVIOUS:
                given[mean], given[var] = given[mean] * outputs, given[var] * outputs**2
        parameters[name] = given
    return replace(bundle, parameters=parameters)


def _networks(bundle: PolicyBundle) -> dict[str, NetworkSpec]:
    """Networks of supporter and recipient; somebody alone has no partner to be fitted with."""
    return {role: bundle.card.networks[role] for role in ROLES}


class _Varied(PolicyBase):
    """A policy with other factors in each world."""

    def __init__(self, scene: Scene, reference: Reference, bundle: PolicyBundle, numbers: np.ndarray) -> None:
        super().__init__(scene.pair, reference, bundle, n_worlds=len(numbers))
        specs = _networks(bundle)
        self._factors = [Factors.of(numbers, scene.pair.joints, spec) for spec in specs.values()]
        self._means = [
            np.concatenate([bundle.parameters[role][f"normaliser.{name}.mean"] for name, _ in spec.inputs])
            for role, spec in specs.items()
        ]
        self._before = [next(columns for name, columns in _blocks(s) if name == _PREVIOUS) for s in specs.values()]

    def actions(self, view: ObservedState) -> np.ndarray:
        """See `PolicyBase.actions`."""
        given = []
        for person, network in enumerate(self._networks):
            factors, mean = self._factors[person], self._means[person]
            outputs = factors.outputs[:, person]
            seen = self._step.observe(view, self._terms[person])[:, person]
            seen[:, self._before[person]] /= outputs
            seen = mean + (seen - mean) * factors.inputs[:, person]
            given.append(network(seen.astype(np.float32)) * outputs)
        return np.stack(given, axis=1).astype(np.float32)


def costs(
    scene: Scene,
    bundle: PolicyBundle,
    numbers: np.ndarray,
    *,
    seed: int,
    noise: Noise | None = None,
    threads: int = 1,
) -> np.ndarray:
    """Mean cost of a clip by the search's own measure (`control.search.cost`), one episode for each row of numbers.

    Args:
        scene: The clip.
        bundle: The policy.
        numbers: Logarithms of factors, shape (N, SIZE).
        seed: Seed of the starts: rows 2k and 2k + 1 begin alike.
        noise: Noise of the starts.
        threads: Number of threads of the physics.

    Returns:
        Shape (N,): 0 to `WORST`, and more for whoever falls hard from foot to foot.
    """
    n, pair, rng, noise = len(numbers), scene.pair, np.random.default_rng(seed), noise or Noise()
    reference = Reference.of(scene.clip, pair)
    state = noisy_start(settled_start(pair, reference, scene.engine), pair, (n + 1) // 2, rng, noise)[np.arange(n) // 2]
    friction = rng.uniform(1 - noise.friction, 1 + noise.friction, (n + 1) // 2)[np.arange(n) // 2]
    backend = _worlds(scene, state, friction, threads)
    base, cost = _Varied(scene, reference, bundle, numbers), TrackingCost(pair)
    footing, lost, total = Footing.none(n), np.zeros(n, bool), np.zeros(n)
    weights, pressed = np.array([person.mass * GRAVITY for person in pair.people]), []
    last = reference.n_frames - 1
    with np.errstate(all="ignore"):  # a broken world's numbers may overflow
        for frame in range(last):
            rising = backend.com_velocity()[..., 2]
            backend.set_targets(base.targets(backend, frame))
            backend.set_grips(reference.grips[frame])
            backend.step_unchecked(pair.substeps)
            apart = np.linalg.norm(backend.positions() - reference.positions[frame + 1], axis=-1).mean(axis=-1)
            lost |= ~(apart.max(axis=1) <= LOST) | backend.diverged()
            here = cost(backend, reference, frame + 1, footing, rising).mean(axis=1)
            total += np.where(lost, WORST, np.minimum(np.nan_to_num(here, nan=WORST), WORST))
            pressed.append(np.nan_to_num(backend.forces()[:, :, :, 1:, 2].sum(axis=(2, 3)) / weights))
            footing = footing.after(backend, reference, frame + 1)
            if lost.all():
                total += WORST * (last - frame - 1)
                break
    most = np.percentile(np.stack(pressed), 99, axis=0).max(axis=1)
    return total / last + _PRESSING * np.where(lost, 1.0, np.clip(most - _PRESSED, 0.0, 1.0))


def _worlds(scene: Scene, state: PairState, friction: np.ndarray, threads: int) -> Backend:
    options, needs = EngineOptions(threads, planning=True), ("contact_split", "per_world_model")
    backend = make_backend(scene.engine, scene.pair, len(friction), options, needs=needs)
    backend.set_friction(friction)
    backend.set_state(state)
    return backend


@dataclass(frozen=True)
class Search:
    """State of a separable natural evolution strategy.

    Attributes:
        mean: Of the numbers, shape (SIZE,).
        spread: Standard deviation of each, shape (SIZE,).
        rounds: Done so far.
        cost: Mean of the last round; nan before the first.
    """

    mean: np.ndarray
    spread: np.ndarray
    rounds: int = 0
    cost: float = np.nan

    def after(self, judge: Callable[[np.ndarray, int], np.ndarray], *, population: int, seed: int) -> Search:
        """Return one round further.

        Args:
            judge: Gives costs, shape (N,), of numbers, shape (N, SIZE), and a seed; those two by two are mirrored.
            population: N, even.
            seed: Seed of chance.
        """
        rng = np.random.default_rng((seed, self.rounds))
        half = rng.standard_normal((population // 2, len(self.mean)))
        steps = np.stack([half, -half], axis=1).reshape(population, -1)
        found = judge(self.mean + self.spread * steps, int(rng.integers(2**31)))
        use = _utilities(found)
        rate = 0.6 * (3 + np.log(len(self.mean))) / (5 * np.sqrt(len(self.mean)))
        mean = self.mean + self.spread * (use @ steps)
        spread = self.spread * np.exp(rate / 2 * (use @ (steps**2 - 1)))
        return Search(mean, spread, self.rounds + 1, float(found.mean()))


def _utilities(found: np.ndarray) -> np.ndarray:
    """Return what each of N counts for by its rank, the cheapest most; together 0, shape (N,)."""
    n = len(found)
    value = np.maximum(0, np.log(n / 2 + 1) - np.log(np.arange(1, n + 1)))
    use = np.empty(n)
    use[np.argsort(found, kind="stable")] = value / value.sum() - 1 / n
    return use
