"""What comes along is found by name and by the paths that documentation uses, wherever one stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller_server.clip.io.formats import read_clip
from controller_server.control.policy.bundle_store import find_bundle
from controller_server.core.bundled import CLIPS, POLICIES, bundled_clips, named_clip, shipped
from controller_server.core.errors import AssistMimicError


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Stand outside the clone."""
    monkeypatch.chdir(tmp_path)


def test_a_clip_by_its_name_or_its_path_in_a_clone():
    """Both name the same file, and it can be read."""
    assert named_clip(Path("steady")) == named_clip(Path("assets/clips/steady.npz")) == CLIPS / "steady.npz"
    assert read_clip(["steady"]).clip.n_frames == read_clip(["assets/clips/steady.npz"]).clip.n_frames
    assert "pull_up" in bundled_clips()


def test_a_file_of_ones_own_comes_first():
    """Whoever has a folder `assets` of their own gets theirs."""
    own = Path("assets/clips/steady.npz")
    own.parent.mkdir(parents=True)
    own.write_bytes(b"mine")
    assert named_clip(own) == own
    Path("steady").write_bytes(b"mine")
    assert named_clip(Path("steady")) == Path("steady")


@pytest.mark.parametrize(
    "path", ["assets/../secret", "assets/none.npz", "/assets/clips/steady.npz", "other/steady.npz"]
)
def test_other_paths_are_left_alone(path):
    """Nothing outside what comes along is reached."""
    assert shipped(Path(path)) == Path(path)


def test_a_policy_by_its_path_in_a_clone():
    """As README names it for training."""
    assert find_bundle("assets/policies/prior").folder == POLICIES / "prior"


def test_a_name_that_is_none_lists_those_there_are():
    """One line says which."""
    with pytest.raises(AssistMimicError, match="stedy: no such file; clips by name: floor_to_stand, .*steady"):
        read_clip(["stedy"])
