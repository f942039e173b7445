"""Trembling, jerks and speed of hands, head, pelvis and feet, at any frame rate by one rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller_server.clip.resample import sample_cubic
from controller_server.clip.skeleton import HEAD, L_FOOT, L_WRIST, PELVIS, R_FOOT, R_WRIST
from controller_server.prepare.smoothing import low_pass

PARTS = {"hands": (L_WRIST, R_WRIST), "head": (HEAD,), "pelvis": (PELVIS,), "feet": (L_FOOT, R_FOOT)}
"""Joints that are looked at."""
JERK_HZ = 30.0
"""Rate jerk is taken at [Hz]: third differences depend on it."""
SMOOTH_HZ = 10.0
"""Low-pass before that [Hz]."""
TREMOR_HZ = 5.0
"""What is faster than this is trembling, no movement [Hz]."""
_SHARP = 8  # order of the filter: a wave of the arm at 2 Hz must leave nothing above 5 Hz
_ENDS = 0.2  # s left out at either end, where a filter has to guess what comes before and after
_HALF_SECOND = 0.5


@dataclass(frozen=True)
class Shake:
    """How calmly some points move.

    Attributes:
        jerk_m_s3: Root mean square of the third derivative of position [m/s^3].
        tremor_mm: Root mean square of what is faster than 5 Hz [mm]; None where the rate cannot show it.
        tremor_worst_mm: The same in the worst half second [mm].
        speed_m_s: Largest speed [m/s].
    """

    jerk_m_s3: float
    tremor_mm: float | None
    tremor_worst_mm: float | None
    speed_m_s: float


def shake(track: np.ndarray, hz: float) -> Shake:
    """Jerk, trembling and speed of some points.

    Args:
        track: Positions [m], shape (S, K, 3).
        hz: Samples per second.
    """
    whole, worst = tremor(track, hz)
    calm = low_pass(track, hz, SMOOTH_HZ) if hz > 2 * SMOOTH_HZ and len(track) > 3 else track
    speed = np.linalg.norm(np.diff(calm, axis=0), axis=-1).max(initial=0) * hz
    return Shake(jerk(track, hz), whole, worst, float(speed))


def jerk(track: np.ndarray, hz: float) -> float:
    """Root mean square of the jerk after a 10 Hz low-pass, taken at 30 Hz, or at the rate there is if that is lower.

    Args:
        track: Positions [m], shape (S, K, 3).
        hz: Samples per second.

    Returns:
        [m/s^3]; 0 for less than four samples.
    """
    if hz > 2 * SMOOTH_HZ and len(track) > 3:
        track = low_pass(track, hz, SMOOTH_HZ)
    rate = min(hz, JERK_HZ)
    if hz > rate:
        count = int(np.floor((len(track) - 1) * rate / hz + 1e-6)) + 1
        track = sample_cubic(track, np.arange(count) * hz / rate)
    third = _inner(np.diff(track, n=3, axis=0) * rate**3, rate)
    return float(np.sqrt((third**2).sum(axis=-1).mean())) if len(third) else 0.0


def tremor(track: np.ndarray, hz: float) -> tuple[float | None, float | None]:
    """Root mean square distance of points from where they are without what is faster than 5 Hz, whole and worst 0.5 s.

    Args:
        track: Positions [m], shape (S, K, 3).
        hz: Samples per second.

    Returns:
        [mm]; None below 20 samples per second, which can hardly show 5 Hz.
    """
    if hz < 4 * TREMOR_HZ or len(track) < 4:
        return None, None
    fast = _inner(track - low_pass(track, hz, TREMOR_HZ, order=_SHARP), hz)
    squared = (fast**2).sum(axis=-1)
    window = min(max(round(_HALF_SECOND * hz), 1), len(squared))
    total = np.concatenate([np.zeros_like(squared[:1]), np.cumsum(squared, axis=0)])
    worst = ((total[window:] - total[:-window]) / window).max()
    return float(1000 * np.sqrt(squared.mean())), float(1000 * np.sqrt(worst))


def _inner(values: np.ndarray, hz: float) -> np.ndarray:
    """Return samples without both ends, where there are enough."""
    cut = round(_ENDS * hz)
    return values[cut:-cut] if cut and len(values) > 4 * cut else values
