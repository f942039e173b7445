# SPDX-License-Identifier: GPL-3.0-or-later
"""AssistMimic in Blender: two people, one helping the other, simulated with real weight.

Nothing but Blender and the client side of the protocol. What needs no Blender (`rig`, `job`) can be imported and
tested without it, so this module imports `bpy` only when it is registered.
"""

from __future__ import annotations

import importlib
import sys


def register() -> None:
    """Switch the extension on; Blender calls it."""
    unusable = importlib.import_module(f"{__name__}.ui.unusable")
    sentence = unusable.missing()
    if sentence:
        unusable.register(sentence)
    else:
        importlib.import_module(f"{__name__}.registration").register()


def unregister() -> None:
    """Switch the extension off; Blender calls it, also when it ends."""
    whole = sys.modules.get(f"{__name__}.registration") or sys.modules[f"{__name__}.ui.unusable"]
    whole.unregister()
    # The next version of the extension brings the next version of the core: neither may meet the present one.
    for name in [name for name in sys.modules if name.startswith((f"{__name__}.", "controller_server."))]:
        del sys.modules[name]
    sys.modules.pop("controller_server", None)
