"""What programs and people are told: objects on stdout, exit codes, titles, pages to look at, the doctor's page."""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
import webbrowser
from collections import Counter
from pathlib import Path

import pytest
from helpers.standing import standing_pair

from controller_server.batch.run import Counts
from controller_server.cli import doctor, main
from controller_server.cli.batch_command import exit_code
from controller_server.cli.doctor import Finding, zip_for
from controller_server.cli.evaluate_command import exit_code_of
from controller_server.cli.telling import title_of
from controller_server.clip.io.npz import write_npz

FAST = ("--controller", "search", "--quality", "draft", "--threads", "1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a clip."""
    made = tmp_path_factory.mktemp("terminal")
    write_npz(made / "stand up.npz", standing_pair(5))
    return made


@pytest.fixture(scope="module")
def strict(folder: Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a conversion that has to be, and cannot be, without any error."""
    arguments = ["--report", str(folder / "new/page.html"), "--strict", "--json", "--max-joint-error-m", "0"]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["convert", str(folder / "stand up.npz"), str(folder / "new/out.npz"), *FAST, *arguments])
    return code, out.getvalue(), err.getvalue()


def test_one_object_and_nothing_else(strict, folder):
    """Print one JSON object on stdout, all else on stderr, and end with 3 where the clip was not carried."""
    code, out, err = strict
    told = json.loads(out)
    assert (code, told["verdict"], told["name"]) == (3, "failed", "stand up")
    assert told["files"] == [str(folder / "new/out.npz"), str(folder / "new/page.html")]
    assert told["faults"] and told["settings"]["criteria"]["max_joint_error_m"] == 0
    assert f"made the folder {folder / 'new'}" in err and "wrote " in err and "prepare" in err
    assert "<title>stand up · AssistMimic</title>" in (folder / "new/page.html").read_text()


def test_info_for_programs(strict, folder, capsys):
    """Tell a clip and a result as objects, and by exit code alone."""
    assert main(["info", str(folder / "stand up.npz"), "--json", "--strict"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["frames"], told["fps"], told["result"]) == (5, 30.0, None)
    assert told["people"]["supporter"]["leg_length_m"] > 0.7
    result = str(folder / "new/out.npz")
    assert main(["info", result, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["result"]["verdict"] == "failed"
    assert main(["info", result, "--quiet", "--strict"]) == 3
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["stand up", "new/out"])
def test_view_shows_clips_and_results(strict, folder, capsys, monkeypatch, name):
    """Write a page with the motion, a result's contacts and verdict, and open it in the browser."""
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    monkeypatch.setenv("DISPLAY", ":1")
    out = folder / f"{Path(name).stem}.html"
    assert main(["view", str(folder / f"{name}.npz"), "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n" and opened == [out.as_uri() + "#view=single"]
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', out.read_text(), re.S)
    assert found is not None
    data = json.loads(found[1])
    assert set(data["animation"]["motions"]) >= {"simulated"} and data["title"] == Path(name).stem
    touches = len(data["animation"]["contacts"]["position"]["data"]) > 0
    assert (touches, bool(data["scores"]), data["verdict"]["level"]) == (
        (True, True, "failed") if "/" in name else (False, False, "carried")
    )
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert main(["view", str(folder / f"{name}.npz"), "--out", str(out)]) == 0
    assert "open the file yourself" in capsys.readouterr().err and len(opened) == 1


def test_the_doctor_goes_on_whatever_is_broken(capsys, monkeypatch, tmp_path):
    """List every section, mark what is not well, end with 3, and never with a trace; as JSON too."""
    monkeypatch.setenv("ASSISTMIMIC_STATE", str(tmp_path))
    monkeypatch.setenv("ASSISTMIMIC_WORKER_TOKEN", "secret")
    monkeypatch.setattr(doctor, "_renderer", lambda: doctor._tried("strip", lambda: str(1 // 0)))
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert main(["doctor"]) == 3
    page = capsys.readouterr().out
    for text in ("versions:", "engines:", "mujoco_backend loads", "loopback: can listen", "none; start one", "GB free"):
        assert text in page, text
    assert " ! strip: ZeroDivisionError" in page and "secret" not in page
    monkeypatch.setattr(doctor, "_renderer", lambda: Finding("strip", "draws", True))
    assert main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pictures"][0]["value"] == "draws"


def test_which_zip_fits_which_blender():
    """Name the zip by Blender's version and its Python."""
    known = {((4, 2, 5), "3.11"): "-python3.11.zip", ((4, 5, 0), "3.11"): "64.zip", ((5, 2, 0), "3.13"): "64.zip"}
    known |= {
        ((4, 3, 2), "3.13"): "-python3.13.zip",
        ((5, 2, 2), "3.14"): "-python3.14.zip",
        ((3, 6, 0), "3.10"): "later",
    }
    for (blender, python), end in known.items():
        assert zip_for(blender, python).endswith(end), (blender, python)


def test_the_table_of_exit_codes():
    """End with 0 where all went well, 3 where some did, 4 where none did."""
    assert [exit_code(Counts(4, ends=Counter(result=4), carried=n)) for n in (4, 1, 0)] == [0, 3, 4]
    row = lambda rate: {"success_rate": rate, "success_tracking_rate": 1.0}  # noqa: E731
    assert [exit_code_of({"rows": rows}) for rows in ([row(1.0)], [row(1.0), row(0.0)], [row(0.0)])] == [0, 3, 4]
    assert exit_code_of({"rows": [row(None)]}) == 0
    assert title_of([Path("a/helper.bvh"), Path("a/helped.bvh")]) == "helper + helped"
