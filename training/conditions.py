"""What trials of an evaluation differ in: start noise, friction, unseen dynamics, pushes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from controller_server.body.muscles import LEGS
from controller_server.body.pair import PairBody
from controller_server.body.strength import PRESETS, Strength
from controller_server.clip.rotation import quat_from_rotvec, quat_mul
from controller_server.clip.skeleton import forward_kinematics
from controller_server.errors import AssistMimicError
from controller_server.physics.backend import PairState
from controller_server.physics.engines import BUILT_IN

from .config import check_ranges

_DYNAMICS = re.compile(r"(mass|gains|hip)(\d+(?:\.\d+)?)")
_HIPS = ("hip", "left_hip", "right_hip")
LIMP = PRESETS["passive"]
"""No muscle pulls at all; joints keep the damping of their tissue."""


@dataclass(frozen=True)
class Noise:
    """Standard deviations of what is added to the first frame, each person by themselves.

    Attributes:
        place: Pelvis on the floor plane [m].
        heading: About the vertical [rad].
        joint: Each axis of each joint [rad].
        velocity: Pelvis [m/s].
        joint_velocity: [rad/s].
        friction: Half the width of the uniform distribution of the friction factor.
    """

    place: float = 0.01
    heading: float = 0.02
    joint: float = 0.02
    velocity: float = 0.05
    joint_velocity: float = 0.2
    friction: float = 0.2

    def of_start(self, factor: float) -> Noise:
        """The same with starts that differ by a factor; the friction is not of the start. Raises AssistMimicError."""
        if not 0 <= factor <= 10:
            raise AssistMimicError(f"start noise: {factor:g} is outside 0-10; 1 is the usual one, 0 none")
        scaled = {name: factor * value for name, value in vars(self).items()}
        return Noise(**{**scaled, "friction": self.friction})


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
    """What is unlike training, the same in all trials.

    Attributes:
        name: As rows call it.
        mass: Factor on the recipient's mass.
        gains: Factor on the recipient's leg gains.
        hip: Factor on the recipient's hip torque limit.
        push: Whether somebody is pushed, and how.
    """

    name: str = "seen"
    mass: float = 1.0
    gains: float = 1.0
    hip: float = 1.0
    push: Push | None = None

    def recipient(self, strength: Strength) -> Strength:
        """The recipient's strength changed by the factors."""
        gains = dict(strength.gains)
        muscles, limits = dict(strength.muscles), dict(strength.limits)
        if self.gains != 1:
            gains |= {group: gains.get(group, 1.0) * self.gains for group in LEGS}
        if self.hip != 1:
            muscles |= {part: muscles.get(part, muscles.get("hip", 1.0)) * self.hip for part in _HIPS}
            limits |= {"hip": limits["hip"] * self.hip} if "hip" in limits else {}
        return replace(strength, mass=strength.mass * self.mass, gains=gains, muscles=muscles, limits=limits)

    @staticmethod
    def parse(text: str) -> Dynamics:
        """`seen`, `push`, or `mass`, `gains` or `hip` with a factor, such as `mass1.2`.

        Raises:
            AssistMimicError: it is none of these.
        """
        if text == "seen":
            return Dynamics()
        if text == "push":
            return Dynamics(text, push=Push())
        match = _DYNAMICS.fullmatch(text)
        if match is None or not 0 < float(match[2]) <= 5:
            raise AssistMimicError(
                f"dynamics {text!r}: expected seen, push, or mass, gains or hip with a factor up to 5, such as mass1.2"
            )
        return replace(Dynamics(text), **{match[1]: float(match[2])})


def parse_dynamics(texts: Sequence[str]) -> list[Dynamics]:
    """Dynamics by name; names may be separated by commas too. Raises AssistMimicError."""
    names = [name for text in texts for name in text.split(",") if name]
    return [Dynamics.parse(name) for name in names]


@dataclass(frozen=True)
class Draw:
    """What chance gave to N trials.

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
    def of(start: PairState, pair: PairBody, trials: int, seed: int, noise: Noise | None = None) -> Draw:
        """Draw N trials. The same seed gives the same trials to every policy.

        Args:
            start: The reference's first frame, n = 1.
            pair: The bodies.
            trials: N.
            seed: Of everything.
            noise: Standard deviations.
        """
        noise, rng = noise or Noise(), np.random.default_rng(seed)
        angle = rng.uniform(0, 2 * np.pi, trials)
        return Draw(
            state=noisy_start(start, pair, trials, rng, noise),
            friction=rng.uniform(1 - noise.friction, 1 + noise.friction, trials),
            push_person=rng.integers(0, 2, trials),
            push_moment=rng.uniform(0.1, 0.9, trials),
            push_direction=np.stack([np.cos(angle), np.sin(angle), np.zeros(trials)], axis=-1),
        )

    def wrench(self, push: Push, time: float, duration: float) -> np.ndarray:
        """The push at a time of a clip of a duration [s]: force and torque on each pelvis, shape (N, 2, 6)."""
        wrench = np.zeros((len(self.friction), 2, 6))
        since = time - self.push_moment * duration
        now = np.flatnonzero((since >= 0) & (since < push.duration))
        wrench[now, self.push_person[now], :3] = push.force * self.push_direction[now]
        return wrench


def noisy_start(start: PairState, pair: PairBody, trials: int, rng: np.random.Generator, noise: Noise) -> PairState:
    """States with noise, `trials` for each given; the lowest joint of each person stays at its height."""
    quats = np.repeat(start.local_quats, trials, axis=0)
    total = len(quats)
    turn = noise.joint * rng.standard_normal((*quats.shape[:-1], 3))
    turn[:, :, 0] = 0
    noisy = quat_mul(quats, quat_from_rotvec(turn))
    heading = np.zeros((total, 2, 3))
    heading[..., 2] = noise.heading * rng.standard_normal((total, 2))
    noisy[:, :, 0] = quat_mul(quat_from_rotvec(heading), noisy[:, :, 0])
    root = np.repeat(start.root_position, trials, axis=0)
    root[..., :2] += noise.place * rng.standard_normal((total, 2, 2))
    for person, body in enumerate(pair.people):
        offsets = body.skeleton.offsets
        lowest = [
            forward_kinematics(offsets, root[:, person], q[:, person], pair.joints)[0][..., 2].min(axis=-1)
            for q in (quats, noisy)
        ]
        root[:, person, 2] += lowest[0] - lowest[1]
    velocity = np.repeat(start.root_velocity, trials, axis=0)
    spin = np.repeat(start.joint_velocity, trials, axis=0)
    return PairState(
        root_position=root,
        local_quats=noisy,
        root_velocity=velocity + noise.velocity * rng.standard_normal(velocity.shape),
        root_spin=np.repeat(start.root_spin, trials, axis=0),
        joint_velocity=spin + noise.joint_velocity * rng.standard_normal(spin.shape),
    )


@dataclass(frozen=True)
class Conditions:
    """How an evaluation is run.

    Attributes:
        trials: Per clip and dynamics.
        seed: Of noise, friction, pushes.
        threads: Physics threads; 0 takes every core.
        noise: Of starts and friction.
        engine: Name of the engine.
    """

    trials: int = 100
    seed: int = 0
    threads: int = 0
    noise: Noise = field(default_factory=Noise)
    engine: str = BUILT_IN

    def __post_init__(self) -> None:
        if not 1 <= self.trials <= 100_000:
            raise AssistMimicError(f"trials: {self.trials} is outside 1-100000")
        check_ranges(self, "", seed=(0, 10**12), threads=(0, 1024))
