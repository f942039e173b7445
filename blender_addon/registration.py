# SPDX-License-Identifier: GPL-3.0-or-later
"""Switching the extension on and off, any number of times."""

from __future__ import annotations

import atexit
from typing import Any

import bpy

from .ui import files, mending, menu, overlay, panels, preferences, properties, results, session, setup, simulate, thin

_CLASSES = (
    *setup.CLASSES,
    *mending.CLASSES,
    *simulate.CLASSES,
    *results.CLASSES,
    *thin.CLASSES,
    *files.CLASSES,
    *menu.CLASSES,
    *panels.CLASSES,
)


def _states_change() -> tuple[Any, ...]:
    """Handlers of all after which a message would be about another file or state."""
    known = bpy.app.handlers
    return known.load_post, known.undo_post, known.redo_post


def register() -> None:
    """Make everything known to Blender. Starts no process and opens no socket."""
    preferences.register()
    properties.register()
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    files.register()
    menu.register()
    overlay.register()
    bpy.app.handlers.load_pre.append(session.leave_running)
    for handlers in _states_change():
        handlers.append(session.forget_message)
    atexit.register(session.shut_down)


def unregister() -> None:
    """End the engine and take everything back."""
    atexit.unregister(session.shut_down)
    bpy.app.handlers.load_pre.remove(session.leave_running)
    for handlers in _states_change():
        handlers.remove(session.forget_message)
    session.shut_down()
    overlay.unregister()
    menu.unregister()
    files.unregister()
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
    properties.unregister()
    preferences.unregister()
