"""Measures of trials, summed up frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from controller_server.clip.skeleton import N_BODY_JOINTS, SUCCESS_JOINTS
from controller_server.control.reference.reference import Reference
from controller_server.metrics.tracking import SUCCESS_LIMIT
from controller_server.physics.backend import Backend

SHORTFALL_LIMIT = 0.15
"""Largest height that a recipient who has been helped up may be too low by at the end [m]."""
RISING = 0.05
"""Speed at which a pelvis counts as rising [m/s]."""


@dataclass(frozen=True)
class Trials:
    """Measurements of N trials.

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
class Course:
    """The references that N worlds are compared with: their rows, one clip after another.

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
    def of(references: Sequence[Reference], trials: int) -> Course:
        """Of so many worlds for each reference."""
        length = np.array([reference.n_frames for reference in references])
        return Course(
            references[0].hz,
            trials,
            np.repeat(np.cumsum(length) - length, trials),
            np.repeat(length - 1, trials),
            np.concatenate([reference.positions for reference in references]),
            np.concatenate([reference.grips for reference in references]),
            np.concatenate([reference.velocities[:, 1, 0, 2] > RISING for reference in references]),
        )

    def rows(self, frame: int) -> np.ndarray:
        """Return the row of each world at a control frame, shape (N,); beyond the end the last one holds."""
        return self.first + np.minimum(frame, self.last)


class TrialLog:
    """Sums up what happens, frame by frame, in each world until its clip ends."""

    def __init__(self, course: Course) -> None:
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
        """Note the contact forces of a physics step in a control frame, shape (N, 2, B, 3, 3)."""
        course = self._course
        force = np.nan_to_num(forces[:, 1, :, 0].sum(axis=1))
        force[frame >= course.last] = 0
        self._size += np.linalg.norm(force, axis=-1)
        self._pull += np.linalg.norm(force[:, :2], axis=-1)
        self._lift += force[:, 2]
        self._lift_rising += force[:, 2] * course.rising[course.rows(frame)]
        self._steps += frame < course.last

    def frame(self, backend: Backend, frame: int, wrench: np.ndarray) -> None:
        """Note how worlds are at a control frame, and the external forces that led there, shape (N, 2, 6)."""
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
        """Return whether every recipient whose clip goes on has failed."""
        going = self._frames < self._course.last
        return not (np.isnan(self._failed_at[:, 1]) & going).any()

    def trials(self, clip: int, weight: float) -> Trials:
        """Return what was measured in the worlds of a clip, by its number; the weight is the recipient's [N]."""
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
