"""Fewer keys in a result: every n-th frame exactly, or what Blender's decimation leaves within a tolerance."""

from __future__ import annotations

import importlib
from pathlib import Path

import bpy
import numpy as np
import pytest

from .conftest import MODULE
from .rigs import heads

FRAMES = 13


def keys_of(obj: bpy.types.Object) -> int:
    """Keys an object plays."""
    compat = importlib.import_module(f"{MODULE}.blender.compat")
    return sum(len(curve.keyframe_points) for curve in compat.object_fcurves(obj))


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a short result in it."""
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    bpy.ops.assistmimic.load_demo()
    scene = bpy.context.scene
    scene.frame_end = FRAMES
    scene.assistmimic.quality, scene.assistmimic.controller = "draft", "search"
    assert bpy.ops.assistmimic.simulate() == {"FINISHED"}
    path = tmp_path_factory.mktemp("thin") / "result.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


@pytest.mark.parametrize("how", ["NTH", "TOLERANCE"])
def test_fewer_keys(simulated: Path, how: str) -> None:
    """Keys that stay are where they were; between and beyond them the motion is as near as was asked for."""
    bpy.ops.wm.open_mainfile(filepath=str(simulated))
    scene = bpy.context.scene
    settings = scene.assistmimic
    obj, names = settings.recipient, ["left_wrist", "head", "left_foot"]
    frames, beyond = np.arange(1, FRAMES + 1), np.array([FRAMES + 20])
    before, later, keys = heads(obj, names, frames), heads(obj, names, beyond), keys_of(obj)
    assert bpy.ops.assistmimic.thin(how=how, every=4, tolerance=0.002) == {"FINISHED"}
    after = heads(obj, names, frames)
    assert keys_of(obj) < keys - 0.5 * 200 * FRAMES
    if how == "NTH":
        assert np.abs(after - before)[::4].max() < 1e-5
    assert 0 < np.abs(after - before).max() < 0.03
    assert np.abs(heads(obj, names, beyond) - later).max() < 1e-6
    with pytest.raises(RuntimeError, match="fewer keys already"):
        bpy.ops.assistmimic.thin(how="NTH")
