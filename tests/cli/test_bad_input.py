"""Bad input, given to the real command: one line that says what, where, how to mend; exit code 2; nothing written."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.standing import standing_pair

from controller_server.clip.io.npz import clip_to_arrays, save_arrays

Arrays = dict[str, np.ndarray]


def frames(n: int) -> Callable[[Arrays], None]:
    """Cut every track to some frames."""

    def cut(arrays: Arrays) -> None:
        for name, value in arrays.items():
            if value.ndim == 2 and not name.endswith("rest_joints"):
                arrays[name] = value[:n]

    return cut


def change(name: str, value: Callable[[np.ndarray], object]) -> Callable[[Arrays], None]:
    """Replace one array by something made of it."""

    def apply(arrays: Arrays) -> None:
        arrays[name] = np.asarray(value(arrays[name].copy()))

    return apply


def poke(index: tuple[int, ...], number: float) -> Callable[[np.ndarray], np.ndarray]:
    """Put one number into an array."""

    def apply(array: np.ndarray) -> np.ndarray:
        array[index] = number
        return array

    return apply


def drop(name: str) -> Callable[[Arrays], None]:
    """Leave one array out."""

    def apply(arrays: Arrays) -> None:
        del arrays[name]

    return apply


BROKEN_CLIPS: dict[str, tuple[Callable[[Arrays], None], tuple[str, ...]]] = {
    "wrong shape": (
        change("recipient_pose_body", lambda a: a[:, :60]),
        ("recipient_pose_body", "(31, 63)", "(31, 60)"),
    ),
    "quaternions by shape": (
        change("supporter_root_orient", lambda a: np.tile([1.0, 0, 0, 0], (len(a), 1))),
        ("supporter_root_orient", "quaternions", "rotation vectors"),
    ),
    "angles over a full turn": (
        change("supporter_pose_body", poke((7, 5), 57.3)),
        ("supporter_pose_body", "frame 7", "rotation vectors"),
    ),
    "not a number": (
        change("recipient_trans", poke((12, 1), np.nan)),
        ("recipient_trans", "frame 12", "cut that frame out"),
    ),
    "different lengths": (
        lambda arrays: arrays.update({k: v[:20] for k, v in arrays.items() if k[:9] == "supporter" and v.ndim == 2}),
        ("supporter has 20 frames", "recipient 31", "cut both"),
    ),
    "no frame rate": (change("fps", lambda _: 0.0), ("fps", "0 is outside 1-240")),
    "impossible frame rate": (change("fps", lambda _: 1000.0), ("fps", "1000 is outside 1-240")),
    "a single frame": (frames(1), ("1 frame", "2 to 20000")),
    "under the floor": (
        change("supporter_trans", lambda a: a - [0, 0, 6]),
        ("supporter", "pelvis at -5", "frame 0", "Z up"),
    ),
    "in the sky": (change("recipient_trans", lambda a: a + [0, 0, 50]), ("recipient", "pelvis at 50", "metres")),
    "text for numbers": (change("recipient_betas", lambda _: "tall"), ("not a clip", "tall")),
    "text for a place": (
        change("props", lambda _: '[{"name": "a", "position": "here", "size": [1, 1, 1]}]'),
        ("props", "here"),
    ),
    "version in words": (change("version", lambda _: "one"), ("format version one", "reads version 1")),
    "missing track": (drop("supporter_trans"), ("supporter_trans", "missing")),
    "props that are no JSON": (change("props", lambda _: "chair"), ("props", "JSON")),
}


def broken(path: Path, alter: Callable[[Arrays], None]) -> Path:
    """A clip file with something wrong in it."""
    arrays = clip_to_arrays(standing_pair())
    alter(arrays)
    save_arrays(path, arrays)
    return path


def assert_refused(done, folder: Path, *told: str) -> None:
    """Check for exit code 2, one line with all these words, and no new file."""
    assert done.returncode == 2, done
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("assistmimic: ")
    for words in told:
        assert words in lines[0]
    left = {path.name for path in folder.rglob("*")}
    assert not {name for name in left if name.startswith((".", "out")) or name.endswith((".part", ".html"))}


@pytest.mark.parametrize("case", BROKEN_CLIPS)
def test_broken_clips_are_refused(case, assistmimic, tmp_path):
    """Name file, field and frame."""
    alter, told = BROKEN_CLIPS[case]
    broken(tmp_path / "in.npz", alter)
    assert_refused(assistmimic("convert", "in.npz", "out.npz", "--report", "out.html"), tmp_path, "in.npz", *told)


def test_missing_file(assistmimic, tmp_path):
    """Say which file is not there."""
    assert_refused(assistmimic("convert", "nowhere.npz", "out.npz"), tmp_path, "nowhere.npz", "no such file")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 broken"], ids=["empty", "text", "half a zip"])
def test_files_that_are_no_clip(content, assistmimic, tmp_path):
    """Say that it cannot be read."""
    (tmp_path / "in.npz").write_bytes(content)
    assert_refused(assistmimic("convert", "in.npz", "out.npz"), tmp_path, "in.npz", "not a readable .npz")


def test_an_npz_of_something_else(assistmimic, tmp_path):
    """Say what it holds instead, and where to read what is possible."""
    np.savez(tmp_path / "in.npz", weights=np.ones(3))
    assert_refused(assistmimic("convert", "in.npz", "out.npz"), tmp_path, "in.npz", "weights", "docs/formats.md")


def test_pickled_objects_are_never_opened(assistmimic, tmp_path):
    """Refuse before any of it runs."""

    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "out.trap"), "w"))

    arrays = clip_to_arrays(standing_pair())
    trap = np.empty(1, dtype=object)
    trap[0] = Trap()
    np.savez(tmp_path / "in.npz", **{**arrays, "source": trap}, allow_pickle=True)
    assert_refused(assistmimic("convert", "in.npz", "out.npz"), tmp_path, "in.npz", "pickled objects", "plain arrays")
    (tmp_path / "in.npz").write_bytes(pickle.dumps(Trap()))
    assert_refused(assistmimic("convert", "in.npz", "out.npz"), tmp_path, "in.npz")


@pytest.mark.parametrize("command", ["info", "convert", "evaluate", "train"])
def test_paths_the_system_refuses(command, assistmimic, tmp_path):
    """Pass on in one line what the system says of a path, whichever command asks."""
    name = 300 * "n"
    broken(tmp_path / "in.npz", lambda _: None)
    arguments = {"info": [name], "convert": ["in.npz", f"{name}.npz"], "evaluate": [f"./{name}"]}
    arguments["train"] = ["specialist", f"{name}.yaml"]
    assert_refused(assistmimic(command, *arguments[command]), tmp_path, "name too long")


def test_a_partial_result_never_replaces_what_was_read(assistmimic, tmp_path):
    """Refuse an output whose partial file, should somebody press Ctrl-C, would be the input."""
    broken(tmp_path / "walk.partial.npz", lambda _: None)
    done = assistmimic("convert", "walk.partial.npz", "walk.npz")
    assert done.returncode == 2 and "is also the input and would be overwritten" in done.stderr


def test_output_folder_that_cannot_be_written(assistmimic, tmp_path):
    """Refuse before simulating, whoever runs it."""
    broken(tmp_path / "in.npz", lambda _: None)
    (tmp_path / "file").write_text("")
    for out, told in ((Path("file/out.npz"), "file"), (Path("/proc/nowhere/out.npz"), "/proc")):
        done = assistmimic("convert", "in.npz", out)
        assert_refused(done, tmp_path, str(out), told, "choose a folder you may write to")
    assert_refused(assistmimic("convert", "in.npz", "out.npz", "--report", "file/r.html"), tmp_path, "file/r.html")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["convert", "in.npz", "out.fbx"], "use .npz or .bvh"),
        (["convert", "in.npz", "out"], "use .npz or .bvh"),
        (["convert", "in.npz", "out.npz", "--report", "out.pdf"], "use .html"),
        (["convert", "in.npz", "in.npz"], "also the input"),
        (["convert", "in.npz"], "expected IN OUT"),
        (["convert", "in.npz", "out.npz", "--sed", "3"], "no option --sed; did you mean --seed?"),
        (["convert", "in.npz", "out.npz", "--seed", "three"], "--seed: expected a whole number, got 'three'"),
        (["convert", "in.npz", "out.npz", "--controller", "magic"], "--controller: 'magic' is none of auto, policy"),
        (
            ["convert", "in.npz", "out.npz", "--recipient-strength", "tiny"],
            "expected adult, athlete, older, weak",
        ),
        (["convert", "in.npz", "out.npz", "--grip-force", "900"], "outside 0-450"),
        (["bench", "dirty", "--seed", "1"], "no option --seed; did you mean --seeds?"),
        (
            ["convert", "in.npz", "out.npz", "--trials", "3"],
            "no option --trials here, it is one of evaluate, bench push",
        ),
        (["transmogrify", "in.npz"], "convert, demo, batch, info, view, strip, video, formats, author"),
        ([], "assistmimic --help"),
    ],
    ids=" ".join,
)
def test_wrong_arguments(arguments, told, assistmimic, tmp_path):
    """Name the argument and what would be right."""
    broken(tmp_path / "in.npz", lambda _: None)
    assert_refused(assistmimic(*arguments), tmp_path, told)


def test_bvh_with_unknown_joints(assistmimic, tmp_path):
    """List the joints that could not be found and the option that helps."""
    text = """HIERARCHY
