"""A policy for people alone, tried on motions of one person each: who is never too far off, with pushes and without."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip
from controller_server.control.policy.bundle import PolicyBundle
from controller_server.control.policy.network import forward, normaliser
from controller_server.control.policy.observation import observe_state
from controller_server.control.policy.policy import check_fit
from controller_server.control.policy.policy_step import PolicyStep
from controller_server.core.array_store import ArrayStore
from controller_server.metrics.tracking import SUCCESS_LIMIT, deviation
from controller_server.physics.backend import Backend, EngineOptions
from controller_server.physics.engines import make_backend
from controller_server.prepare.settings import GripMode, PrepareSettings

from .clip_cache import NOTHING_KEPT, KeptReference, prepared
from .conditions import Conditions, Push, TrialSample
from .evaluation import bodies_of
from .single_person import strangers

_MOMENTS = (0.1, 0.7)
"""Shares of the motion between which pushes begin: who is pushed later has no time to fall."""


@dataclass(frozen=True)
class MotionReady:
    """One person's motion, prepared, for two strangers who both do it.

    Attributes:
        clip: Prepared.
        pair: The bodies the policy was trained with.
        kept: The reference and what comes of it.
    """

    clip: InteractionClip
    pair: PairBody
    kept: KeptReference

    @staticmethod
    def of(motion: str, bundle: PolicyBundle, store: ArrayStore = NOTHING_KEPT) -> MotionReady:
        """Prepare a motion for a policy. Raises AssistMimicError as `strangers`, or if the policy does not fit."""
        clip = prepared(strangers(f"{motion}+{motion}")[1], PrepareSettings(grips=GripMode.OFF), store)
        pair = bodies_of(bundle, clip)
        check_fit(bundle.card, pair)
        return MotionReady(clip, pair, KeptReference(clip, pair, bundle.card.action.sparing, store))


@dataclass(frozen=True)
class SinglePersonTrials:
    """Outcome of N people's trials.

    Attributes:
        lasted: How long each was never over 0.25 m off [s], shape (N,).
        duration: Of the motion [s].
        error: Mean deviation while they lasted [mm], shape (N,).
    """

    lasted: np.ndarray
    duration: float
    error: np.ndarray

    @property
    def completed(self) -> np.ndarray:
        """People that kept to the motion to its end, shape (N,), bool."""
        return self.lasted >= self.duration - 1e-9


def try_motion(
    ready: MotionReady,
    bundle: PolicyBundle,
    conditions: Conditions,
    *,
    push: Push | None = None,
    acting: bool = True,
) -> SinglePersonTrials:
    """Play a policy, deterministically, through one motion from its first frame.

    Args:
        ready: The motion.
        bundle: The policy.
        conditions: Start noise, friction, seed; `trials` worlds of two people each.
        push: One for each person, at a moment and in a direction of their own.
        acting: Whether the policy acts; without, the reference's targets and balancing ankles are by themselves.
    """
    followed, n = ready.kept.followed(), conditions.trials
    draw = TrialSample.of(ready.kept.start(conditions.engine), ready.pair, n, conditions.seed, conditions.noise)
    backend = make_backend(
        conditions.engine, ready.pair, n, EngineOptions(conditions.threads), needs=("contact_split",)
    )
    backend.set_friction(draw.friction)
    backend.set_state(draw.state)
    act = _Acting(ready, bundle, n, acting=acting)
    track, last = followed.track, followed.track.n_frames - 1
    pushes = _Pushes(push or Push(force=0.0), n, last / track.hz, conditions.seed)
    lasted, error = np.full((n, 2), last), np.zeros((n, 2))
    with np.errstate(all="ignore"):  # a broken world's numbers may overflow; it has failed
        for frame in range(last):
            act(backend, frame)
            backend.set_wrench(pushes(frame / track.hz))
            backend.step_unchecked(ready.pair.substeps)
            off = deviation(backend.positions(), track.frames.positions[[frame + 1]])
            over = ~(off <= SUCCESS_LIMIT) | backend.diverged()[:, None]
            lasted = np.where(over & (lasted == last), frame, lasted)
            error += np.where(lasted == last, off, 0.0)
    # Who fails in the very last frame has not reached the end either.
    counted = np.maximum(lasted, 1)
    return SinglePersonTrials(lasted.ravel() / track.hz, last / track.hz, 1000 * (error / counted).ravel())


class _Acting:
    """A policy at work in n worlds that are all at the same frame."""

    def __init__(self, ready: MotionReady, bundle: PolicyBundle, n: int, *, acting: bool) -> None:
        card, followed = bundle.card, ready.kept.followed()
        apart = ready.kept.apart() if card.action.slack else None
        self._track = followed.track
        self._step = PolicyStep(ready.pair, followed.track, followed.targets, card.action, card.retarget, apart=apart)
        name = card.network("supporter")
        self._spec, self._parameters = card.networks[name], bundle.parameters[name]
        self._scale, self._terms, self._acting = normaliser(self._spec, self._parameters), card.terms(name), acting
        self._action = np.zeros((n, 2, self._spec.outputs), np.float32)

    def __call__(self, backend: Backend, frame: int) -> None:
        """Set the joint targets that lead from a control frame to the next."""
        frames = np.full(backend.n_worlds, frame)
        view = observe_state(backend, self._track, frames, self._action)
        if self._acting:
            seen = self._step.observe(view, self._terms)
            self._action = forward(self._spec, self._parameters, seen, self._scale)
        base = self._step.base_targets(frames, view.balance, self._step.lost(view))
        backend.set_targets(self._step.act(self._action, base))


class _Pushes:
    """One push for each of two people in n worlds."""

    def __init__(self, push: Push, n: int, duration: float, seed: int) -> None:
        rng = np.random.default_rng([seed, 1])
        self._start, self._push = rng.uniform(*_MOMENTS, (n, 2)) * duration, push
        angle = rng.uniform(0, 2 * np.pi, (n, 2))
        self._force = push.force * np.stack([np.cos(angle), np.sin(angle)], axis=-1)

    def __call__(self, time: float) -> np.ndarray:
        """Force and torque on each pelvis at a time [s], shape (n, 2, 6)."""
        wrench = np.zeros((*self._start.shape, 6))
        now = (time >= self._start) & (time < self._start + self._push.duration)
        wrench[now, :2] = self._force[now]
        return wrench
