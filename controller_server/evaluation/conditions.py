"""Conditions of an evaluation's trials: start noise, friction, unseen dynamics, pushes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.body.strength import PRESETS, Strength
from controller_server.control.reference.joined import joined
from controller_server.core.constraints import Range, Threads
from controller_server.core.validation import check_fields
from controller_server.physics.backend import PairState
from controller_server.physics.engines import BUILT_IN
from controller_server.terms import strength

from .start_noise import Noise, noisy_start
from .strength_changes import changed, parse_change

LIMP = PRESETS["passive"]
"""No muscle pulls at all; joints keep the damping of their tissue."""


@dataclass(frozen=True)
class Push:
    """One push on a pelvis: a random person, moment and horizontal direction.

    Attributes:
        force: [N].
        duration: [s].
    """

    force: float = 100.0
    duration: float = 0.2


@dataclass(frozen=True)
class Dynamics:
    """Differences from training, the same in all trials.

    Attributes:
        name: As rows call it.
        factors: On what a `terms.strength` changes about the recipient, by its name.
        push: Whether somebody is pushed, and how.
    """

    name: str = "seen"
    factors: Mapping[str, float] = field(default_factory=dict)
    push: Push | None = None

    @property
    def mass(self) -> float:
        """Factor on the recipient's mass."""
        return self.factors.get("mass", 1.0)

    def recipient(self, strength: Strength) -> Strength:
        """Return the recipient's strength changed by the factors."""
        return changed(strength, self.factors)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, every factor there could be among them."""
        push = None if self.push is None else asdict(self.push)
        return {"name": self.name, **dict.fromkeys(strength.all(), 1.0), **self.factors, "push": push}

    @staticmethod
    def parse(text: str) -> Dynamics:
        """Return `seen`, `push`, or a change of the recipient with its factor, such as `mass1.2`.

        Raises:
            AssistMimicError: it is none of these.
        """
        if text == "seen":
            return Dynamics()
        if text == "push":
            return Dynamics(text, push=Push())
        return Dynamics(text, dict([parse_change(text, "dynamics", "seen", "push")]))


def parse_dynamics(texts: Sequence[str]) -> list[Dynamics]:
    """Dynamics by name; names may be separated by commas too. Raises AssistMimicError."""
    names = [name for text in texts for name in text.split(",") if name]
    return [Dynamics.parse(name) for name in names]


@dataclass(frozen=True)
class TrialSample:
    """Random samples of N trials.

    Attributes:
        state: The first frame with noise, n = N.
        friction: Factor on the friction, shape (N,).
        push_person: Whom a push hits, shape (N,).
        push_moment: When, as a share of the clip, shape (N,).
        push_direction: Where to, horizontal unit vectors, shape (N, 3).
    """

    state: PairState
    friction: np.ndarray
    push_person: np.ndarray
    push_moment: np.ndarray
    push_direction: np.ndarray

    @staticmethod
    def of(start: PairState, pair: PairBody, trials: int, seed: int, noise: Noise | None = None) -> TrialSample:
        """Draw N trials. The same seed gives the same trials to every policy.

        Args:
            start: The reference's first frame, n = 1.
            pair: The bodies.
            trials: N.
            seed: Seed of everything.
            noise: Standard deviations.
        """
        noise, rng = noise or Noise(), np.random.default_rng(seed)
        angle = rng.uniform(0, 2 * np.pi, trials)
        return TrialSample(
            state=noisy_start(start, pair, trials, rng, noise),
            friction=rng.uniform(1 - noise.friction, 1 + noise.friction, trials),
            push_person=rng.integers(0, 2, trials),
            push_moment=rng.uniform(0.1, 0.9, trials),
            push_direction=np.stack([np.cos(angle), np.sin(angle), np.zeros(trials)], axis=-1),
        )

    @staticmethod
    def joined(draws: Sequence[TrialSample]) -> TrialSample:
        """Return those of several clips as one, end to end."""
        names = ("friction", "push_person", "push_moment", "push_direction")
        arrays = {name: np.concatenate([getattr(draw, name) for draw in draws]) for name in names}
        return TrialSample(joined(PairState, [draw.state for draw in draws]), **arrays)

    def wrench(self, push: Push, time: float, duration: float | np.ndarray) -> np.ndarray:
        """Return the push at a time of clips of a duration [s], shape (N,).

        Force and torque on pelvises, shape (N, 2, 6).
        """
        wrench = np.zeros((len(self.friction), 2, 6))
        since = time - self.push_moment * duration
        now = np.flatnonzero((since >= 0) & (since < push.duration))
        wrench[now, self.push_person[now], :3] = push.force * self.push_direction[now]
        return wrench


@dataclass(frozen=True)
class Conditions:
    """Settings of an evaluation.

    Attributes:
        trials: Per clip and dynamics.
        seed: Seed of noise, friction, pushes.
        threads: Physics threads; 0 takes every core.
        noise: Noise of starts and friction.
        engine: Name of the engine.
    """

    trials: Annotated[int, Range(1, 100_000)] = 100
    seed: Annotated[int, Range(0, 10**12)] = 0
    threads: Threads = 0
    noise: Noise = field(default_factory=Noise)
    engine: str = BUILT_IN

    def __post_init__(self) -> None:
        check_fields(self)