ROOT Blob
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Blub
  {
    OFFSET 0 1 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 1 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.033333
0 1 0 0 0 0 0 0 0
0 1 0 0 0 0 0 0 0
"""
    for name in ("a.bvh", "b.bvh"):
        (tmp_path / name).write_text(text)
    assert_refused(assistmimic("convert", "a.bvh", "b.bvh", "out.npz"), tmp_path, "a.bvh", "left_hip", "--joint-map")


def test_a_written_pair_never_replaces_the_pair_that_was_read(assistmimic, tmp_path):
    """Refuse an output name whose two files are the inputs."""
    for role in ("supporter", "recipient"):
        (tmp_path / f"pair_{role}.bvh").write_text("HIERARCHY")
    done = assistmimic("convert", "pair_supporter.bvh", "pair_recipient.bvh", "pair.bvh")
    assert_refused(done, tmp_path, "pair_supporter.bvh: is also the input")


def test_people_far_apart_are_allowed_with_a_warning(assistmimic, tmp_path):
    """Tell that nobody can help from there, and go on."""
    broken(tmp_path / "in.npz", change("recipient_trans", lambda a: a + [20, 0, 0]))
    done = assistmimic("info", "in.npz")
    assert done.returncode == 0
    assert "21.0 m apart" in done.stderr
    assert "31 frames" in done.stdout
