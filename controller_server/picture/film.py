"""A clip as a film, drawn frame by frame without a graphics library."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from controller_server.clip.interaction import InteractionClip
from controller_server.core.errors import FileError
from controller_server.core.progress import OnProgress, Progress, ignore_progress

from .files import check_film, labelled, write_film
from .film_options import FilmOptions
from .scene import VIEWS, clip_camera, clip_meshes, sun_of
from .shade import Look, render


def render_film(
    clips: Sequence[InteractionClip],
    path: Path,
    options: FilmOptions | None = None,
    *,
    titles: Sequence[str] = (),
    on_progress: OnProgress = ignore_progress,
) -> int:
    """Film clips side by side and return the number of pictures; a shorter clip stands still at its end.

    Raises:
        AssistMimicError: no such view, no such kind of film, a library is missing, or the path cannot be written.
    """
    options = options or FilmOptions()
    check_film(path)
    if options.view not in VIEWS:
        raise FileError(f"video: no view {options.view!r}; there are {', '.join(VIEWS)}")
    if not (clips and 32 <= options.width <= 4096 and 32 <= options.height <= 4096 and options.rate > 0):
        raise FileError("video: nothing to draw; give a clip, 32 to 4096 pixels and at least one picture a second")
    fastest = max(clip.fps for clip in clips)
    step = max(1, round(fastest / options.rate))
    times = np.arange(0, max(clip.duration for clip in clips) + 0.5 / fastest, step / fastest)
    titles = [*titles, *[""] * (len(clips) - len(titles))]
    jobs = [(list(clips), titles, float(time), options) for time in times]

    def pictures() -> Iterator[np.ndarray]:
        for k, picture in enumerate(_drawn(jobs, options.cores)):
            on_progress(Progress("draw", k + 1, len(jobs), "pictures"))
            yield picture

    write_film(path, pictures(), fastest / step)
    return len(jobs)


def _drawn(jobs: Sequence[tuple], cores: int) -> Iterator[np.ndarray]:
    # Numpy's work on whole arrays lets other threads run meanwhile.
    with ThreadPoolExecutor(cores or os.cpu_count() or 1) as pool:
        yield from pool.map(_picture, jobs)


def _picture(job: tuple[list[InteractionClip], list[str], float, FilmOptions]) -> np.ndarray:
    clips, titles, time, options = job
    width, height = options.width // 2 * 2, options.height // 2 * 2  # MP4 takes even sizes only
    parts = []
    for clip, title in zip(clips, titles, strict=True):
        frame = min(round(time * clip.fps), clip.n_frames - 1)
        camera = clip_camera(clip, frame, options.view, width / height)
        picture = render(clip_meshes(clip, frame), camera, width, height, Look(sun=sun_of(camera)))
        parts.append(labelled(picture, title) if title else picture)
    return np.concatenate(parts, axis=1)
