"""Many trials of one policy on one clip at once, and what was measured in each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.body.strength import Strength
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.skeleton import N_BODY_JOINTS, SUCCESS_JOINTS
from controller_server.control.bundle import PolicyBundle
from controller_server.control.joined import Joined
from controller_server.control.observation import Track, View
from controller_server.control.policy import PolicyBase, check_fit
from controller_server.control.reference import Reference
from controller_server.control.start import settled_start
from controller_server.convert import without_supporter
from controller_server.measure.effort import GRAVITY
from controller_server.measure.tracking import SUCCESS_LIMIT
from controller_server.physics.backend import Backend, EngineOptions, HoldsPairs
from controller_server.physics.engines import make_backend

from .conditions import LIMP, Conditions, Draw, Dynamics

SHORTFALL_LIMIT = 0.15
"""How much too low a recipient may end who has been helped up [m]."""
RISING = 0.05
"""Speed at which a pelvis counts as rising [m/s]."""


class Supporter(str, Enum):
    """What becomes of the supporter in a help test."""

    ACTIVE = "active"
    REMOVED = "removed"
    """Stands out of reach; the recipient's policy sees them there."""
    UNFELT = "unfelt"
    """Stands out of reach; the recipient's policy sees them where the reference has them, but feels nothing."""
    LIMP = "limp"
    """Where they should be, without a muscle that pulls or a hand that holds; the recipient holds on to them."""


@dataclass(frozen=True)
class Trials:
    """What was measured in N trials.

    Attributes:
        success: Both people never over 0.25 m deviation, to the end, shape (N,).
        recipient_success: The same of the recipient alone, shape (N,).
        failure_time: When somebody was first too far off [s]; nan where nobody was, shape (N,).
        mpjpe: Mean position error over time and the 22 joints of each person [mm], shape (N, 2).
        com_spread: Norm of the standard deviation over time of the recipient's centre of mass [m], shape (N,).
        torque: Largest norm over time of all the recipient's muscle torques [N m], shape (N,).
        partner_force: Mean over time of the size of the force from the supporter on the recipient [N], shape (N,).
        pull: Mean over time of the size of its horizontal part [N], shape (N,).
        lift: Mean over time of its upward part [N], shape (N,).
        lift_rising: The same over the time in which the recipient's pelvis rises in the reference; nan where it never
            does, shape (N,).
        shortfall: How much too low the recipient's pelvis is at the end [m], shape (N,).
        wrench: Largest external force on anybody [N], shape (N,).
        diverged: Whether the simulation broke, shape (N,).
        weight: Of the recipient [N].
    """

    success: np.ndarray
    recipient_success: np.ndarray
    failure_time: np.ndarray
    mpjpe: np.ndarray
    com_spread: np.ndarray
    torque: np.ndarray
    partner_force: np.ndarray
    pull: np.ndarray
    lift: np.ndarray
    lift_rising: np.ndarray
    shortfall: np.ndarray
    wrench: np.ndarray
    diverged: np.ndarray
    weight: float

    @property
    def carried(self) -> np.ndarray:
        """The measure of the help test: the recipient stayed on the clip and ends as high as they should, (N,)."""
        return self.recipient_success & (self.shortfall <= SHORTFALL_LIMIT)


@dataclass(frozen=True)
class TrialClip:
    """A clip ready for trials.

    Attributes:
        pair: The bodies the policy knows.
        reference: What is followed.
        shown: What a policy is shown of the supporter who is removed, where it is to be shown something else.
        people: Strength of (supporter, recipient) now.
        draw: What chance gave.
    """

    pair: PairBody
    reference: Reference
    shown: Reference | None
    people: tuple[Strength, Strength]
    draw: Draw

    @staticmethod
    def of(
        clip: InteractionClip, pair: PairBody, conditions: Conditions, dynamics: Dynamics, supporter: Supporter
    ) -> TrialClip:
        """A prepared clip with the supporter set as the test wants: noise, friction, strength."""
        shown = Reference.of(clip, pair) if supporter is Supporter.UNFELT else None
        if supporter in (Supporter.REMOVED, Supporter.UNFELT):
            clip = without_supporter(clip)
        elif supporter is Supporter.LIMP:
            grips = np.zeros((clip.n_frames, 2, 2)) if clip.grips is None else np.array(clip.grips)
            grips[:, 0] = 0
            clip = replace(clip, grips=grips)
        reference = Reference.of(clip, pair)
        start = settled_start(pair, reference, conditions.engine)
        draw = Draw.of(start, pair, conditions.trials, conditions.seed, conditions.noise)
        helper = LIMP if supporter is Supporter.LIMP else pair.supporter.strength
        return TrialClip(pair, reference, shown, (helper, dynamics.recipient(pair.recipient.strength)), draw)


