# SPDX-License-Identifier: GPL-3.0-or-later
"""Preferences that belong to the machine rather than to a file."""

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

PACKAGE = __package__.rpartition(".")[0]
"""The extension's package: `bl_ext.<repository>.assistmimic`."""

QUALITIES = (
    ("default", "Full", "The steadiest motion"),
    ("draft", "Draft", "To look first: a policy, then a quick search; shakier, and it may lose the hold"),
)


class Preferences(bpy.types.AddonPreferences):
    """Settings of where simulations run, and of how much of the machine they may use."""

    bl_idname = PACKAGE

    quality: EnumProperty(
        name="Quality", description="Of scenes in which nothing else was chosen", items=QUALITIES, default="default"
    )
    cores: IntProperty(
        name="Cores", description="That a simulation on this machine uses; 0 leaves one for Blender", min=0, max=256
    )
    memory_gb: IntProperty(
        name="Memory", description="Gigabytes a simulation on this machine may grow to", default=8, min=1, max=1024
    )
    folder: StringProperty(
        name="Files",
        description="Where jobs and results lie; empty for a folder of the extension's own",
        subtype="DIR_PATH",
    )
    kept: IntProperty(
        name="Results kept", description="On disk, for contacts and forces in the viewport", default=100, min=1
    )

    use_remote: BoolProperty(
        name="Use a server elsewhere", description="Simulate on another machine instead of this one"
    )
    endpoint: StringProperty(name="Address", description="Such as tcp://studio:5555", default="tcp://127.0.0.1:5555")
    key: StringProperty(
        name="Key file", description="Made by `assistmimic keys add` on the server", subtype="FILE_PATH"
    )

    def draw(self, _: Any) -> None:
        """Blender's preferences page."""
        self.layout.use_property_split = True
        column = self.layout.column()
        for name in ("quality", "cores", "memory_gb", "folder", "kept"):
            column.prop(self, name)
        row = self.layout.row()
        row.operator("assistmimic.open_folder", icon="FILE_FOLDER")
        row.operator("assistmimic.manual", icon="HELP")
        self.layout.prop(self, "use_remote")
        column = self.layout.column()
        column.enabled = self.use_remote
        column.prop(self, "endpoint")
        column.prop(self, "key")
        self.layout.operator("assistmimic.test_connection")


def preferences() -> Any:
    """Return the extension's preferences."""
    return bpy.context.preferences.addons[PACKAGE].preferences


def register() -> None:
    """Make them known."""
    bpy.utils.register_class(Preferences)


def unregister() -> None:
    """Forget them."""
    bpy.utils.unregister_class(Preferences)
