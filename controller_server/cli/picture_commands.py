"""`assistmimic strip` and `video`."""

from __future__ import annotations

from controller_server.clip.io.formats import read_clip
from controller_server.core.errors import SettingsError

from .convert_arguments import Strip, Video
from .outputs import check_output, make_folder


def run_strip(arguments: Strip) -> int:
    """Draw a clip as a strip of pictures. Raises AssistMimicError."""
    files, options = arguments.files, arguments.read
    if not 2 <= len(files) <= 3:
        raise SettingsError(f"strip: expected CLIP OUT.png, got {len(files)} file name(s)")
    *inputs, out = files
    check_output(out, (".png",), inputs=tuple(inputs))
    clip = read_clip(inputs, options).clip
    from controller_server.picture.strip import render_strip

    make_folder(out)
    render_strip(clip, out)
    print(f"wrote {out}")
    return 0


def run_video(arguments: Video) -> int:
    """Film a clip. Raises AssistMimicError."""
    files, beside, options = arguments.files, arguments.beside, arguments.read
    if not 2 <= len(files) <= 3:
        raise SettingsError(f"video: expected CLIP OUT.mp4, got {len(files)} file name(s)")
    *inputs, out = files
    from controller_server.picture.files import FILMS, check_film

    check_output(out, FILMS, inputs=(*inputs, *([beside] if beside else [])))
    check_film(out)
    clips = [read_clip([beside], options).clip] if beside else []
    clips.append(read_clip(inputs, options).clip)
    titles = ["before", "after"] if beside else []
    from controller_server.picture.film import render_film

    from .progress import TerminalProgress

    make_folder(out)
    with TerminalProgress() as progress:
        count = render_film(clips, out, arguments.film, titles=titles, on_progress=progress)
    print(f"wrote {out}: {count} pictures")
    return 0