@dataclass(frozen=True)
class TrialSetup:
    """Worlds ready for trials: those of the first clip, then those of the next.

    Attributes:
        clips: What is tried.
        backend: One world a trial, at its first frame.
        draw: What chance gave to all of them.
    """

    clips: tuple[TrialClip, ...]
    backend: Backend
    draw: Draw

    @property
    def pair(self) -> PairBody:
        """The bodies of the first clip."""
        return self.clips[0].pair

    @property
    def reference(self) -> Reference:
        """The reference of the first clip."""
        return self.clips[0].reference

    @staticmethod
    def of(
        clip: InteractionClip,
        pair: PairBody,
        conditions: Conditions,
        dynamics: Dynamics,
        supporter: Supporter = Supporter.ACTIVE,
    ) -> TrialSetup:
        """Worlds for a prepared clip: noise, friction, strength, and the supporter set as the test wants."""
        return TrialSetup.together([TrialClip.of(clip, pair, conditions, dynamics, supporter)], conditions)

    @staticmethod
    def together(clips: Sequence[TrialClip], conditions: Conditions) -> TrialSetup:
        """Worlds for several clips, as many for each."""
        options, needs = EngineOptions(conditions.threads), ["contact_split", "per_world_model"]
        needs += ["per_world_pair"] if len(clips) > 1 else []
        count = conditions.trials
        backend = make_backend(conditions.engine, clips[0].pair, count * len(clips), options, needs=needs)
        if len(clips) > 1:
            assert isinstance(backend, HoldsPairs)
            backend.hold_pairs([clip.pair for clip in clips])
            backend.set_pairs(np.repeat(np.arange(len(clips)), count).tolist())
        for k, clip in enumerate(clips):
            worlds = list(range(k * count, (k + 1) * count))
            backend.set_strength(clip.people, worlds)
            backend.set_friction(clip.draw.friction, worlds)
        draw = Draw.joined([clip.draw for clip in clips])
        backend.set_state(draw.state)
        return TrialSetup(tuple(clips), backend, draw)


def run_trials(
    clip: InteractionClip,
    pair: PairBody,
    bundle: PolicyBundle,
    conditions: Conditions,
    dynamics: Dynamics | None = None,
    supporter: Supporter = Supporter.ACTIVE,
    on_frame: Callable[[int, int], None] | None = None,
    *,
    until_lost: bool = False,
) -> Trials:
    """Play a policy through one clip: see `run_together`."""
    return run_together([(clip, pair)], bundle, conditions, dynamics, supporter, on_frame, until_lost=until_lost)[0]


