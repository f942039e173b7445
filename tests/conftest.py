"""What several test modules share: small clips, the real command in a subprocess, the folder of outside data."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from controller_server.core.blas_threads import one_blas_thread

one_blas_thread()  # as the commands do, before numpy is imported: with more, small matrices cost twice the time
_state = tempfile.TemporaryDirectory(prefix="assistmimic-tests-")
if "PYTEST_XDIST_WORKER" in os.environ or "ASSISTMIMIC_STATE" not in os.environ:  # each process of the run has its own
    os.environ["ASSISTMIMIC_STATE"] = _state.name  # nothing of whoever tests is read or changed

# ruff: noqa: E402
import pytest
from helpers.standing import Run, standing_pair
from hypothesis import settings

from controller_server.clip.interaction import InteractionClip
from controller_server.control.policy import bundle_store

os.environ["ASSISTMIMIC_CACHE"] = "off"  # what is tested is worked out, and this user's folder left alone

# A shell starts what it puts into the background deaf to Ctrl-C, and so would be every command tested here.
signal.signal(signal.SIGINT, signal.default_int_handler)


NO_DATA = "ASSISTMIMIC_DATA is not set"

# Random examples are the same on every run, and few: what they find once they find again. For a search of one's own:
# pytest --hypothesis-profile=search
settings.register_profile("suite", max_examples=25, derandomize=True, deadline=None, database=None)
settings.register_profile("search", max_examples=2000, deadline=None)
settings.load_profile("suite")


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


EVERYTHING = "ASSISTMIMIC_TEST_EVERYTHING"
"""Set to 1 where every tool the tests use should exist (.ci/run): there a test that is skipped has failed."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
    """Fail a skipped test where none should be."""
    report = yield
    return _refuse_skip(report, item.name)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[Any]:
    """Fail a module that is skipped as a whole where none should be."""
    report = yield
    return _refuse_skip(report, collector.name)


def _refuse_skip(report: Any, name: str) -> Any:
    if not report.skipped or hasattr(report, "wasxfail") or os.environ.get(EVERYTHING) != "1":
        return report
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if NO_DATA in reason and "ASSISTMIMIC_DATA" not in os.environ:
        return report
    report.outcome = "failed"
    report.longrepr = f"{name}: skipped ({reason}); {EVERYTHING}=1 says that what it needs should be here"
    return report


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of data that is not in the repository; tests that need it are skipped where it is not."""
    folder = os.environ.get("ASSISTMIMIC_DATA")
    if not folder:
        pytest.skip(NO_DATA)
    return Path(folder)
