"""Runs inside the Blender that `drive.py` drives: says twice a second what it sees, and how long things took.

Only looks; whatever happens is done by mouse and keys from outside. One JSON object a line goes to $OBSERVED.
"""

from __future__ import annotations

import json
import os
import sys
import time

import bpy

PATH = os.environ["OBSERVED"]
PERIOD = 0.2
_draws: list[float] = []
_last = time.perf_counter()


def _timed(draw):
    def timed(self, context):
        began = time.thread_time()  # not what other processes take meanwhile
        try:
            return draw(self, context)
        finally:
            _draws.append(time.thread_time() - began)

    return timed


def _watch_panels() -> None:
    for name in ("main", "parameters", "range", "results"):
        panel = getattr(bpy.types, f"ASSISTMIMIC_PT_{name}", None)
        if panel is not None:
            panel.draw = _timed(panel.draw)


def _session():
    return next(module.session for name, module in sys.modules.items() if name.endswith("assistmimic.ui.session"))


def _tab() -> str | None:
    """The sidebar's tab that is open."""
    for area in bpy.context.window_manager.windows[0].screen.areas:
        if area.type == "VIEW_3D":
            region = next(region for region in area.regions if region.type == "UI")
            return region.active_panel_category if region.width > 1 else None
    return None


def _look() -> float:
    global _last
    now = time.perf_counter()
    scene, session = bpy.context.scene, _session()
    settings, running = scene.assistmimic, session.running
    take = settings.shown_take
    seen = {
        "version": bpy.app.version[:2],
        "tab": _tab(),
        "end": scene.frame_end,
        "time": time.time(),
        "gap_ms": 1000 * (now - _last - PERIOD),
        "frame": scene.frame_current,
        "people": [obj.name if obj else None for obj in (settings.supporter, settings.recipient)],
        "actions": [
            obj.animation_data.action.name if obj and obj.animation_data and obj.animation_data.action else None
            for obj in (settings.supporter, settings.recipient)
        ],
        "takes": [[t.name, t.state] for t in settings.takes],
        "shown": take.name if take else None,
        "job": running.job.status.state.value if running else None,
        "line": running.job.status.line if running else None,
        "first_news_s": running.job.first_news - running.job.started if running and running.job.first_news else None,
        "message": session.message,
        "tick_ms": 1000 * session.longest_tick,
        "draw_ms": 1000 * max(_draws, default=0.0),
    }
    _draws.clear()
    _last = now
    with open(PATH, "a", encoding="utf-8") as file:
        file.write(json.dumps(seen) + "\n")
    return PERIOD


for _thing in list(bpy.data.objects):
    bpy.data.objects.remove(_thing)
_watch_panels()
bpy.app.timers.register(_look, first_interval=1.0, persistent=True)