def run_together(
    clips: Sequence[tuple[InteractionClip, PairBody]],
    bundle: PolicyBundle,
    conditions: Conditions,
    dynamics: Dynamics | None = None,
    supporter: Supporter = Supporter.ACTIVE,
    on_frame: Callable[[int, int], None] | None = None,
    *,
    until_lost: bool = False,
) -> list[Trials]:
    """Play a policy, deterministically, through clips in many worlds, all clips at once.

    Who fails goes on: errors are those of whole episodes. A world that diverges has failed and stops counting, one
    whose clip has ended stops counting too.

    Args:
        clips: Prepared, each with the bodies the policy was trained with in the clip's proportions.
        bundle: The policy.
        conditions: Trials of each clip, noise, seed.
        dynamics: What is unlike training; as in training by default.
        supporter: What becomes of the supporter.
        on_frame: Called with (control frames done, of).
        until_lost: Stop where every recipient has failed: successes are the same, other measures end there.

    Returns:
        One for each clip.

    Raises:
        AssistMimicError: the bundle does not fit a pair.
    """
    dynamics = dynamics or Dynamics()
    for _, pair in clips:
        check_fit(bundle.card, pair)
    made = [TrialClip.of(clip, pair, conditions, dynamics, supporter) for clip, pair in clips]
    setup = TrialSetup.together(made, conditions)
    backend, n = setup.backend, conditions.trials * len(clips)
    course = _Course.of([clip.reference for clip in made], conditions.trials)
    shown = [clip.shown for clip in made if clip.shown is not None]
    notice = _as_recorded(_dealt(shown, conditions.trials)) if shown else None
    first, *others = (clip.reference for clip in made)
    base = PolicyBase(setup.pair, first, bundle, n_worlds=n, notice=notice, others=others)
    log = _Log(course)
    last = int(course.last.max())
    with np.errstate(all="ignore"):  # a broken world's numbers may overflow; they are not counted
        for frame in range(last):
            backend.set_targets(base.targets(backend, frame))
            backend.set_grips(course.grips[course.rows(frame)])
            wrench = _push(setup.draw, dynamics, frame, course)
            backend.set_wrench(wrench)
            steps = backend.record(setup.pair.substeps, ("forces",), checked=False)
            for forces in steps.readings["forces"]:
                log.force(forces, frame)
            log.frame(backend, frame + 1, wrench)
            if on_frame is not None:
                on_frame(frame + 1, last)
            if until_lost and log.lost():
                break
    weights = [pair.recipient.mass * dynamics.mass * GRAVITY for _, pair in clips]
    return [log.trials(k, weight) for k, weight in enumerate(weights)]


def _dealt(references: Sequence[Reference], trials: int) -> Track:
    """The track of worlds that follow references, so many for each."""
    joined = Joined.of([Track.of(one) for one in references], [one.grips for one in references], None)
    return joined.dealt(np.repeat(np.arange(len(references)), trials))


@dataclass(frozen=True)
class _Course:
    """What N worlds are held against: the rows of their references, one clip after another.

    Attributes:
        hz: Control frames a second.
        trials: Worlds of each clip.
        first: Row at which each world's clip begins, shape (N,).
        last: Last control frame of each world's clip, shape (N,).
        positions: Shape (K, 2, B, 3).
        grips: Shape (K, 2, 2).
        rising: Whether the recipient's pelvis rises, shape (K,).
    """

    hz: float
    trials: int
    first: np.ndarray
    last: np.ndarray
    positions: np.ndarray
    grips: np.ndarray
    rising: np.ndarray

    @staticmethod
    def of(references: Sequence[Reference], trials: int) -> _Course:
        """Of so many worlds for each reference."""
        length = np.array([reference.n_frames for reference in references])
        return _Course(
            references[0].hz,
            trials,
            np.repeat(np.cumsum(length) - length, trials),
            np.repeat(length - 1, trials),
            np.concatenate([reference.positions for reference in references]),
            np.concatenate([reference.grips for reference in references]),
            np.concatenate([reference.velocities[:, 1, 0, 2] > RISING for reference in references]),
        )

    def rows(self, frame: int) -> np.ndarray:
        """The row of each world at a control frame, shape (N,); beyond the end the last one holds."""
        return self.first + np.minimum(frame, self.last)


def _push(draw: Draw, dynamics: Dynamics, frame: int, course: _Course) -> np.ndarray:
    if dynamics.push is None:
        return np.zeros((len(draw.friction), 2, 6))
    return draw.wrench(dynamics.push, frame / course.hz, (course.last + 1) / course.hz)


def _as_recorded(track: Track) -> Callable[[View, int], View]:
    """Shows the supporter of a reference in place of the simulated one."""

    def notice(view: View, frame: int) -> View:
        worlds = len(view.action)
        shown = {}
        for when, frames, bodies in (("now", frame, view.now), ("goal", frame + 1, view.goal)):
            recorded = track.bodies(np.full(worlds, frames))
            arrays = {name: np.array(array) for name, array in vars(bodies).items()}
            for name, array in arrays.items():
                array[:, 0] = getattr(recorded, name)[:, 0]
            shown[when] = replace(bodies, **arrays)
        return replace(view, **shown, grips=track.grips_at(np.full(worlds, frame)))

    return notice


