"""The bench of the server, on as little as it can measure."""

from __future__ import annotations

import json

from controller_server.benchmarks.serve import bench_serve, long_clip


def test_the_bench_measures_what_it_says():
    """Give the documented numbers as plain JSON, with every small job answered."""
    report = bench_serve(clients=2, jobs=1, repeats=1, seconds=0.1)
    assert report["small_jobs_answered"] == report["small_jobs"] == 2
    assert 0 < report["overhead_ms"] < 5000
    assert 0 < report["accept_p50_ms"] <= report["accept_p99_ms"]
    assert report["status_per_s"] > 50
    assert report["overhead_share"] > 0 and report["start_ms"] > 0
    json.dumps(report, allow_nan=False)


def test_the_long_clip_is_as_long_as_asked():
    """Play there and back without a jump."""
    clip = long_clip(10.0)
    assert (clip.n_frames, clip.duration) == (301, 10.0)
    steps = abs(clip.supporter.trans[1:] - clip.supporter.trans[:-1]).max(axis=1)
    assert steps.max() < 0.05
