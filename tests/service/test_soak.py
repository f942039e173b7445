"""A while of disorder: 20 seconds, a minute where `.ci/run` says so, twenty minutes with `make soak`."""

from __future__ import annotations

import os

from .soak import Soak


def test_nothing_is_lost(tmp_path, capsys):
    """End every accepted job exactly once and give undisturbed results, with workers and server killed all the time."""
    seconds = float(os.environ.get("ASSISTMIMIC_SOAK_SECONDS", "20"))
    code = Soak(tmp_path, seconds).run()
    said = capsys.readouterr().out
    assert code == 0, said
    assert "lost=0" in said.splitlines()[-1]
    assert "server killed" in said and "worker killed" in said