class _Log:
    """Sums up what happens, frame by frame, in each world until its clip ends."""

    def __init__(self, course: _Course) -> None:
        n = len(course.last)
        self._course, self._frames = course, 0
        self._error, self._steps = np.zeros((n, 2)), np.zeros(n)
        self._failed_at = np.full((n, 2), np.nan)
        self._broken = np.zeros(n, bool)
        self._counted = np.zeros(n)
        self._com: list[np.ndarray] = []
        self._torque, self._wrench = np.zeros(n), np.zeros(n)
        self._size, self._pull, self._lift, self._lift_rising = (np.zeros(n) for _ in range(4))
        self._height = np.zeros(n)

    def force(self, forces: np.ndarray, frame: int) -> None:
        course = self._course
        force = np.nan_to_num(forces[:, 1, :, 0].sum(axis=1))
        force[frame >= course.last] = 0
        self._size += np.linalg.norm(force, axis=-1)
        self._pull += np.linalg.norm(force[:, :2], axis=-1)
        self._lift += force[:, 2]
        self._lift_rising += force[:, 2] * course.rising[course.rows(frame)]
        self._steps += frame < course.last

    def frame(self, backend: Backend, frame: int, wrench: np.ndarray) -> None:
        course, time = self._course, frame / self._course.hz
        there = frame <= course.last
        self._broken |= backend.diverged() & there
        positions = backend.positions()
        error = np.linalg.norm(positions - course.positions[course.rows(frame)], axis=-1)
        apart = error[:, :, list(SUCCESS_JOINTS)].mean(axis=-1)
        over = (~(apart <= SUCCESS_LIMIT) | self._broken[:, None]) & there[:, None]  # not a number is over too
        self._failed_at = np.where(np.isnan(self._failed_at) & over, time, self._failed_at)
        self._frames, sound = frame, ~self._broken & there
        self._error[sound] += error[sound][:, :, :N_BODY_JOINTS].mean(axis=-1)
        self._counted[sound] += 1
        self._com.append(np.where(sound[:, None], backend.com()[:, 1], np.nan))
        torque = np.linalg.norm(backend.torques()[:, 1].reshape(len(sound), -1), axis=-1)
        self._torque = np.where(sound, np.maximum(self._torque, torque), self._torque)
        pushed = np.where(there, np.linalg.norm(wrench[..., :3], axis=-1).max(axis=1), 0.0)
        self._wrench = np.maximum(self._wrench, pushed)
        self._height = np.where(sound, positions[:, 1, 0, 2], self._height)

    def lost(self) -> bool:
        going = self._frames < self._course.last
        return not (np.isnan(self._failed_at[:, 1]) & going).any()

    def trials(self, clip: int, weight: float) -> Trials:
        course = self._course
        own = slice(clip * course.trials, (clip + 1) * course.trials)
        first, frames = int(course.first[own][0]), min(self._frames, int(course.last[own][0]))
        steps = int(self._steps[own][0])
        com = np.stack(self._com[:frames])[:, own]
        rising = int(course.rising[first : first + frames].sum()) * steps // max(frames, 1)
        spread = np.zeros(com.shape[1])
        for trial in range(com.shape[1]):
            there = com[:, trial][np.isfinite(com[:, trial]).all(axis=-1)]
            spread[trial] = np.linalg.norm(there.std(axis=0)) if len(there) else 0.0
        failed_at = self._failed_at[own]
        lasted = np.isnan(failed_at)
        failure = np.where(lasted.all(axis=1), np.nan, np.fmin(failed_at[:, 0], failed_at[:, 1]))
        lift_rising = self._lift_rising[own]
        return Trials(
            success=np.isnan(failure),
            recipient_success=lasted[:, 1],
            failure_time=failure,
            mpjpe=1000 * self._error[own] / np.maximum(self._counted[own], 1)[:, None],
            com_spread=spread,
            torque=self._torque[own],
            partner_force=self._size[own] / steps,
            pull=self._pull[own] / steps,
            lift=self._lift[own] / steps,
            lift_rising=lift_rising / rising if rising else np.full(len(lift_rising), np.nan),
            shortfall=course.positions[first + int(course.last[own][0]), 1, 0, 2] - self._height[own],
            wrench=self._wrench[own],
            diverged=self._broken[own],
            weight=weight,
        )
