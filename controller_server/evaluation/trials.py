"""Many trials of one policy on one clip at once, and what was measured in each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.body.strength import Strength
from controller_server.clip.interaction import InteractionClip
from controller_server.control.policy.bundle import PolicyBundle
from controller_server.control.policy.observation import ObservedState
from controller_server.control.policy.policy import PolicyBase, check_fit
from controller_server.control.reference.joined import Joined
from controller_server.control.reference.reference import Reference
from controller_server.control.reference.reference_trajectory import ReferenceTrajectory
from controller_server.control.reference.start import settled_start
from controller_server.metrics.effort import GRAVITY
from controller_server.physics.backend import Backend, EngineOptions, HoldsPairs
from controller_server.physics.engines import make_backend
from controller_server.pipeline.convert import without_supporter

from .conditions import LIMP, Conditions, Dynamics, TrialSample
from .trial_log import Course, TrialLog, Trials


class Supporter(str, Enum):
    """Variants of the supporter in a help test."""

    ACTIVE = "active"
    REMOVED = "removed"
    """Stands out of reach; the recipient's policy sees them there."""
    UNFELT = "unfelt"
    """Stands out of reach; the recipient's policy sees them where the reference has them, but feels nothing."""
    LIMP = "limp"
    """Where they should be, without a muscle that pulls or a hand that holds; the recipient holds on to them."""


@dataclass(frozen=True)
class TrialClip:
    """A clip ready for trials.

    Attributes:
        pair: The bodies the policy knows.
        reference: The reference motion.
        shown: What a policy is shown of the supporter who is removed, where it is to be shown something else.
        people: Strength of (supporter, recipient) now.
        draw: What chance gave.
    """

    pair: PairBody
    reference: Reference
    shown: Reference | None
    people: tuple[Strength, Strength]
    draw: TrialSample

    @staticmethod
    def of(
        clip: InteractionClip, pair: PairBody, conditions: Conditions, dynamics: Dynamics, supporter: Supporter
    ) -> TrialClip:
        """Return a prepared clip with the supporter set as the test wants: noise, friction, strength."""
        shown = Reference.of(clip, pair) if supporter is Supporter.UNFELT else None
        if supporter in (Supporter.REMOVED, Supporter.UNFELT):
            clip = without_supporter(clip)
        elif supporter is Supporter.LIMP:
            grips = np.zeros((clip.n_frames, 2, 2)) if clip.grips is None else np.array(clip.grips)
            grips[:, 0] = 0
            clip = replace(clip, grips=grips)
        reference = Reference.of(clip, pair)
        start = settled_start(pair, reference, conditions.engine)
        draw = TrialSample.of(start, pair, conditions.trials, conditions.seed, conditions.noise)
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
    draw: TrialSample

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
        draw = TrialSample.joined([clip.draw for clip in clips])
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
    course = Course.of([clip.reference for clip in made], conditions.trials)
    shown = [clip.shown for clip in made if clip.shown is not None]
    notice = _as_recorded(_dealt(shown, conditions.trials)) if shown else None
    first, *others = (clip.reference for clip in made)
    base = PolicyBase(setup.pair, first, bundle, n_worlds=n, notice=notice, others=others)
    log = TrialLog(course)
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


def _dealt(references: Sequence[Reference], trials: int) -> ReferenceTrajectory:
    """Return the track of worlds that follow references, so many for each."""
    joined = Joined.of([ReferenceTrajectory.of(one) for one in references], [one.grips for one in references], None)
    return joined.dealt(np.repeat(np.arange(len(references)), trials))


def _push(draw: TrialSample, dynamics: Dynamics, frame: int, course: Course) -> np.ndarray:
    if dynamics.push is None:
        return np.zeros((len(draw.friction), 2, 6))
    return draw.wrench(dynamics.push, frame / course.hz, (course.last + 1) / course.hz)


def _as_recorded(track: ReferenceTrajectory) -> Callable[[ObservedState, int], ObservedState]:
    """Show the supporter of a reference in place of the simulated one."""

    def notice(view: ObservedState, frame: int) -> ObservedState:
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
