# SPDX-License-Identifier: GPL-3.0-or-later
"""The viewport overlay: contacts, forces, balance and the preview of a running job."""

from __future__ import annotations

import weakref
from typing import Any

import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

from ..overlay_data import OverlayData, Picture
from .session import result_arrays, session

_handle: Any = None
_data: dict[str, OverlayData] = {}
_batches: dict[tuple[Any, ...], list[tuple[Any, Any, float]]] = {}
_LINE_WIDTH, _POINT_SIZE = 2.5, 8.0
_BONES = (
    *((0, 1), (1, 4), (4, 7), (7, 10), (0, 2), (2, 5), (5, 8), (8, 11), (0, 3), (3, 6), (6, 9), (9, 12), (12, 15)),
    *((9, 13), (13, 16), (16, 18), (18, 20), (9, 14), (14, 17), (17, 19), (19, 21)),
)
_PREVIEW = (1.0, 0.9, 0.2, 0.9)


def _draw() -> None:
    context = bpy.context
    if context.space_data is not None and not context.space_data.overlay.show_overlays:
        return
    if session.running is not None:
        _draw_preview()
        return
    settings = context.scene.assistmimic
    if not (settings.show_contacts or settings.show_balance):
        return
    take = settings.shown_take
    if take is None:
        return
    frame = context.scene.frame_current - take.first
    key = (take.job, frame, settings.show_contacts, settings.show_balance, settings.arrow_scale, take.ground)
    if key not in _batches:
        _batches.clear()
        data = _overlay_of(take)
        if data is None or not 0 <= frame < data.n_frames:
            _batches[key] = []
        else:
            _batches[key] = _batches_of(
                data.picture(
                    frame,
                    contacts=settings.show_contacts,
                    balance=settings.show_balance,
                    metres_per_kn=settings.arrow_scale,
                )
            )
    _draw_batches(_batches[key])


def _overlay_of(take: Any) -> OverlayData | None:
    if take.job not in _data:
        arrays = result_arrays(take.job)
        if arrays is None:
            return None
        _data.clear()
        _data[take.job] = OverlayData(arrays, take.ground, take.metres)
    return _data[take.job]


def _batches_of(picture: Picture) -> list[tuple[Any, Any, float]]:
    batches = []
    if len(picture.lines):
        shader = gpu.shader.from_builtin("POLYLINE_FLAT_COLOR")
        content = {
            "pos": picture.lines.reshape(-1, 3).astype(np.float32),
            "color": np.repeat(picture.line_colours, 2, axis=0).astype(np.float32),
        }
        batches.append((shader, batch_for_shader(shader, "LINES", content), _LINE_WIDTH))
    if len(picture.points):
        name = "POINT_FLAT_COLOR" if bpy.app.version >= (4, 5, 0) else "FLAT_COLOR"
        shader = gpu.shader.from_builtin(name)
        content = {"pos": picture.points.astype(np.float32), "color": picture.point_colours.astype(np.float32)}
        batches.append((shader, batch_for_shader(shader, "POINTS", content), 0.0))
    return batches


def _draw_batches(batches: list[tuple[Any, Any, float]]) -> None:
    gpu.state.depth_test_set("NONE")
    gpu.state.blend_set("ALPHA")
    gpu.state.point_size_set(_POINT_SIZE)
    for shader, batch, width in batches:
        shader.bind()
        if width:
            shader.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
            shader.uniform_float("lineWidth", width)
        batch.draw(shader)
    gpu.state.blend_set("NONE")
    gpu.state.point_size_set(1.0)


_preview_batch: tuple[Any, list[tuple[Any, Any, float]]] | None = None


def _draw_preview() -> None:
    """Draw the bodies where the simulation is just now."""
    global _preview_batch
    running = session.running
    preview = running.job.preview if running is not None else None
    if running is None or running.request is None or preview is None or len(preview.time) == 0:
        return
    key = weakref.ref(preview)
    if _preview_batch is None or _preview_batch[0] != key:
        lines = bone_lines(preview.positions[-1], preview.joints) + [0, 0, running.request.ground]
        lines /= running.request.sampled[0].rig.metres
        colours = np.tile(_PREVIEW, (len(lines), 1))
        picture = Picture(np.zeros((0, 3)), np.zeros((0, 4)), lines, colours)
        _preview_batch = (key, _batches_of(picture))
    _draw_batches(_preview_batch[1])


def bone_lines(positions: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Body bones of both people as line segments. Shapes (2, B, 3) and (B,) to (L, 2, 3)."""
    row = {int(joint): k for k, joint in enumerate(joints)}
    bones = [(row[a], row[b]) for a, b in _BONES if a in row and b in row]
    return np.concatenate([[positions[person, list(bone)] for bone in bones] for person in range(2)])


def register() -> None:
    """Begin to draw; never in the background, where there is nothing to draw on."""
    global _handle
    if _handle is None and not bpy.app.background:
        _handle = bpy.types.SpaceView3D.draw_handler_add(_draw, (), "WINDOW", "POST_VIEW")


def unregister() -> None:
    """Stop drawing and let go of everything."""
    global _handle, _preview_batch
    if _handle is not None:
        bpy.types.SpaceView3D.draw_handler_remove(_handle, "WINDOW")
        _handle = None
    _preview_batch = None
    _data.clear()
    _batches.clear()
