"""Several processes on one machine: heard once, and ended together."""

from __future__ import annotations

import runpy
import subprocess
import sys
import time

import pytest

from training import launch

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


def test_torchrun_ends_with_the_sentence(tmp_path, monkeypatch, capsys):
    """Say what is wrong in the first process alone, and leave it for torchrun to end with."""
    said = []
    for rank in ("0", "1"):
        monkeypatch.setenv("LOCAL_RANK", rank)
        monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(tmp_path / rank))
        monkeypatch.setattr(sys, "argv", ["training", "specialist", str(tmp_path / "none.yaml")])
        with pytest.raises(SystemExit) as ended:
            runpy.run_module("training", run_name="__main__")
        assert ended.value.code == 2 and "none.yaml: cannot be read" in (tmp_path / rank).read_text()
        said.append(capsys.readouterr().err.count("\n"))
    assert said == [1, 0]
