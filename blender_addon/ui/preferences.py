# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs to the machine rather than to a file."""

from typing import Any

import bpy
from bpy.props import BoolProperty, StringProperty

PACKAGE = __package__.rpartition(".")[0]
"""Of the extension: `bl_ext.<repository>.assistmimic`."""


class Preferences(bpy.types.AddonPreferences):
    """Where simulations run."""

    bl_idname = PACKAGE

    use_remote: BoolProperty(
        name="Use a server elsewhere", description="Simulate on another machine instead of this one"
    )
    endpoint: StringProperty(name="Address", description="Such as tcp://studio:5555", default="tcp://127.0.0.1:5555")
    key: StringProperty(
        name="Key file", description="Made by `assistmimic keys add` on the server", subtype="FILE_PATH"
    )

    def draw(self, _: Any) -> None:
        """Blender's preferences page."""
        self.layout.prop(self, "use_remote")
        column = self.layout.column()
        column.enabled = self.use_remote
        column.prop(self, "endpoint")
        column.prop(self, "key")
        self.layout.operator("assistmimic.test_connection")


def preferences() -> Any:
    """The extension's preferences."""
    return bpy.context.preferences.addons[PACKAGE].preferences


def register() -> None:
    """Make them known."""
    bpy.utils.register_class(Preferences)


def unregister() -> None:
    """Forget them."""
    bpy.utils.unregister_class(Preferences)
