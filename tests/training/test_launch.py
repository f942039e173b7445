"""Several processes on one machine: heard once, and ended together."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from training import launch

ROOT = Path(__file__).resolve().parents[2]
RANKS = {
    "all well": "pass",
    "same fault": "print('the fault', file=sys.stderr); sys.exit(2)",
    "only the second": "print('the fault', file=sys.stderr) or sys.exit(3) if rank else time.sleep(60)",
}


@pytest.mark.parametrize(
    ("what", "code", "said"), [("all well", 0, 0), ("same fault", 2, 1), ("only the second", 3, 1)]
)
def test_one_is_heard_and_all_end(monkeypatch, capfd, what, code, said):
    """End with the first one's code, say its sentence once, and wait for nobody who goes on alone."""
    script = f"import os, sys, time; rank = int(os.environ['RANK']); {RANKS[what]}"
    popen = subprocess.Popen
    monkeypatch.setattr(launch.subprocess, "Popen", lambda _, **more: popen([sys.executable, "-c", script], **more))
    began = time.monotonic()
    assert launch.launch(2, ["specialist"]) == code
    assert capfd.readouterr().err.count("the fault") == said
    assert time.monotonic() - began < 30


def test_torchrun_ends_with_the_sentence(tmp_path):
    """Say what is wrong in the first process alone, and leave it for torchrun to end with."""
    said = []
    for rank in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-m", "training", "specialist", "none.yaml"],
            env={"PYTHONPATH": str(ROOT), "LOCAL_RANK": rank, "TORCHELASTIC_ERROR_FILE": str(tmp_path / rank)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 2 and "none.yaml: cannot be read" in (tmp_path / rank).read_text()
        said.append(done.stderr.count("\n"))
    assert said == [1, 0]
