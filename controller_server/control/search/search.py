"""Sampling-based tracking over a receding horizon: no training, any clip.

At every replanning moment the cross-entropy method looks for offsets of the joint targets that keep both people near
the reference over the next 0.6 seconds, the time of a step, rolled out in a batch of worlds; the first frames are
carried out and the rest is the next plan's start. Elites are chosen per person, on own cost plus a share of the
partner's, which splits one problem of 126 targets into two that still serve each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.control.assist import Assistance
from controller_server.control.balance import BalanceGains
from controller_server.control.base_targets import Base, ReferenceBase
from controller_server.control.footing import Footing
from controller_server.control.playback import Runner
from controller_server.control.reference.reference import Reference
from controller_server.physics.backend import Backend, EngineOptions
from controller_server.physics.engines import BUILT_IN, make_backend

from .cost import TrackingCost
from .moves import Moves

_DIVERGED_COST = 1e6


@dataclass(frozen=True)
class _Mark:
    """State of a search before a plan.

    Attributes:
        frame: Control frame.
        last: Offsets that were in force, shape (2, J, 3) [rad].
        base: With its memory.
        footing: What stood where.
    """

    frame: int
    last: np.ndarray
    base: Base
    footing: Footing


@dataclass(frozen=True)
class SearchSettings:
    """Effort of the search.

    Attributes:
        samples: Worlds rolled out at once.
        iterations: Refinements of each plan, at most.
        good: Cost of both people's plans below which it is refined no further.
        worth: Share of the cost that refining a plan has to save. Where it saved less, plans are taken as they are
            until they cost that much more than the one that could not be improved ...
        near: ... as long as they cost less than this.
        horizon: Control frames looked ahead.
        execute: Control frames carried out before replanning.
        hold: Control frames from one knot of an offset to the next; in between it runs straight, since a jump of a
            target is a blow that shakes feet loose.
        sigma: Initial spread of the offsets [rad].
        min_sigma: Spread the refinement may shrink to [rad].
        joint_share: Share of the joints each sample changes.
        elite_share: Share of the samples the next mean is made of.
        partner_share: Weight of the partner's cost in one's own.
        moved: Share of the samples that vary whole moves (`Moves`) instead of single joints.
        shift: Spread of such moves of pelvis and hands [m]; that of the trunk's lean is as many rad.
        constant_noise_share: Share of the noise's variance that is the same over the whole horizon: a push that lasts
            is worth more than one that is taken back, and is never found by knots that vary each by itself.
        keep: Best offsets handed on from one refinement, and one plan, to the next.
        physics_hz: Physics steps per second of what is planned with.
    """

    samples: int = 36
    iterations: int = 2
    good: float = 0.5
    worth: float = 0.05
    near: float = 2.0
    horizon: int = 18
    execute: int = 6
    hold: int = 6
    sigma: float = 0.05
    min_sigma: float = 0.02
    joint_share: float = 0.5
    elite_share: float = 0.1
    partner_share: float = 0.5
    moved: float = 0.5
    shift: float = 0.03
    constant_noise_share: float = 0.5
    keep: int = 4
    physics_hz: int = 120
    impratio: float = 3.0
    balance: BalanceGains = field(default_factory=BalanceGains)

    def __post_init__(self) -> None:
        if self.samples < self.keep + 3:
            raise ValueError(f"{self.samples} samples leave nothing to search with beside {self.keep} kept ones")
        if self.execute % self.hold:
            raise ValueError(f"execute ({self.execute}) must be a multiple of hold ({self.hold}): plans move by knots")

    def planned(self, pair: PairBody) -> PairBody:
        """Return the bodies in the physics that plans are made with: coarser in time than what happens."""
        return replace(pair, physics_hz=min(self.physics_hz, pair.physics_hz))


class Search(Runner):
    """The search for one pair and reference.

    Args:
        pair: Body description.
        reference: The reference motion.
        settings: Effort of the search.
        seed: The same seed gives the same motion, bit for bit, on the same machine.
        threads: Worker threads; 0 takes every core.
        assistance: External wrench applied in the plan as in the execution, or None.
        judged: Roles that have to succeed (0 supporter, 1 recipient).
        base: What the offsets are added to; the reference with balancing ankles by default.
        engine: Name of the engine.
    """

    def __init__(
        self,
        pair: PairBody,
        reference: Reference,
        settings: SearchSettings,
        *,
        seed: int = 0,
        threads: int = 0,
        assistance: Assistance | None = None,
        judged: tuple[int, ...] = (0, 1),
        base: Base | None = None,
        engine: str = BUILT_IN,
    ) -> None:
        super().__init__(pair, reference, judged=judged, engine=engine)
        self.settings, self.assistance, self.cost = settings, assistance, TrackingCost(pair)
        self._base = base or ReferenceBase(pair, reference, settings.balance)
        self._moves = Moves(pair, reference)
        self._rng = np.random.default_rng(seed)
        planned = settings.planned(pair)
        cheap = EngineOptions(threads, planning=True, impratio=settings.impratio, sensors=self._base.touch)
        self._worlds = make_backend(engine, planned, settings.samples, cheap, needs=("exact_restore",))
        self._single = make_backend(engine, planned, 1, replace(cheap, threads=1))
        knots = -(-settings.horizon // settings.hold)
        self._mean = np.zeros((knots, 2, len(pair.joints) - 1, 3))
        self._kept = np.zeros((0, *self._mean.shape))
        self._last = np.zeros(self._mean.shape[1:])
        self._good = settings.good
        self._footing = Footing.none().after(self._simulation.backend, reference, 0)
        self._marks: list[_Mark] = []

    def take_over(self, other: Search, frame: int) -> None:
        """Go on, before the first step, from where another search stood at a control frame or last planned before it.

        Its motion up to there becomes this one's; its plan does not.
        """
        self._marks = [mark for mark in other._marks if mark.frame <= frame]
        mark = self._marks.pop()
        self._simulation, self._frame, self.began = other._simulation.back_at(mark.frame), mark.frame, mark.frame
        self._last, self._base, self._footing = mark.last, mark.base.fork(1), mark.footing

    def advance(self) -> None:
        """Plan, and carry the plan's first frames out."""
        reference, settings, simulation = self.reference, self.settings, self._simulation
        self._marks.append(_Mark(self._frame, self._last, self._base.fork(1), self._footing))
        self._plan(simulation.backend, self._frame)
        for k in range(min(settings.execute, reference.n_frames - 1 - self._frame)):
            frame = self._frame
            targets = self._base.targets(simulation.backend, frame) + self._offset(self._mean[None], k)[0]
            self._base.executed(targets)
            wrench = self.assistance.wrench(simulation.backend, reference, frame)[0] if self.assistance else None
            simulation.advance(targets[0], self._grips(simulation.backend, frame)[0], wrench)
            self._frame += 1
            self._footing = self._footing.after(simulation.backend, reference, self._frame)
        self._shift()

    def _offset(self, knots: np.ndarray, k: int) -> np.ndarray:
        """Offsets k frames into plans, shape (N, 2, J, 3), given their knots, shape (N, knots, 2, J, 3)."""
        knot, share = k // self.settings.hold, (k % self.settings.hold + 1) / self.settings.hold
        before = knots[:, knot - 1] if knot else self._last
        return before + share * (knots[:, knot] - before)

    def _plan(self, start: Backend, frame: int) -> None:
        """Improve the mean offsets from the state of a single world onwards, if they are not good as they are."""
        settings = self.settings
        before = self._roll_out(self._single, start, frame, self._mean[None])[0]
        cost, least = before.max(), before
        if cost < max(settings.good, self._good):
            return
        sigma = np.full_like(self._mean, settings.sigma)
        rows = [self.reference.row(frame + settings.hold * (knot + 1)) for knot in range(len(self._mean))]
        moves = np.stack([self._moves.at(row) for row in rows])
        for _ in range(settings.iterations):
            offsets = self._sample(moves, sigma)
            own = self._roll_out(self._worlds, start, frame, offsets)
            if own[0].max() < settings.good:
                break
            total = own + settings.partner_share * own[:, ::-1]
            self._refine(offsets, total, sigma)
            least = np.minimum(least, own.min(axis=0))
        # Each person's own best: what both reach together is rather more than that.
        in_vain = least.max() > (1 - settings.worth) * cost and cost < settings.near
        self._good = (1 + settings.worth) * cost if in_vain else settings.good

    def _refine(self, offsets: np.ndarray, total: np.ndarray, sigma: np.ndarray) -> None:
        """Move the mean, and the spread in place, to where the best of some offsets are, given what each costs."""
        settings = self.settings
        n_elite = max(2, round(settings.elite_share * settings.samples))
        order = np.argsort(total, axis=0, kind="stable")
        self._kept = np.stack([offsets[order[: settings.keep, p]][:, :, p] for p in range(2)], axis=2)
        for person in range(2):
            elite = order[:n_elite, person]
            cost = total[elite, person]
            weight = np.exp(-(cost - cost.min()))
            weight /= weight.sum()
            chosen = offsets[elite][:, :, person]
            mean = np.einsum("n,nkji->kji", weight, chosen)
            spread = np.sqrt(np.einsum("n,nkji->kji", weight, (chosen - mean) ** 2))
            self._mean[:, person] = mean
            sigma[:, person] = np.clip(spread, settings.min_sigma, settings.sigma)

    def _sample(self, moves: np.ndarray, sigma: np.ndarray) -> np.ndarray:
        """Offsets of every world, shape (N, knots, 2, J, 3); the first world follows the mean, the second none.

        Args:
            moves: `Moves.at` each knot, shape (knots, 2, M, J, 3).
            sigma: Spread of the offsets of single joints [rad], shape (knots, 2, J, 3).
        """
        settings, shape = self.settings, (self.settings.samples, *self._mean.shape)
        noise = self._noise(shape) * sigma
        noise *= self._rng.random((shape[0], 1, *shape[2:4], 1)) < settings.joint_share
        n = round(settings.moved * shape[0])
        if n:
            size = self._noise((n, shape[1], 2, moves.shape[2])) * settings.shift
            size *= (self._rng.random((n, 1, 2, moves.shape[2] // 3)) < 0.5).repeat(3, axis=-1)
            size *= (sigma.mean(axis=(0, 2, 3)) / settings.sigma)[:, None]
            noise[-n:] = np.einsum("nkpm,kpmji->nkpji", size, moves)
        noise[0] = 0
        offsets = self._mean + noise
        offsets[1] = 0
        offsets[2 : 2 + len(self._kept)] = self._kept
        return offsets

    def _noise(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return standard normal noise over plans, part of it the same at all knots, shape (N, knots, ...)."""
        constant_noise_share = self.settings.constant_noise_share
        steady = self._rng.standard_normal((shape[0], 1, *shape[2:]))
        return np.sqrt(constant_noise_share) * steady + np.sqrt(1 - constant_noise_share) * self._rng.standard_normal(
            shape
        )

    def _roll_out(self, worlds: Backend, start: Backend, frame: int, offsets: np.ndarray) -> np.ndarray:
        """Mean cost over the horizon, shape (N, 2), of each of the worlds with its offsets."""
        settings, reference = self.settings, self.reference
        worlds.restore(start.save()[0])
        total, base = np.zeros((worlds.n_worlds, 2)), self._base.fork(1)
        footing, rising = self._footing.fork(worlds.n_worlds), start.com_velocity()[..., 2]
        for k in range(settings.horizon):
            # Freshly restored worlds have nothing to read yet; they all stand where the start stands.
            now = worlds if k else start
            targets = base.targets(now, frame + k) + self._offset(offsets, k)
            base = base if k else base.fork(worlds.n_worlds)
            base.executed(targets)
            worlds.set_targets(targets)
            worlds.set_grips(self._grips(now, frame + k))
            if self.assistance:
                worlds.set_wrench(self.assistance.wrench(now, reference, frame + k))
            worlds.step_unchecked(worlds.pair.substeps)
            footing = footing.after(worlds, reference, frame + k + 1)
            total += self.cost(worlds, reference, frame + k + 1, footing, rising)
            rising = worlds.com_velocity()[..., 2]
        self.control_steps += worlds.n_worlds * settings.horizon
        total /= settings.horizon
        total[worlds.diverged()] = _DIVERGED_COST
        return np.nan_to_num(total, nan=_DIVERGED_COST, posinf=_DIVERGED_COST)

    def _grips(self, backend: Backend, frame: int) -> np.ndarray:
        row = self.reference.row(frame)
        return self.reference.grasp.closed(backend, self.reference.grips[row], row)

    def _shift(self) -> None:
        """Move the plan on by the executed frames; the last knot is held."""
        steps = self.settings.execute // self.settings.hold
        self._last = self._mean[steps - 1]
        self._mean = np.concatenate([self._mean[steps:], np.repeat(self._mean[-1:], steps, axis=0)])
        self._kept = np.concatenate([self._kept[:, steps:], np.repeat(self._kept[:, -1:], steps, axis=1)], axis=1)
