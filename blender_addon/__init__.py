# SPDX-License-Identifier: GPL-3.0-or-later
"""AssistMimic in Blender: two people, one helping the other, simulated with real weight.

Nothing but Blender and the client side of the protocol. What needs no Blender (`rig`, `job`) can be imported and
tested without it, so this module imports `bpy` only when it is registered.
"""

from __future__ import annotations


def register() -> None:
    """Called by Blender when the extension is switched on."""


def unregister() -> None:
    """Called by Blender when the extension is switched off, and when Blender ends."""
