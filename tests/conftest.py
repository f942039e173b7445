"""What several test modules share: small clips, the real command in a subprocess, the folder of outside data."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from controller_server.core.blas_threads import one_blas_thread

one_blas_thread()  # as the commands do, before numpy is imported: with more, small matrices cost twice the time
_state = tempfile.TemporaryDirectory(prefix="assistmimic-tests-")
os.environ.setdefault("ASSISTMIMIC_STATE", _state.name)  # nothing of whoever tests is read or changed

# ruff: noqa: E402
import numpy as np
import pytest

from controller_server.clip.interaction import InteractionClip, SmplxMotion
from controller_server.clip.rotation import quat_from_rotvec, quat_mul, rotvec_from_quat
from controller_server.clip.skeleton import Skeleton
from controller_server.control.policy import bundle_store

os.environ["ASSISTMIMIC_CACHE"] = "off"  # what is tested is worked out, and this user's folder left alone

# A shell starts what it puts into the background deaf to Ctrl-C, and so would be every command tested here.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def no_policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Nobody but the search: the policies that come along are not found."""
    monkeypatch.setattr(bundle_store, "POLICIES", tmp_path / "none")


def standing_motion(n_frames: int, *, at: tuple[float, float], facing: float) -> SmplxMotion:
    """A neutral person on the floor at a place, facing an angle [rad] from the world's +X, arms hanging."""
    skeleton = Skeleton.neutral()
    upright = quat_from_rotvec(np.array([np.pi / 2, 0, 0]))  # looks along -Y
    root = rotvec_from_quat(quat_mul(quat_from_rotvec(np.array([0, 0, facing + np.pi / 2])), upright))
    pose = np.zeros((n_frames, 21, 3))
    pose[:, 15, 2], pose[:, 16, 2] = -1.2, 1.2  # shoulders: arms from the T-pose to the sides
    rest = skeleton.rest_joints[0]
    height = rest[1] - skeleton.sole_height
    trans = np.tile([at[0] - rest[0], at[1] - rest[1], height - rest[2]], (n_frames, 1))
    return SmplxMotion(trans=trans, root_orient=np.tile(root, (n_frames, 1)), pose_body=pose.reshape(n_frames, 63))


def standing_pair(n_frames: int = 31, fps: float = 30.0) -> InteractionClip:
    """Two people who stand a metre apart and look at each other."""
    return InteractionClip(
        fps=fps,
        supporter=standing_motion(n_frames, at=(-0.5, 0.0), facing=0.0),
        recipient=standing_motion(n_frames, at=(0.5, 0.0), facing=np.pi),
        source="two people standing",
    )


@pytest.fixture
def standing_clip() -> InteractionClip:
    """One second of two people standing a metre apart."""
    return standing_pair()


Run = Callable[..., subprocess.CompletedProcess[str]]


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
