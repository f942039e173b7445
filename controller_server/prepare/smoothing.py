"""Motion a body can start and follow: no jump at the ends, no outlier frames, bounded speeds, no jitter."""

from __future__ import annotations

import numpy as np

from controller_server.clip.rotation import quat_conj, quat_from_rotvec, quat_mul, rotvec_from_quat
from controller_server.core.time_series import gaussian

from .poses import PairPoses

MAX_JOINT_SPEED = 12.0  # rad/s
MAX_ROOT_SPEED = 3.0  # m/s
CUTOFF_HZ = 7.0

_END_FRAMES = 3  # how many frames a warm-starting fit may need to converge
_JUMP_TURN, _JUMP_SHIFT = 0.1, 0.03  # rad, m: a smaller jump at an end is left to the low-pass
_END_LINE = 0.4  # s
_SPIKE_TURN, _SPIKE_SHIFT = 0.15, 0.05  # rad, m off the median of its neighbours


def smooth(
    poses: PairPoses,
    *,
    cutoff_hz: float = CUTOFF_HZ,
    max_joint_speed: float = MAX_JOINT_SPEED,
    max_root_speed: float = MAX_ROOT_SPEED,
    pinned: bool = True,
) -> PairPoses:
    """Repair end jumps and outlier frames, bound the speeds, low-pass without delay.

    Args:
        poses: Captured, fitted or generated.
        cutoff_hz: Half-power frequency of the low-pass on root and joints.
        max_joint_speed: Of every joint against its parent, and of the pelvis [rad/s].
        max_root_speed: Of the pelvis [m/s].
        pinned: Whether the low-pass leaves the first and last frame where they are.
    """
    dt = 1 / poses.fps
    roots = poses.roots
    quats = same_hemisphere(poses.quats)
    roots, quats = _mend_spikes(roots, _SPIKE_SHIFT), _mend_spikes(quats, _SPIKE_TURN / 2)
    quats = _normalised(quats)
    # The last frames are the first ones of the clip played backwards.
    for _ in range(2):
        roots, quats = _mend_start(roots, quats)
        roots, quats = roots[::-1], quats[::-1]
    for _ in range(2):  # the low-pass may overshoot a bound that was just met
        roots = _bounded(roots, max_root_speed * dt, poses.fps, is_rotation=False)
        quats = _bounded(quats, max_joint_speed * dt, poses.fps, is_rotation=True)
        roots = low_pass(roots, poses.fps, cutoff_hz, pinned=pinned)
        quats = _normalised(low_pass(quats, poses.fps, cutoff_hz, pinned=pinned))
        if (
            not _too_fast(roots, max_root_speed * dt, False).any()
            and not _too_fast(quats, max_joint_speed * dt, True).any()
        ):
            break
    return poses.with_changes(roots=roots, quats=quats)


def same_hemisphere(quats: np.ndarray) -> np.ndarray:
    """Flip signs so that neighbouring frames' quaternions lie on the same side. Shape (T, ..., 4)."""
    dots = np.sum(quats[1:] * quats[:-1], axis=-1)
    flips = np.cumprod(np.where(dots < 0, -1.0, 1.0), axis=0)
    signs = np.concatenate([np.ones_like(flips[:1]), flips])
    return quats * signs[..., None]


def low_pass(values: np.ndarray, fps: float, cutoff_hz: float, *, order: int = 2, pinned: bool = True) -> np.ndarray:
    """Zero-phase low-pass along the first axis, as a Butterworth filter run forwards and backwards.

    |H(f)|^2 = 1 / (1 + (f / cutoff)^(2 order)), applied in the frequency domain to the signal continued at both ends.

    Args:
        values: Shape (T, ...).
        fps: Frames per second.
        cutoff_hz: Half-power frequency.
        order: Of the filter.
        pinned: Whether the first and last value stay where they are (the signal is continued by point reflection).
            Where the ends are as noisy as the rest they should not: then what is off a straight line through the
            last 0.4 s is mirrored.
    """
    if values.ndim > 2:  # one body part after the other: memory
        return np.stack([low_pass(part, fps, cutoff_hz, order=order, pinned=pinned) for part in _parts(values)], axis=1)
    n = len(values)
    pad = min(n - 1, int(np.ceil(2 * fps)))
    if pinned:
        head, tail = 2 * values[:1] - values[pad:0:-1], 2 * values[-1:] - values[-2 : -pad - 2 : -1]
    else:
        head, tail = _mirrored(values, pad, fps)[::-1], _mirrored(values[::-1], pad, fps)
    extended = np.concatenate([head, values, tail])
    # Without its straight line the continued signal closes on itself and the transform does not ring.
    ramp = np.linspace(0, 1, len(extended)).reshape(-1, *[1] * (values.ndim - 1))
    line = extended[:1] + (extended[-1:] - extended[:1]) * ramp
    spectrum = np.fft.rfft(extended - line, axis=0)
    frequency = np.fft.rfftfreq(len(extended), 1 / fps).reshape(-1, *[1] * (values.ndim - 1))
    spectrum /= 1 + (frequency / cutoff_hz) ** (2 * order)
    return (np.fft.irfft(spectrum, len(extended), axis=0) + line)[pad : pad + n]


