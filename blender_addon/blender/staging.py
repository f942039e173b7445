# SPDX-License-Identifier: GPL-3.0-or-later
"""Two people seen at once: what stands in the way, and 3D views that look at them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

_VIEWPORT_SENSOR = 72.0
"""Width a 3D view's lens projects onto [mm]: Blender's 36 mm at the zoom of views that are not a camera's."""
_MARGIN = 1.15
_SMALLEST = 0.05
_MESH_LIKE = ("MESH", "CURVE", "SURFACE", "META", "FONT")


@dataclass(frozen=True)
class Box:
    """A box along the axes of the scene.

    Attributes:
        low: Its lowest corner [scene units], shape (3,).
        high: Its highest corner [scene units], shape (3,).
    """

    low: np.ndarray
    high: np.ndarray

    @staticmethod
    def around(points: np.ndarray) -> Box:
        """Return the box around points, shape (..., 3)."""
        flat = points.reshape(-1, 3)
        return Box(flat.min(axis=0), flat.max(axis=0))

    @property
    def centre(self) -> np.ndarray:
        """Its middle, shape (3,)."""
        return (self.low + self.high) / 2

    @property
    def radius(self) -> float:
        """Half its diagonal."""
        return float(np.linalg.norm(self.high - self.low) / 2)

    def joined(self, other: Box) -> Box:
        """Return the box around both."""
        return Box(np.minimum(self.low, other.low), np.maximum(self.high, other.high))

    def moved(self, by: Sequence[float]) -> Box:
        """Return the box elsewhere."""
        return Box(self.low + by, self.high + by)

    def meets(self, other: Box) -> bool:
        """Return whether the boxes have more than a skin in common."""
        return bool((np.minimum(self.high, other.high) - np.maximum(self.low, other.low) > 1e-3).all())


def box_of_object(obj: Any) -> Box:
    """Return the box around an object as it stands."""
    corners = np.c_[np.array(obj.bound_box, dtype=float), np.ones(8)]
    return Box.around((corners @ np.array(obj.matrix_world).T)[:, :3])


def box_of_people(people: Sequence[Any]) -> Box:
    """Return the box around armatures as they are posed now, flesh included."""
    heads = [np.array(obj.matrix_world @ bone.head) for obj in people for bone in obj.pose.bones]
    box = Box.around(np.array(heads))
    flesh = 0.06 * float((box.high - box.low).max())
    return Box(box.low - flesh, box.high + flesh)


def in_the_way(box: Box, view_layer: Any, but: Collection[Any]) -> list[Any]:
    """Objects one sees that reach into a box and would hide what is in it; flat ones (floors) do not.

    Args:
        box: Where the people are.
        view_layer: Whose objects are looked at.
        but: The people themselves, their props and so on.
    """
    found = []
    for obj in view_layer.objects:
        if obj in but or obj.type not in _MESH_LIKE or obj.display_type in ("WIRE", "BOUNDS") or not obj.visible_get():
            continue
        own = box_of_object(obj)
        if (own.high - own.low).min() > _SMALLEST and own.meets(box):
            found.append(obj)
    return found


def is_default_cube(obj: Any) -> bool:
    """Return whether it is the cube of Blender's own scene, as nobody has touched it."""
    if obj.name != "Cube" or obj.type != "MESH" or obj.animation_data or obj.modifiers or obj.children:
        return False
    same_place = np.allclose(np.array(obj.matrix_world), np.eye(4), atol=1e-6)
    return same_place and len(obj.data.vertices) == 8 and np.allclose(obj.dimensions, 2.0, atol=1e-5)


def look_at(box: Box, scene: Any) -> int:
    """Turn no 3D view, but let every one that shows the scene see the whole box. Returns how many there were.

    Views through a camera and locked ones stay. The sidebar, which lies over the picture, hides nothing.
    """
    count = 0
    for window in bpy.context.window_manager.windows:
        if window.scene != scene:
            continue
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                count += _look(area, box)
    return count


def _look(area: Any, box: Box) -> bool:
    space = area.spaces.active
    view = space.region_3d
    if view.view_perspective == "CAMERA" or view.lock_rotation:
        return False
    width, height, hidden = free_of_sidebar(area)
    half = _VIEWPORT_SENSOR / 2 / space.lens / max(width, height)  # of the picture for each unit of distance and pixel
    distance = max(box.radius, _SMALLEST) * _MARGIN / (half * min(width - hidden, height))
    # The middle of what is free of the sidebar lies to the left of the picture's.
    right = np.array(view.view_rotation.to_matrix())[:, 0]
    view.view_location = box.centre + right * (half * distance * hidden)
    view.view_distance = distance
    return True


def free_of_sidebar(area: Any) -> tuple[float, float, float]:
    """Width and height of a 3D view [px], and how much of its right side the sidebar hides."""
    regions = {region.type: region for region in area.regions}
    window, sidebar = regions.get("WINDOW"), regions.get("UI")
    width, height = max(getattr(window, "width", 0), 1), max(getattr(window, "height", 0), 1)
    if sidebar is None or sidebar.width <= 1 or not bpy.context.preferences.system.use_region_overlap:
        return width, height, 0.0
    return width, height, float(min(sidebar.width, width // 2))


def sideways(scene: Any) -> np.ndarray:
    """To the left in the first 3D view that shows the scene, level, shape (3,); -X where there is none."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas if window.scene == scene else ():
            if area.type == "VIEW_3D":
                left = -np.array(area.spaces.active.region_3d.view_rotation.to_matrix())[:, 0]
                left[2] = 0
                length = float(np.linalg.norm(left))
                if length > 0.1:
                    return left / length
    return np.array([-1.0, 0, 0])
