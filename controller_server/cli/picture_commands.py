"""`assistmimic strip` and `video`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..clip.formats import ReadOptions, read_clip
from ..errors import AssistMimicError
from ..picture.film_options import FilmOptions
from .outputs import check_output, make_folder


def run_strip(files: Sequence[Path], options: ReadOptions) -> int:
    """Draw a clip as a strip of pictures. Raises AssistMimicError."""
    if not 2 <= len(files) <= 3:
        raise AssistMimicError(f"strip: expected CLIP OUT.png, got {len(files)} file name(s)")
    *inputs, out = files
    check_output(out, (".png",), inputs=tuple(inputs))
    clip = read_clip(inputs, options).clip
    from ..measure.strip import render_strip

    make_folder(out)
    render_strip(clip, out)
    print(f"wrote {out}")
    return 0


def run_video(files: Sequence[Path], beside: Path | None, film: FilmOptions, options: ReadOptions) -> int:
    """Film a clip. Raises AssistMimicError."""
    if not 2 <= len(files) <= 3:
        raise AssistMimicError(f"video: expected CLIP OUT.mp4, got {len(files)} file name(s)")
    *inputs, out = files
    from ..picture.files import FILMS, check_film

    check_output(out, FILMS, inputs=(*inputs, *([beside] if beside else [])))
    check_film(out)
    clips = [read_clip([beside], options).clip] if beside else []
    clips.append(read_clip(inputs, options).clip)
    titles = ["before", "after"] if beside else []
    from ..picture.film import render_film
    from .progress import TerminalProgress

    make_folder(out)
    with TerminalProgress() as progress:
        count = render_film(clips, out, film, titles=titles, on_progress=progress)
    print(f"wrote {out}: {count} pictures")
    return 0
