"""A while of disorder: 20 seconds, a minute where `.ci/run` says so, twenty minutes with `make soak`."""

from __future__ import annotations

import os

import pytest

from .soak import Soak

SECONDS = float(os.environ.get("ASSISTMIMIC_SOAK_SECONDS", "20"))


@pytest.mark.timeout(SECONDS + 300)
def test_nothing_is_lost(tmp_path, capsys):
    """End every accepted job exactly once and give undisturbed results, with workers and server killed all the time."""
    code = Soak(tmp_path, SECONDS).run()
    said = capsys.readouterr().out
    assert code == 0, said
    assert "lost=0" in said.splitlines()[-1]
    assert "server killed" in said and "worker killed" in said
