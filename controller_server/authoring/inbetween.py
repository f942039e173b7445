"""From solved keys to smooth tracks: splines through the keys, feet planted or stepping, holds growing and ending."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d

from controller_server.clip.rotation import quat_conj, quat_from_rotvec, quat_mul, quat_slerp, rotvec_from_quat

from .key_pose import KeyPose
from .posing_scene import Stage
from .script import SIDES, Foot, Script

_STEP_PITCH = np.radians(8.0)
_RISE = 0.15
"""Rounding of the times on one foot [s]: a walk rises and sinks once a step."""


def min_jerk(u: np.ndarray | float) -> np.ndarray:
    """0 to 1 with zero velocity and acceleration at both ends (Flash and Hogan 1985)."""
    u = np.clip(u, 0.0, 1.0)
    return u**3 * (10 - 15 * u + 6 * u**2)


def smooth_track(times: np.ndarray, values: np.ndarray, at: np.ndarray, sigma: float) -> np.ndarray:
    """Return a track through values at times that never overshoots, rounded off.

    Args:
        times: Key times [s], shape (K,).
        values: Shape (K, N).
        at: Evenly spaced frame times [s], shape (T,).
        sigma: Width of the rounding (Gaussian) [s].

    Returns:
        Shape (T, N).
    """
    track = PchipInterpolator(times, values, axis=0)(at)
    return gaussian_filter1d(track, sigma / (at[1] - at[0]), axis=0, mode="nearest")


def smooth_qpos(stage: Stage, times: np.ndarray, keys: np.ndarray, at: np.ndarray, sigma: float) -> np.ndarray:
    """Poses between poses: positions and rotation vectors as tracks. Shapes (K, nq) and (T,) to (T, nq)."""
    qpos = np.zeros((len(at), keys.shape[1]))
    for p in range(2):
        a = stage.layout.root_qpos[p]
        qpos[:, a : a + 3] = smooth_track(times, keys[:, a : a + 3], at, sigma)
        for address in [np.arange(a + 3, a + 7), *stage.layout.joint_qpos[p]]:
            first = keys[0, address]
            rotvecs = _unwrapped(rotvec_from_quat(quat_mul(quat_conj(first)[None], keys[:, address])))
            qpos[:, address] = quat_mul(first[None], quat_from_rotvec(smooth_track(times, rotvecs, at, sigma)))
    return qpos


def _unwrapped(rotvecs: np.ndarray) -> np.ndarray:
    """Rotation vectors without jumps by full turns, shape (K, 3)."""
    out = rotvecs.copy()
    for k in range(1, len(out)):
        angle = float(np.linalg.norm(out[k]))
        if angle > 1e-6:
            options = [out[k] * (1 + 2 * np.pi * turn / angle) for turn in (-1, 0, 1)]
            out[k] = min(options, key=lambda v: float(np.linalg.norm(v - out[k - 1])))
    return out


@dataclass(frozen=True)
class FootTrack:
    """One foot over time.

    Attributes:
        position: Ankle joint [m], shape (T, 3).
        quat: Ankle rotation, shape (T, 4).
        heel: How far the toes are bent to stay flat under the heel [rad], shape (T,).
    """

    position: np.ndarray
    quat: np.ndarray
    heel: np.ndarray


def foot_track(stage: Stage, script: Script, p: int, side: str, at: np.ndarray) -> FootTrack:
    """Return a foot that stays exactly where it is between equal keys and steps between different ones."""
    times = np.array([key.time for key in script.keys])
    feet = [key.people[p].feet[SIDES.index(side)] for key in script.keys]
    position, quat, heel = np.zeros((len(at), 3)), np.zeros((len(at), 4)), np.zeros(len(at))
    for t, now in enumerate(at):
        k = int(np.clip(np.searchsorted(times, now, side="right") - 1, 0, len(times) - 2))
        u = float(np.clip((now - times[k]) / (times[k + 1] - times[k]), 0, 1))
        heel[t] = feet[k].heel + float(min_jerk(u)) * (feet[k + 1].heel - feet[k].heel)
        if _planted(feet[k], feet[k + 1]):
            position[t], quat[t] = stage.ankle_target(p, side, replace(feet[k], heel=heel[t]))
        else:
            position[t], quat[t] = _step(stage, p, side, feet[k], feet[k + 1], u, script.step_height)
    return FootTrack(position, quat, heel)


def one_foot_share(script: Script, p: int, at: np.ndarray) -> np.ndarray:
    """Return how far a person is on one foot while the other steps, 0-1, smooth enough to rise by, shape (T,)."""
    times = np.array([key.time for key in script.keys])
    steps = [
        any(not _planted(a, b) for a, b in zip(before.people[p].feet, after.people[p].feet, strict=True))
        for before, after in pairwise(script.keys)
    ]
    now = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(steps) - 1)
    return gaussian_filter1d(np.array(steps, dtype=float)[now], _RISE / (at[1] - at[0]), mode="nearest")


def _planted(before: Foot, after: Foot) -> bool:
    """Return whether a foot stays where it is, but for its heel."""
    return replace(before, heel=0.0) == replace(after, heel=0.0)


def _step(
    stage: Stage, p: int, side: str, start: Foot, end: Foot, u: float, height: float
) -> tuple[np.ndarray, np.ndarray]:
    """Up first, over, and straight down: a sole that is low does not travel."""
    (x0, q0), (x1, q1) = stage.ankle_target(p, side, start), stage.ankle_target(p, side, end)
    over = float(min_jerk((u - 0.08) / 0.84))
    position = x0 + over * (x1 - x0)
    quat = quat_slerp(q0, q1, over)
    if start.lift == 0 and end.lift == 0:
        rise = float(min_jerk(u / 0.5) * min_jerk((1 - u) / 0.5))
        position[2] += height * rise
        pitch = _STEP_PITCH * rise * float(np.cos(np.pi * u))
        quat = quat_mul(quat, quat_from_rotvec(np.array([pitch, 0.0, 0.0])))
    else:
        position[2] = x0[2] + float(min_jerk(u)) * (x1[2] - x0[2])
    return position, quat


class PalmOf(Protocol):
    """Palms in key poses."""

    def __call__(self, key: int, person: int, side: str, held: str) -> tuple[np.ndarray, float]:
        """Palm centre in the frame of a body of the partner [m], shape (3,), and distance of the surfaces [m]."""
        ...


@dataclass(frozen=True)
class HoldTrack:
    """One hand on one body of the partner over the frames in which it nears, holds and leaves it.

    Attributes:
        person: 0 supporter, 1 recipient.
        side: "left" or "right".
        held: SMPL-X joint of the partner.
        frames: Frame indices, shape (F,).
        point: Palm centre in the held body's frame [m], shape (F, 3).
        gap: Distance of the palm's surface to the held one, over that while holding [m], shape (F,).
        strength: 1 while holding, growing from and fading to 0 outside, shape (F,).
        grip: 0-1, shape (F,).
    """

    person: int
    side: str
    held: str
    frames: np.ndarray
    point: np.ndarray
    gap: np.ndarray
    strength: np.ndarray
    grip: np.ndarray


def hold_tracks(script: Script, poses: list[KeyPose], palms: PalmOf, at: np.ndarray) -> list[HoldTrack]:
    """Return all holds. `palms(key, person, side, held)` says where a palm is in a key pose."""
    times = np.array([key.time for key in script.keys])
    tracks = []
    for p in range(2):
        for side in SIDES:
            k = 0
            while k < len(poses):
                anchor = poses[k].anchors.get((p, side))
                last = k
                if anchor is not None:
                    while last + 1 < len(poses) and _same(poses[last + 1].anchors.get((p, side)), anchor.hold):
                        last += 1
                    tracks.append(_hold_track(p, side, poses, palms, times, (k, last), at))
                k = last + 1
    return tracks


def _same(anchor, hold) -> bool:
    return anchor is not None and anchor.hold == hold


def _hold_track(
    p: int, side: str, poses: list[KeyPose], palms: PalmOf, times: np.ndarray, span: tuple[int, int], at: np.ndarray
) -> HoldTrack:
    first, last = span
    anchor = poses[first].anchors[p, side]
    held = anchor.hold.partner
    begin, end = times[max(first - 1, 0)], times[min(last + 1, len(times) - 1)]
    frames = np.flatnonzero((at >= begin - 1e-9) & (at <= end + 1e-9))
    now = at[frames]
    coming = np.where(now < times[first], (now - begin) / max(times[first] - begin, 1e-9), 1.0)
    going = np.where(now > times[last], (end - now) / max(end - times[last], 1e-9), 1.0)
    near = min_jerk(coming) * min_jerk(going)
    before, gap_before = palms(max(first - 1, 0), p, side, held)
    after, gap_after = palms(min(last + 1, len(times) - 1), p, side, held)
    away = np.where((now < times[first])[:, None], before, after)
    gap = (1 - near) * np.where(now < times[first], gap_before, gap_after)
    holding = (now >= times[first] - 1e-9) & (now <= times[last] + 1e-9)
    return HoldTrack(
        person=p,
        side=side,
        held=held,
        frames=frames,
        point=away + near[:, None] * (anchor.point - away),
        gap=gap,
        strength=near**2,
        grip=holding * anchor.hold.grip,
    )
