"""The example script that needs a server."""

from __future__ import annotations

import os
import subprocess
import sys

from helpers.paths import ROOT
from helpers.service_cases import ServerProcess, short_clip

from controller_server.clip.io.formats import read_clip
from controller_server.clip.io.npz import write_npz

EXAMPLES = ROOT / "examples"


def test_submit_clips(server: ServerProcess, tmp_path):
    """Two clips are handed over and both results written."""
    for name in ("one.npz", "two.npz"):
        write_npz(tmp_path / name, short_clip(2))
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "submit_clips.py"), "one.npz", "two.npz"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(EXAMPLES.parent), "ASSISTMIMIC_STATE": str(server.folder)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["one.npz", "two.npz"]
    assert read_clip([tmp_path / "two_simulated.npz"]).clip.n_frames == 2
