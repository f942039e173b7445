"""The example scripts, run as a person would, outside the clone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.paths import ROOT

from controller_server.clip.io.formats import read_clip
from controller_server.clip.io.npz import write_npz
from controller_server.physics.recorded_frames import slice_clip

EXAMPLES = ROOT / "examples"


def run_example(name: str, *arguments: str, folder: Path) -> str:
    """Run a script of `examples/` in a folder and return what it printed."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(EXAMPLES.parent)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def short(tmp_path: Path) -> str:
    """Half a second of `lower_to_chair`."""
    write_npz(tmp_path / "short.npz", slice_clip(read_clip(["lower_to_chair"]).clip, slice(0, 16)))
    return "short.npz"


def test_convert_clip(tmp_path, short):
    """A result and a report are written, and the verdict is printed."""
    printed = run_example("convert_clip.py", short, folder=tmp_path)
    assert printed.startswith("success, carried by search")
    assert read_clip([tmp_path / "out.npz"]).clip.n_frames == 16
    assert (tmp_path / "out.html").stat().st_size > 100_000


def test_measure_clip(tmp_path, short):
    """What nothing supports is little in an example clip."""
    printed = run_example("measure_clip.py", short, folder=tmp_path)
    assert printed.startswith("16 frames at 30 fps")
    missing = [float(line.split(":")[1].split()[0]) for line in printed.splitlines()[1:]]
    assert len(missing) == 2 and max(missing) < 20


def test_play_policy(tmp_path):
    """The policy stays within 5 cm of its clip."""
    printed = run_example("play_policy.py", folder=tmp_path)
    apart = [int(word) for line in printed.splitlines() for word in line.replace("mm", " ").split() if word.isdigit()]
    assert len(apart) == 18 and max(apart) < 50


def test_push_somebody(tmp_path):
    """Who is pushed is farther off than who is not."""
    write_npz(tmp_path / "part.npz", slice_clip(read_clip(["lower_to_chair"]).clip, slice(0, 25)))

    def off(newton: str) -> int:
        printed = run_example("push_somebody.py", "part.npz", newton, folder=tmp_path)
        return int(printed.split(" mm off")[0].split()[-1])

    assert off("0") < 15 < off("300")


def test_every_example_is_in_the_table_and_tested():
    """No script is left out of README or tests."""
    table = (EXAMPLES / "README.md").read_text()
    here = Path(__file__).read_text() + (Path(__file__).parent / "service" / "test_examples.py").read_text()
    for script in EXAMPLES.glob("*.py"):
        assert f"`{script.name}`" in table and f'"{script.name}"' in here
