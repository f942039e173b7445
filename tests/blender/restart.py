"""One life of a Blender of its own, for `test_restart.py`: `restart.py hand-in FILE [ENDPOINT]`, then `resume`.

`hand-in` saves the file while its job runs and is killed; `resume` opens it and prints what came of it as JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time

import bpy

MODULE = "bl_ext.user_default.assistmimic"


def main() -> None:
    """What the command line says."""
    import addon_utils  # bpy makes it known

    what, path, *endpoint = sys.argv[1:]
    addon_utils.enable(MODULE, default_set=True)
    if endpoint:
        preferences = bpy.context.preferences.addons[MODULE].preferences
        preferences.use_remote, preferences.endpoint = True, endpoint[0]
    if what == "hand-in":
        hand_in(path)
    bpy.ops.wm.open_mainfile(filepath=path)
    assert bpy.ops.assistmimic.resume() == {"FINISHED"}
    settings = bpy.context.scene.assistmimic
    take = settings.shown_take
    plays = settings.recipient.animation_data.action.name
    print(json.dumps({"pending": settings.pending, "frames": [take.start, take.end], "plays": plays}), flush=True)
    addon_utils.disable(MODULE)
    os._exit(0)


def hand_in(path: str) -> None:
    """Simulate the demo, save as soon as there is progress, and die."""
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = 30
    bpy.ops.assistmimic.load_demo()
    bpy.context.scene.frame_end = 32
    settings = bpy.context.scene.assistmimic
    settings.quality, settings.controller = "draft", "search"
    running = importlib.import_module(f"{MODULE}.ui.simulate").begin(bpy.context.scene)
    while running.job.first_news is None:
        assert not running.job.status.state.has_ended, running.job.status
        time.sleep(0.01)
    bpy.ops.wm.save_as_mainfile(filepath=path)
    assert not running.job.status.state.has_ended, running.job.status
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
