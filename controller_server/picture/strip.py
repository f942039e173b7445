"""A clip as a picture strip: frames from left to right, one row for each camera, drawn without a graphics library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from controller_server.clip.interaction import InteractionClip
from controller_server.core.errors import FileError
from controller_server.core.whole_file import replace_file

from .files import labelled, png_bytes
from .scene import VIEWS, clip_camera, clip_meshes, sun_of
from .shade import Look, render


def render_strip(
    clips: InteractionClip | Sequence[InteractionClip],
    path: str | Path,
    *,
    frames: int = 8,
    views: Sequence[str] = ("side", "front"),
    width: int = 240,
    height: int = 320,
    start: float = 0.0,
    end: float | None = None,
) -> None:
    """Draw clips as a strip of pictures: both people, floor and props; supporter in blue, recipient in orange.

    Args:
        clips: One clip, or several to be put under each other.
        path: The PNG to write.
        frames: Pictures per row, evenly spread from `start` to `end`.
        views: Cameras, one row for each and clip; names of VIEWS.
        width: Of one picture [pixels].
        height: Of one picture [pixels].
        start: First moment shown [s].
        end: Last moment shown [s]; the clip's end if None.

    Raises:
        AssistMimicError: an unknown view, or a path that cannot be written.
    """
    clips = [clips] if isinstance(clips, InteractionClip) else list(clips)
    check_views("strip", views)
    if not clips or not views or frames < 1:
        raise FileError("strip: nothing to draw; give at least one clip, one view and one frame")
    rows = []
    for clip in clips:
        last = clip.duration if end is None else min(end, clip.duration)
        chosen = np.round(np.linspace(start, last, frames) * clip.fps).astype(int).clip(0, clip.n_frames - 1)
        rows += [_row(clip, chosen, view, width, height) for view in views]
    try:
        replace_file(Path(path), png_bytes(np.concatenate(rows, axis=0)))
    except OSError as error:
        raise FileError(f"{path}: the picture strip could not be written ({error.strerror})") from None


def check_views(what: str, views: Sequence[str]) -> None:
    """Refuse names that are not in VIEWS. Raises AssistMimicError."""
    for view in views:
        if view not in VIEWS:
            raise FileError(f"{what}: no view {view!r}; there are {', '.join(VIEWS)}")


def _row(clip: InteractionClip, frames: np.ndarray, view: str, width: int, height: int) -> np.ndarray:
    """Return one picture for each frame, side by side, shape (height, frames * width, 3) uint8."""
    pictures = []
    for k, frame in enumerate(frames):
        camera = clip_camera(clip, int(frame), view, width / height)
        picture = render(clip_meshes(clip, int(frame)), camera, width, height, Look(sun=sun_of(camera)))
        pictures.append(labelled(picture, f"{frame / clip.fps:.2f} s" + (f"  {view}" if k == 0 else "")))
    return np.concatenate(pictures, axis=1)
