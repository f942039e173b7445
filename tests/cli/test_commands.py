"""The real command: what it prints, what it writes, how it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from helpers.standing import standing_pair
from rich.console import Console

from controller_server.cli.info_command import result_lines
from controller_server.cli.progress import TerminalProgress, plain_line
from controller_server.clip.io.formats import read_clip
from controller_server.clip.io.npz import write_npz
from controller_server.core.progress import Progress
from controller_server.core.version import __version__
from controller_server.pipeline.result import read_result_metadata

FAST = ("--controller", "search", "--quality", "draft", "--threads", "1")


def test_convert_writes_clip_and_report_and_says_so(assistmimic, tmp_path):
    """Make the folders, write both files, print the table and where they are; progress goes to stderr."""
    write_npz(tmp_path / "in.npz", standing_pair(7))
    done = assistmimic("convert", "in.npz", "new/out.npz", "--report", "new/pages/out.html", *FAST, "--seed", "3")
    assert done.returncode == 0, done.stderr
    assert "Success: usable as it is." in done.stdout and "Controller search" in done.stdout
    assert re.search(r"MPJPE to the prepared clip\s*│\s*\d+ mm\s*│\s*\d+ mm", done.stdout)
    assert "wrote new/out.npz" in done.stdout and "wrote new/pages/out.html" in done.stdout
    assert "prepare" in done.stderr and "search" in done.stderr and "measure" in done.stderr
    assert read_clip([tmp_path / "new/out.npz"]).clip.n_frames == 7
    meta = read_result_metadata(tmp_path / "new/out.npz")
    assert meta is not None and meta["settings"]["seed"] == 3
    assert (tmp_path / "new/pages/out.html").stat().st_size > 10_000
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["in.npz", "out.html", "out.npz"]
    told = assistmimic("info", "new/out.npz").stdout
    assert "7 frames at 30 fps" in told and "result: success, controller search, seed 3" in told


def test_bvh_pairs_in_and_out(assistmimic, tmp_path):
    """Take a supporter and a recipient, print what was found out about the files, write a pair again."""
    write_npz(tmp_path / "in.npz", standing_pair(7))
    assert assistmimic("convert", "in.npz", "pair.bvh", *FAST).returncode == 0
    files = sorted(path.name for path in tmp_path.glob("*.bvh"))
    assert len(files) == 2
    recipient, supporter = files
    assert "supporter" in supporter and "recipient" in recipient
    done = assistmimic("convert", supporter, recipient, "out.npz", *FAST)
    assert done.returncode == 0, done.stderr
    assert "note: " in done.stderr
    assert read_clip([tmp_path / "out.npz"]).clip.n_frames == 7


def test_an_interrupted_run_leaves_what_is_done(tmp_path):
    """Exit with 130 after Ctrl-C, with the frames done so far in a partial file and the name of that file."""
    write_npz(tmp_path / "in.npz", standing_pair(300))
    command = [sys.executable, "-m", "controller_server.cli", "convert", "in.npz", "out.npz", *FAST]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        lines = []
        for line in run.stderr:
            lines.append(line)
            if line.startswith("search"):
                break
        time.sleep(0.5)
        run.send_signal(signal.SIGINT)
        lines += run.stderr.readlines()
        assert run.wait(timeout=60) == 130, lines
    assert re.fullmatch(r"assistmimic: interrupted; the first \d+ of 300 frames are in out\.partial\.npz\n", lines[-1])
    clip = read_clip([tmp_path / "out.partial.npz"]).clip
    assert f"first {clip.n_frames} of" in lines[-1]
    assert 2 <= clip.n_frames < 300
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.npz", "out.partial.npz"]


@pytest.mark.parametrize("asked", ["", "3"])
def test_matrices_take_one_thread_unless_asked(asked):
    """Keep numpy's threads away from MuJoCo's, but for a number that somebody chose."""
    shown = "os.environ['OPENBLAS_NUM_THREADS']"
    code = f"import os; from controller_server.cli import main; main(['info', 'no']); print({shown})"
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    environment |= {"OPENBLAS_NUM_THREADS": asked} if asked else {}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)
    assert done.stdout.strip() == (asked or "1"), done.stderr


def test_the_command_starts_quickly(assistmimic):
    """Print its version within a second and a half of processor time, which others on the machine do not lengthen."""
    before = os.times()
    done = assistmimic("--version")
    after = os.times()
    assert done.stdout == f"assistmimic {__version__}\n"
    assert after.children_user + after.children_system - before.children_user - before.children_system < 1.5


@pytest.mark.parametrize("command", ["convert", "info", "strip", "author", "bench", "view", "doctor"])
def test_every_command_has_help(command, assistmimic):
    """Print help on stdout and exit with 0; every option is explained."""
    done = assistmimic(command, "--help")
    assert done.returncode == 0 and done.stderr == ""
    assert f"usage: assistmimic {command}" in done.stdout


def test_options_are_those_of_the_settings(assistmimic):
    """List every setting of a conversion and of reading, in kebab case."""
    text = assistmimic("convert", "--help").stdout
    for option in (
        "--controller {auto,policy,search-policy,search,assisted}",
        "--policy",
        "--quality {default,draft}",
        "--seed",
        "--hands {mitten,full}",
        "--supporter-strength",
        "--recipient-strength",
        "--grip-force",
        "--threads",
        "--no-feet",
        "--grips {auto,clip,fingers,proximity,off}",
        "--bvh-unit",
        "--bvh-up",
        "--joint-map",
        "--body-model",
        "--swap",
        "--report",
    ):
        assert option in text


def test_a_missing_extra_is_named():
    """Say which extra to install, in one line, with exit code 2."""
    code = "import sys; sys.modules['rich'] = None; from controller_server.cli import main; sys.exit(main(['info']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == "assistmimic: the command line needs rich: pip install 'assistmimic[cli]'\n"


def test_progress_lines_tell_rate_and_time_left():
    """Count, rate and rest, once there is a rate."""
    assert plain_line(Progress("prepare"), 3.0) == "prepare ..."
    assert plain_line(Progress("search", 0, 90), 0.0) == "search 0/90 frames"
    assert plain_line(Progress("search", 30, 90), 10.0, 20.2) == "search 30/90 frames, 3.0 frames/s, 20 s left"
    assert plain_line(Progress("queued", note="2 jobs before it"), 1.0) == "queued ..., 2 jobs before it"


def test_progress_on_a_terminal_is_a_bar():
    """Draw stage, count and rate, and take the bar away at the end."""
    with open(os.devnull, "w") as sink:
        console = Console(file=sink, force_terminal=True, width=100, record=True)
        with TerminalProgress(console) as progress:
            progress(Progress("search", 1, 90))
            time.sleep(0.01)
            progress(Progress("search", 30, 90))
            assert progress._bar is not None
            drawn = [str(task.fields["rate"]) for task in progress._bar.tasks]
        assert re.fullmatch(r"[\d.]+ frames/s", drawn[0])


def test_strip_draws_a_picture(assistmimic, tmp_path):
    """Write a PNG of more than one colour."""
    write_npz(tmp_path / "in.npz", standing_pair(3))
    done = assistmimic("strip", "in.npz", "out.png")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert (tmp_path / "out.png").stat().st_size > 5_000


def test_video_films_before_and_after(assistmimic, tmp_path):
    """Write a film twice as wide as one clip's, and refuse an ending that is no film's before reading anything."""
    image = pytest.importorskip("PIL.Image")
    write_npz(tmp_path / "in.npz", standing_pair(3))
    size = ("--width", "64", "--height", "48", "--rate", "10")
    done = assistmimic("video", "in.npz", "out.webp", "--beside", "in.npz", *size)
    assert done.returncode == 0, done.stderr
    with image.open(tmp_path / "out.webp") as film:
        assert film.size == (128, 48)
    refused = assistmimic("video", "missing.npz", "out.avi")
    assert refused.returncode == 2 and "use .mp4 or .webp or .gif" in refused.stderr


def test_info_reads_pairs_of_people(assistmimic, tmp_path):
    """Say sizes, heights and how far each walks."""
    clip = standing_pair(31)
    walk = np.linspace(0, 2, 31)[:, None] * [0.0, 1.0, 0.0]
    moved = clip.with_people(lambda motion: type(motion)(motion.trans + walk, motion.root_orient, motion.pose_body))
    write_npz(tmp_path / "in.npz", moved)
    text = assistmimic("info", "in.npz").stdout
    assert "31 frames at 30 fps, 1.00 s" in text
    assert text.count("walks 2.00 m") == 2
    assert "grips: none given" in text


def test_results_of_every_age_are_told():
    """Say success, what is wrong, or that a result is older than the verdict it would get now."""
    person = {"mpjpe_mm": 12.0, "wrench": {"max_n": 0.0}}
    old = {"success": True, "failure_time_s": None, "supporter": person, "recipient": person}
    meta = {"controller": "search", "settings": {"seed": 3}, "versions": {"assistmimic": "0"}}
    assert "followed (made before" in next(iter(result_lines({**meta, "scores": old})))
    wrong = {"passed": False, "sentence": "recipient's left foot slid 7.0 cm while it bore, at 1.8 s"}
    new = old | {"success": False, "success_tracking": True, "assisted": False, "criteria": [wrong]}
    lines = list(result_lines({**meta, "scores": new | {"other_limits": {"max_slip_m": 0.06}}}))
    assert lines[0].startswith("result: followed, not usable as it is")
    assert lines[1:3] == [f"wrong: {wrong['sentence']}", "judged by other limits: max_slip_m 0.06"]
    lost = old | {"success": False, "success_tracking": False, "failure_time_s": 1.25, "criteria": []}
    assert "failed at 1.25 s" in next(iter(result_lines({**meta, "scores": lost})))
