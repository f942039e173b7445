"""Stretches of frames: hysteresis, gaps, hand-over between neighbours, cuts."""

import numpy as np

from controller_server.core.time_series import (
    carry,
    fade_weights,
    gaussian,
    hysteresis,
    inside_of,
    intervals,
    still_pieces,
)


def test_hysteresis_needs_one_entry():
    """Keep a run of the loose condition only if the strict one holds somewhere in it."""
    value = np.array([0, 4, 6, 4, 0, 4, 4, 0, 6, 0])
    assert hysteresis(value > 5, value > 3).astype(int).tolist() == [0, 1, 1, 1, 0, 0, 0, 0, 1, 0]


def test_short_runs_go_and_short_gaps_close():
    """Bridge a gap before judging the length."""
    mask = np.array([1, 1, 0, 1, 1, 0, 0, 0, 1], bool)
    assert intervals(mask) == [(0, 2), (3, 5), (8, 9)]
    assert intervals(mask, bridge=1) == [(0, 5), (8, 9)]
    assert intervals(mask, bridge=1, shortest=2) == [(0, 5)]


def test_corrections_fade_and_hand_over():
    """Carry a correction past its run to nothing, and from one run to the next without leaving the two."""
    track = np.zeros((40, 1))
    track[10:15], track[18:25] = 1.0, 3.0
    runs = [(10, 15), (18, 25)]
    out = carry(track, runs, 5.0)[:, 0]
    assert np.array_equal(out[10:15], track[10:15, 0]) and np.array_equal(out[18:25], track[18:25, 0])
    assert not out[:5].any() and not out[31:].any()
    assert (np.diff(out[4:11]) >= 0).all() and 0 < out[8] < 1
    assert (np.diff(out[14:19]) > 0).all()
    weights = fade_weights(40, runs, 5.0)
    assert (weights[0] + weights[1] <= 1 + 1e-12).all()
    assert inside_of(runs, 40).sum() == 12


def test_mean_keeps_constants_and_sums_to_one():
    """Leave a constant alone and spread an impulse without loss."""
    assert np.allclose(gaussian(np.full((9, 2), 3.0), 1.5), 3.0)
    impulse = np.zeros(41)
    impulse[20] = 1
    assert np.isclose(gaussian(impulse, 2.0).sum(), 1)


def test_way_between_two_places_is_cut():
    """Cut once between two places, leave a still point and a short way whole."""
    way = np.concatenate([np.zeros(20), np.linspace(0, 3, 10), np.full(20, 3.0)])[:, None]
    (a, b), (c, d) = still_pieces(way, (0, 50), shortest=5, gap=2)
    assert (a, d) == (0, 50) and 20 <= b <= 26 and 24 <= c <= 30 and c - b == 4
    assert still_pieces(way * 0.2, (0, 50), shortest=5) == [(0, 50)]
    assert still_pieces(way, (18, 26), shortest=5) == [(18, 26)]


def test_cuts_of_what_was_drawn_together_are_the_same():
    """Find the same pieces on the track with every piece drawn to its median."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        track = np.cumsum(rng.normal(0, 0.15, (120, 3)), axis=0)
        pieces = still_pieces(track, (0, 120), shortest=8)
        drawn = track.copy()
        for a, b in pieces:
            drawn[a:b] = np.median(track[a:b], axis=0)
        again = still_pieces(drawn, (0, 120), shortest=8)
        assert again == pieces
