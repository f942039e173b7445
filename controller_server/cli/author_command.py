"""`assistmimic author`: key poses in, a clip out."""

from __future__ import annotations

from .convert_arguments import Author
from .outputs import check_output, make_folder


def run_author(arguments: Author) -> int:
    """Make a clip from key poses. Raises AssistMimicError."""
    source, out = arguments.source, arguments.out
    check_output(out, (".npz",), inputs=(source,))
    from controller_server.authoring import author
    from controller_server.clip.io.npz import write_npz

    clip = author(source)
    make_folder(out)
    write_npz(out, clip)
    print(f"wrote {out}: {clip.n_frames} frames at {clip.fps:g} fps")
    return 0
