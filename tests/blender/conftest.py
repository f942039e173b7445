"""Tests inside Blender, on the built and installed zip; run them with `make test-blender`.

Without `bpy` nothing here is collected. The zip is installed into folders of its own, so that neither the checkout nor
a developer's extensions are what is tested.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import pytest

HAS_BPY = importlib.util.find_spec("bpy") is not None
collect_ignore_glob = [] if HAS_BPY else ["*"]
ROOT = Path(__file__).resolve().parents[2]
ZIP = Path(os.environ.get("ASSISTMIMIC_ZIP", next(iter((ROOT / "dist").glob("*-linux-x64.zip")), "no zip built")))
MODULE = "bl_ext.user_default.assistmimic"

if HAS_BPY:
    _home = tempfile.TemporaryDirectory(prefix="assistmimic-blender-")
    os.environ |= {
        "BLENDER_USER_RESOURCES": _home.name,
        "BLENDER_USER_EXTENSIONS": str(Path(_home.name) / "extensions"),
        "ASSISTMIMIC_STATE": str(Path(_home.name) / "state"),
    }
    import bpy

    if not ZIP.exists():
        raise RuntimeError(f"{ZIP}: build it first with: make extension")
    bpy.ops.extensions.package_install_files(filepath=str(ZIP), repo="user_default", enable_on_install=True)


@pytest.fixture(scope="session")
def addon() -> ModuleType:
    """The installed extension."""
    return sys.modules[MODULE]


@pytest.fixture(autouse=True)
def empty_file() -> None:
    """Every test begins with a new file without objects, at 30 frames a second."""
    import bpy

    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = 30, 1.0


_status = 0


def pytest_sessionfinish(exitstatus: int) -> None:
    """Remember how it went."""
    global _status
    _status = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Leave without Blender's own clean-up: as a module, 4.5 now and then waits in it for ever."""
    if not HAS_BPY:
        return
    import addon_utils

    addon_utils.disable(MODULE)
    _home.cleanup()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(_status)
