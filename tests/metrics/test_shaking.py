"""Jerk, trembling and speed of tracks that are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from controller_server.metrics.shaking import jerk, shake, tremor


def wave(hz: float, frequency: float, amplitude: float, seconds: float = 4.0) -> np.ndarray:
    """One point that swings along x, shape (S, 1, 3)."""
    time = np.arange(round(seconds * hz) + 1) / hz
    track = np.zeros((len(time), 1, 3))
    track[:, 0, 0] = amplitude * np.sin(2 * np.pi * frequency * time)
    return track


@pytest.mark.parametrize("hz", [24.0, 30.0, 50.0, 60.0, 120.0, 240.0])
def test_jerk_does_not_depend_on_the_rate(hz: float):
    """A swing of 10 cm at 1 Hz has a jerk of a (2 pi f)^3 / sqrt 2 at every rate, to 5 %."""
    assert jerk(wave(hz, 1.0, 0.1), hz) == pytest.approx(0.1 * (2 * np.pi) ** 3 / np.sqrt(2), rel=0.05)


def test_jerk_does_not_see_the_rattle_of_single_steps():
    """A millimetre at 50 Hz would be 22,000 m/s^3; after the low-pass it is next to nothing."""
    assert jerk(wave(240.0, 50.0, 0.001), 240.0) < 5


@pytest.mark.parametrize("hz", [30.0, 60.0, 120.0])
def test_trembling_is_what_is_faster_than_5_hz(hz: float):
    """2 mm at 8 Hz is 1.41 mm root mean square, with or without a swing of 20 cm at 1.5 Hz."""
    calm, shaking = wave(hz, 1.5, 0.2), wave(hz, 8.0, 0.002)
    assert tremor(calm, hz)[0] == pytest.approx(0, abs=0.1)
    for track in (shaking, calm + shaking):
        whole, worst = tremor(track, hz)
        assert whole == pytest.approx(np.sqrt(2), rel=0.08)
        assert worst == pytest.approx(np.sqrt(2), rel=0.12)


def test_the_worst_half_second_stands_out():
    """Shaking for half a second of four: the worst half second has all of it, the whole clip little."""
    track = wave(60.0, 8.0, 0.002)
    outside = np.abs(np.arange(len(track)) / 60 - 2) > 0.25
    track[outside] = 0
    whole, worst = tremor(track, 60.0)
    assert whole is not None and worst is not None
    assert worst == pytest.approx(np.sqrt(2), rel=0.15) and whole < worst / 2


def test_rates_that_cannot_show_it():
    """12.5 frames a second show no 5 Hz; three frames have no jerk."""
    assert tremor(wave(12.5, 1.0, 0.1), 12.5) == (None, None)
    assert jerk(wave(30.0, 1.0, 0.1)[:3], 30.0) == 0.0
    short = shake(wave(30.0, 1.0, 0.1)[:2], 30.0)
    assert short.tremor_mm is None and short.speed_m_s > 0


def test_the_fastest_moment():
    """A swing of 10 cm at 1 Hz is 0.63 m/s at its fastest."""
    assert shake(wave(120.0, 1.0, 0.1), 120.0).speed_m_s == pytest.approx(0.2 * np.pi, rel=0.02)
