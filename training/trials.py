"""Many trials of one policy on one clip at once, and what was measured in each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.skeleton import N_BODY_JOINTS, SUCCESS_JOINTS
from controller_server.control.bundle import PolicyBundle
from controller_server.control.observation import Track, View
from controller_server.control.policy import PolicyBase
from controller_server.control.reference import Reference
from controller_server.control.start import settled_start
from controller_server.convert import without_supporter
from controller_server.measure.effort import GRAVITY
from controller_server.measure.tracking import SUCCESS_LIMIT
from controller_server.physics.backend import Backend, EngineOptions
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
class TrialSetup:
    """Worlds ready for trials.

    Attributes:
        pair: The bodies the policy knows.
        reference: What is followed.
        backend: One world a trial, at its first frame.
        draw: What chance gave.
    """

    pair: PairBody
    reference: Reference
    backend: Backend
    draw: Draw

    @staticmethod
    def of(
        clip: InteractionClip,
        pair: PairBody,
        conditions: Conditions,
        dynamics: Dynamics,
        supporter: Supporter = Supporter.ACTIVE,
    ) -> TrialSetup:
        """Worlds for a prepared clip: noise, friction, strength, and the supporter set as the test wants."""
        if supporter in (Supporter.REMOVED, Supporter.UNFELT):
            clip = without_supporter(clip)
        elif supporter is Supporter.LIMP:
            grips = np.zeros((clip.n_frames, 2, 2)) if clip.grips is None else np.array(clip.grips)
            grips[:, 0] = 0
            clip = replace(clip, grips=grips)
        reference = Reference.of(clip, pair)
        start = settled_start(pair, reference, conditions.engine)
        draw = Draw.of(start, pair, conditions.trials, conditions.seed, conditions.noise)
        options, needs = EngineOptions(conditions.threads), ("contact_split", "per_world_model")
        backend = make_backend(conditions.engine, pair, conditions.trials, options, needs=needs)
        helper = LIMP if supporter is Supporter.LIMP else pair.supporter.strength
        backend.set_strength((helper, dynamics.recipient(pair.recipient.strength)))
        backend.set_friction(draw.friction)
        backend.set_state(draw.state)
        return TrialSetup(pair, reference, backend, draw)


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
    """Play a policy, deterministically, through a clip in many worlds.

    Who fails goes on: errors are those of whole episodes. A world that diverges has failed and stops counting.

    Args:
        clip: Prepared.
        pair: The bodies the policy was trained with, in the clip's proportions.
        bundle: The policy.
        conditions: Trials, noise, seed.
        dynamics: What is unlike training; as in training by default.
        supporter: What becomes of the supporter.
        on_frame: Called with (control frames done, of).
        until_lost: Stop where every recipient has failed: successes are the same, other measures end there.

    Raises:
        AssistMimicError: the bundle does not fit the pair.
    """
    dynamics = dynamics or Dynamics()
    setup = TrialSetup.of(clip, pair, conditions, dynamics, supporter)
    reference, backend = setup.reference, setup.backend
    notice = _as_recorded(Track.of(Reference.of(clip, pair))) if supporter is Supporter.UNFELT else None
    base = PolicyBase(pair, reference, bundle, n_worlds=conditions.trials, notice=notice)
    log = _Log(conditions.trials, reference)
    last = reference.n_frames - 1
    with np.errstate(all="ignore"):  # a broken world's numbers may overflow; they are not counted
        for frame in range(last):
            backend.set_targets(base.targets(backend, frame))
            backend.set_grips(reference.grips[frame])
            wrench = _push(setup.draw, dynamics, frame, reference)
            backend.set_wrench(wrench)
            steps = backend.record(pair.substeps, ("forces",), checked=False)
            for forces in steps.readings["forces"]:
                log.force(forces, frame)
            log.frame(backend, frame + 1, wrench)
            if on_frame is not None:
                on_frame(frame + 1, last)
            if until_lost and log.lost():
                break
    mass = pair.recipient.mass * dynamics.mass
    return log.trials(reference, mass * GRAVITY)


def _push(draw: Draw, dynamics: Dynamics, frame: int, reference: Reference) -> np.ndarray:
    if dynamics.push is None:
        return np.zeros((len(draw.friction), 2, 6))
    return draw.wrench(dynamics.push, frame / reference.hz, reference.n_frames / reference.hz)


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
    """Sums up what happens, frame by frame."""

    def __init__(self, n: int, reference: Reference) -> None:
        self._reference, self._frames, self._steps = reference, 0, 0
        self._error = np.zeros((n, 2))
        self._failed_at = np.full((n, 2), np.nan)
        self._broken = np.zeros(n, bool)
        self._counted = np.zeros(n)
        self._com: list[np.ndarray] = []
        self._torque, self._wrench = np.zeros(n), np.zeros(n)
        self._size, self._pull, self._lift, self._lift_rising = (np.zeros(n) for _ in range(4))
        self._rising = reference.velocities[:, 1, 0, 2] > RISING
        self._height = np.zeros(n)

    def force(self, forces: np.ndarray, frame: int) -> None:
        force = np.nan_to_num(forces[:, 1, :, 0].sum(axis=1))
        self._size += np.linalg.norm(force, axis=-1)
        self._pull += np.linalg.norm(force[:, :2], axis=-1)
        self._lift += force[:, 2]
        self._lift_rising += force[:, 2] * self._rising[frame]
        self._steps += 1

    def frame(self, backend: Backend, frame: int, wrench: np.ndarray) -> None:
        reference, time = self._reference, frame / self._reference.hz
        self._broken |= backend.diverged()
        positions = backend.positions()
        error = np.linalg.norm(positions - reference.positions[frame], axis=-1)
        apart = error[:, :, list(SUCCESS_JOINTS)].mean(axis=-1)
        over = ~(apart <= SUCCESS_LIMIT) | self._broken[:, None]  # not a number is over too
        self._failed_at = np.where(np.isnan(self._failed_at) & over, time, self._failed_at)
        self._frames, sound = frame, ~self._broken
        self._error[sound] += error[sound][:, :, :N_BODY_JOINTS].mean(axis=-1)
        self._counted[sound] += 1
        self._com.append(np.where(sound[:, None], backend.com()[:, 1], np.nan))
        torque = np.linalg.norm(backend.torques()[:, 1].reshape(len(sound), -1), axis=-1)
        self._torque = np.where(sound, np.maximum(self._torque, torque), self._torque)
        self._wrench = np.maximum(self._wrench, np.linalg.norm(wrench[..., :3], axis=-1).max(axis=1))
        self._height = np.where(sound, positions[:, 1, 0, 2], self._height)

    def lost(self) -> bool:
        return not np.isnan(self._failed_at[:, 1]).any()

    def trials(self, reference: Reference, weight: float) -> Trials:
        com, rising = np.stack(self._com), self._rising[: self._frames].sum() * self._steps // max(self._frames, 1)
        spread = np.zeros(com.shape[1])
        for trial in range(com.shape[1]):
            there = com[:, trial][np.isfinite(com[:, trial]).all(axis=-1)]
            spread[trial] = np.linalg.norm(there.std(axis=0)) if len(there) else 0.0
        lasted = np.isnan(self._failed_at)
        first = np.where(lasted.all(axis=1), np.nan, np.fmin(self._failed_at[:, 0], self._failed_at[:, 1]))
        return Trials(
            success=np.isnan(first),
            recipient_success=lasted[:, 1],
            failure_time=first,
            mpjpe=1000 * self._error / np.maximum(self._counted, 1)[:, None],
            com_spread=spread,
            torque=self._torque,
            partner_force=self._size / self._steps,
            pull=self._pull / self._steps,
            lift=self._lift / self._steps,
            lift_rising=self._lift_rising / rising if rising else np.full(len(self._lift), np.nan),
            shortfall=reference.positions[-1, 1, 0, 2] - self._height,
            wrench=self._wrench,
            diverged=self._broken,
            weight=weight,
        )
