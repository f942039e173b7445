"""What several test modules share: small clips, the real command in a subprocess, the folder of outside data."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from controller_server.core.blas_threads import one_blas_thread

one_blas_thread()  # as the commands do, before numpy is imported: with more, small matrices cost twice the time
_state = tempfile.TemporaryDirectory(prefix="assistmimic-tests-")
os.environ.setdefault("ASSISTMIMIC_STATE", _state.name)  # nothing of whoever tests is read or changed

# ruff: noqa: E402
import pytest
from helpers.standing import Run, standing_pair

from controller_server.clip.interaction import InteractionClip
from controller_server.control.policy import bundle_store

os.environ["ASSISTMIMIC_CACHE"] = "off"  # what is tested is worked out, and this user's folder left alone

# A shell starts what it puts into the background deaf to Ctrl-C, and so would be every command tested here.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def no_policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Nobody but the search: the policies that come along are not found."""
    monkeypatch.setattr(bundle_store, "POLICIES", tmp_path / "none")


@pytest.fixture
def standing_clip() -> InteractionClip:
    """One second of two people standing a metre apart."""
    return standing_pair()


@pytest.fixture
def assistmimic(tmp_path: Path) -> Run:
    """The real command, run in an empty folder: `assistmimic("info", "clip.npz")`."""

    def run(*arguments: str | Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "controller_server.cli", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "100"},
        )

    return run


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of data that is not in the repository; tests that need it are skipped where it is not."""
    folder = os.environ.get("ASSISTMIMIC_DATA")
    if not folder:
        pytest.skip("ASSISTMIMIC_DATA is not set")
    return Path(folder)
