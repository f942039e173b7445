"""How long the extension's own work takes; run by `make bench-blender` in every bpy environment there is.

Prints one JSON object: medians of CPU seconds on one thread, where nothing else is counted that happens on the machine,
and wall-clock seconds of jobs on the embedded engine: from asking to first progress, from cancelling to the end.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import sys
import time
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

FRAMES, REPEATS = 300, 5


def seconds(work) -> float:
    """Median CPU time of a piece of work, the first run left out."""
    found = []
    for _ in range(REPEATS + 1):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return round(statistics.median(found[1:]), 4)


def rigify_seconds(part: SimpleNamespace) -> dict[str, float]:
    """Reading and writing one generated Rigify rig without a face."""
    import bpy
    import numpy as np

    bpy.ops.wm.read_homefile(use_empty=True)
    scene, frames = bpy.context.scene, np.arange(1, FRAMES + 1)
    rigs = import_module("blender.rigs")
    obj = rigs.make_rigify("faceless")
    rigs.animate_rigify(obj, 1, FRAMES)
    rig = part.recognising.rig_of(obj, scene)
    began = time.process_time()
    sampled = part.reading.sample([(obj, rig)], frames, scene)[0]
    motion = sampled.motion
    read = time.process_time()
    part.baking.bake(obj, sampled, motion, "bench", joints=range(22))
    return {
        "read_one_rigify_s": round(read - began, 3),
        "bake_one_rigify_s": round(time.process_time() - read, 3),
    }


def job_seconds(module: str) -> dict[str, float]:
    """The demo: with the engine off, at once after a cancel, and with the engine ready. Each job is cancelled."""
    import bpy

    simulate, session = (import_module(f"{module}.ui.{name}") for name in ("simulate", "session"))
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.ops.assistmimic.load_demo()
    bpy.context.scene.assistmimic.controller = "search"
    found: dict[str, float] = {}
    for which in ("cold", "after_cancel", "warm"):
        time.sleep(2.0 if which == "warm" else 0.0)  # a cancelled worker is ended, its follower has to start
        began = time.perf_counter()
        job = simulate.begin(bpy.context.scene).job
        while job.first_news is None and not job.status.state.has_ended:
            time.sleep(0.001)
        news = time.perf_counter()
        while job.status.stage in ("", "prepare") and not job.status.state.has_ended:
            time.sleep(0.001)
        time.sleep(0.5)
        asked = time.perf_counter()
        job.cancel()
        job.join()
        ended = time.perf_counter()
        with contextlib.suppress(simulate.Cancelled):
            simulate.finish(session.session.running)
        found |= {f"first_progress_{which}_s": round(news - began, 2), "cancel_s": round(ended - asked, 2)}
    session.shut_down()
    return found


def main() -> None:
    """Measure."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    installed = import_module("blender.conftest")  # installs the zip, which has to come before bpy
    import bpy
    import numpy as np

    names = ("armature", "recognising", "reading", "baking", "importing")
    part = SimpleNamespace(**{name: import_module(f"{installed.MODULE}.blender.{name}") for name in names})
    from controller_server.clip.io.npz import read_npz
    from controller_server.clip.resample import resample

    bpy.ops.wm.read_homefile(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps = 30
    clip = resample(read_npz(installed.ROOT / "assets" / "clips" / "pull_up.npz"), 30, FRAMES)
    people = part.importing.clip_to_scene(clip, scene, "bench").people
    for obj in people:
        for bone in obj.pose.bones:
            bone.rotation_mode = "QUATERNION"
    rigs = [(obj, part.recognising.rig_of(obj, scene)) for obj in people]
    frames = np.arange(1, FRAMES + 1)
    sampled = part.reading.sample(rigs, frames, scene)
    motions = [s.motion for s in sampled]

    def bake() -> None:
        for (obj, _), s, motion in zip(rigs, sampled, motions, strict=True):
            part.baking.bake(obj, s, motion, "bench", joints=range(22))

    plain = seconds(lambda: [s.motion for s in part.reading.sample(rigs, frames, scene)])
    baking = seconds(bake)
    for obj in people:
        obj.pose.bones["head"].constraints.new("LIMIT_ROTATION")
    stepped = seconds(lambda: [s.motion for s in part.reading.sample(rigs, frames, scene)])
    print(
        json.dumps(
            {
                "blender": bpy.app.version_string,
                "frames": FRAMES,
                "read_two_rigs_s": plain,
                "read_two_rigs_with_constraints_s": stepped,
                "bake_two_actions_s": baking,
                **rigify_seconds(part),
                **job_seconds(installed.MODULE),
            }
        ),
        flush=True,
    )
    os._exit(0)  # Blender's own clean-up as a module now and then waits for ever


if __name__ == "__main__":
    main()
