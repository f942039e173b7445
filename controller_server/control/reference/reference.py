"""The prepared clip at the control rate, as states and joint targets: what every controller follows."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from controller_server.body.drive import leading_targets
from controller_server.body.layout import clip_local_quats, clip_root_positions
from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.resample import resample
from controller_server.clip.rotation import quat_conj, quat_mul, quat_rotate, rotvec_from_quat
from controller_server.clip.skeleton import L_ANKLE, L_FOOT, R_ANKLE, R_FOOT
from controller_server.physics.backend import PairState
from controller_server.physics.inverse_dynamics import SPARING, Load, Motion

from .grasp import Grasp

FOOT_ROWS = (L_ANKLE, R_ANKLE, L_FOOT, R_FOOT)
"""Rows of the feet's bodies: of the bodies, those at the SMPL-X body joints come first and in that order."""
_STANDING_SPEED = 0.1  # m/s: below, a foot stays where it is


@dataclass(frozen=True)
class Reference:
    """K control frames of a pair with B bodies and J = B - 1 joints.

    Attributes:
        hz: Control frames per second.
        state: Positions and velocities as a backend takes them, n = K.
        positions: Joint positions [m], shape (K, 2, B, 3).
        quats: World rotations, shape (K, 2, B, 4).
        com: Centre of mass [m], shape (K, 2, 3).
        grips: 0-1, shape (K, 2, 2).
        grasp: Where hands hold the partner.
        motion: The same as inverse dynamics takes it.
        sparing: How the load is shared out (`inverse_dynamics`).
        independent: Whether people get nothing from each other.
    """

    hz: float
    state: PairState
    positions: np.ndarray
    quats: np.ndarray
    com: np.ndarray
    grips: np.ndarray
    grasp: Grasp
    motion: Motion
    sparing: float = SPARING
    independent: bool = False

    @property
    def n_frames(self) -> int:
        """Number of control frames K."""
        return len(self.positions)

    @cached_property
    def load(self) -> Load:
        """The torques that the motion takes, and the forces that go with them; solved when first asked for."""
        return self.motion.load(self.sparing, apart=self.independent)

    @cached_property
    def targets(self) -> np.ndarray:
        """Joint targets whose PD drive carries the load and follows without lag [rad], shape (K, 2, J, 3).

        See `leading_targets`.
        """
        return leading_targets(self.state.local_quats[:, :, 1:], self.load.torques, self.motion.pair)

    @property
    def opening(self) -> np.ndarray:
        """The targets of the first two frames, without solving the load of all where nobody asked for it."""
        if "targets" in vars(self):
            return self.targets[:2]
        torques = self.motion.opening(self.sparing, apart=self.independent)
        return leading_targets(self.state.local_quats[:2, :, 1:], torques, self.motion.pair)

    def with_targets(self, targets: np.ndarray) -> Reference:
        """Return the same with other joint targets."""
        out = copy(self)
        vars(out)["targets"] = targets
        return out

    @cached_property
    def velocities(self) -> np.ndarray:
        """Velocity of the joint positions [m/s], shape (K, 2, B, 3)."""
        return _central(self.positions, self.hz)

    @cached_property
    def spins(self) -> np.ndarray:
        """Angular velocity of the bodies, world axes [rad/s], shape (K, 2, B, 3)."""
        return _quat_velocity(self.quats, self.hz)

    @cached_property
    def com_velocity(self) -> np.ndarray:
        """Velocity of the centre of mass [m/s], shape (K, 2, 3)."""
        return _central(self.com, self.hz)

    @cached_property
    def standing(self) -> np.ndarray:
        """1 where a foot stands on its spot, else 0, for each of FOOT_ROWS, shape (K, 2, 4)."""
        speed = np.linalg.norm(self.velocities[:, :, FOOT_ROWS, :2], axis=-1)
        still = speed < _STANDING_SPEED
        return (still & still[:, :, [2, 3, 0, 1]]).astype(float)

    def row(self, frame: int) -> int:
        """Return a valid row for any frame: beyond the end the last one holds."""
        return min(max(frame, 0), self.n_frames - 1)

    @staticmethod
    def of(clip: InteractionClip, pair: PairBody, *, extra_frames: int = 0) -> Reference:
        """Return the reference of a prepared clip, its end held still for `extra_frames`."""
        frames = int(np.ceil(clip.duration * pair.control_hz - 1e-6)) + 1 + extra_frames
        clip = resample(clip, pair.control_hz, frames)
        local, root = clip_local_quats(clip, pair.joints), clip_root_positions(clip)
        hz = float(pair.control_hz)
        spin = _quat_velocity(local[:, :, 0], hz)
        joint_velocity = quat_rotate(quat_conj(local[:, :, 1:]), _quat_velocity(local[:, :, 1:], hz))
        joints = list(pair.joints)
        grips = np.zeros((frames, 2, 2)) if clip.grips is None else clip.grips
        motion = Motion.of(clip, pair, grips, hz)
        positions, quats = clip.joints[:, :, joints], clip.joint_quats[:, :, joints]
        return Reference(
            hz=hz,
            state=PairState(root, local, _central(root, hz), spin, joint_velocity),
            positions=positions,
            quats=quats,
            com=motion.centre_of_mass(),
            grips=grips,
            grasp=Grasp.of(pair, positions, quats, grips, hz),
            motion=motion,
        )

    def sharing(self, sparing: float, *, apart: bool = False) -> Reference:
        """Return the same motion with its load shared out otherwise (`inverse_dynamics`).

        Only targets and load differ.
        """
        return replace(self, sparing=sparing, independent=apart)

    def apart(self) -> np.ndarray:
        """Return joint targets of people who get nothing from each other, as `targets`."""
        return self.sharing(SPARING, apart=True).targets


def _central(values: np.ndarray, hz: float) -> np.ndarray:
    return np.gradient(values, 1.0 / hz, axis=0)


def _quat_velocity(quats: np.ndarray, hz: float) -> np.ndarray:
    """Angular velocity in the parent's (or world's) axes by central differences. Shape (K, ..., 4) to (K, ..., 3)."""
    ahead = np.concatenate([quats[1:], quats[-1:]])
    behind = np.concatenate([quats[:1], quats[:-1]])
    steps = np.full((len(quats), *[1] * (quats.ndim - 1)), 2.0)
    steps[0] = steps[-1] = 1.0
    return rotvec_from_quat(quat_mul(ahead, quat_conj(behind))) * hz / steps