def _parts(values: np.ndarray) -> list[np.ndarray]:
    return [values[:, k] for k in range(values.shape[1])]


def _mirrored(values: np.ndarray, pad: int, fps: float) -> np.ndarray:
    """Return what may have been before the first value, nearest first, shape (pad, ...)."""
    time = np.arange(min(len(values), max(3, round(_END_LINE * fps))))
    centred = (time - time.mean()).reshape(-1, *[1] * (values.ndim - 1))
    slope = (centred * values[: len(time)]).sum(axis=0) / (centred**2).sum()
    back = np.arange(1, pad + 1).reshape(-1, *[1] * (values.ndim - 1))
    return values[1 : pad + 1] - 2 * slope * back


def speeds(poses: PairPoses) -> tuple[np.ndarray, np.ndarray]:
    """Root speed (T-1, 2) [m/s] and joint angular speed against the parent (T-1, 2, 22) [rad/s] between frames."""
    return _steps(poses.roots, False) * poses.fps, _steps(poses.quats, True) * poses.fps


def _normalised(quats: np.ndarray) -> np.ndarray:
    return quats / np.linalg.norm(quats, axis=-1, keepdims=True)


def _steps(values: np.ndarray, is_rotation: bool) -> np.ndarray:
    if is_rotation:
        return np.linalg.norm(rotvec_from_quat(quat_mul(quat_conj(values[:-1]), values[1:])), axis=-1)
    return np.linalg.norm(np.diff(values, axis=0), axis=-1)


def _too_fast(values: np.ndarray, limit: float, is_rotation: bool) -> np.ndarray:
    return _steps(values, is_rotation) > limit * 1.001


def _mend_spikes(values: np.ndarray, tolerance: float) -> np.ndarray:
    """Replace up to three wrong frames in a row: those that are off the running median, which a turn is not."""
    n = len(values)
    if n < 7:
        return values
    if values.ndim > 2:
        return np.stack([_mend_spikes(part, tolerance) for part in _parts(values)], axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(values, 7, axis=0)  # (T-6, ..., 7)
    median = np.median(windows, axis=-1)
    off = np.linalg.norm(values[3:-3] - median, axis=-1)
    usual = np.median(np.abs(windows - median[..., None]), axis=-1)
    bad = np.zeros(values.shape[:-1], dtype=bool)
    # A fast but steady move spreads over its window too: only what is far off by that measure is wrong.
    bad[3:-3] = off > np.maximum(tolerance, 4 * np.linalg.norm(usual, axis=-1))
    out = values.copy()
    flat, good = out.reshape(n, -1, values.shape[-1]), ~bad.reshape(n, -1)
    frames = np.arange(n)
    for k in np.flatnonzero(~good.all(axis=0)):
        for c in range(values.shape[-1]):
            flat[:, k, c] = np.interp(frames, frames[good[:, k]], flat[good[:, k], k, c])
    return out


def _mend_start(roots: np.ndarray, quats: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Replace first frames that the motion jumps away from, by running the motion after the jump backwards."""
    roots, quats = roots.copy(), quats.copy()
    n = len(roots)
    if n < 2 * _END_FRAMES + 3:
        return roots, quats
    velocity = np.diff(roots[: 2 * _END_FRAMES + 3], axis=0)
    window = quats[: 2 * _END_FRAMES + 3]
    spin = rotvec_from_quat(quat_mul(quat_conj(window[:-1]), window[1:]))
    for values, steps, tolerance, is_rotation in (
        (roots, velocity, _JUMP_SHIFT, False),
        (quats, spin, _JUMP_TURN, True),
    ):
        # A jump between k and k + 1 stands out against the steps that follow it.
        size = np.linalg.norm(steps, axis=-1)
        calm = np.max(size[_END_FRAMES:], axis=0)
        jumps = size[:_END_FRAMES] > np.maximum(tolerance, 3 * calm)
        last = np.where(jumps.any(axis=0), _END_FRAMES - np.argmax(jumps[::-1], axis=0), 0)  # first good frame
        for index in np.argwhere(last > 0):
            good = last[tuple(index)]
            step = steps[(good, *index)]
            for k in range(good):
                # Slowing down: a constant speed would overshoot a motion that starts from rest.
                back = -step * (1 - 0.5 ** (good - k))
                here = values[(good, *index)]
                values[(k, *index)] = quat_mul(here, quat_from_rotvec(back)) if is_rotation else here + back
    return roots, quats


def _bounded(values: np.ndarray, limit: float, fps: float, *, is_rotation: bool) -> np.ndarray:
    """Spread steps over the limit onto their neighbours, until none is left."""
    sigma = max(fps / 30, 0.7)
    for _ in range(200):
        fast = _too_fast(values, limit, is_rotation)
        if not fast.any():
            break
        touched = np.zeros(values.shape[:-1])
        touched[:-1] = fast
        touched[1:] = np.maximum(touched[1:], fast)
        weight = np.minimum(gaussian(touched, 2 * sigma) * 4, 1)[..., None]
        values = values + weight * (gaussian(values, sigma) - values)
        if is_rotation:
            values = _normalised(values)
    return values
