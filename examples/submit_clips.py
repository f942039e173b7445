"""Clips handed to a running server (`assistmimic serve`) at once: python examples/submit_clips.py CLIP [CLIP2 ...]."""

import sys
from pathlib import Path

from controller_server import connect
from controller_server.clip.io.formats import read_clip


def main(*clip_names: str) -> None:
    """Submit drafts of all clips, then write each result beside where this runs."""
    with connect() as server:
        jobs = {name: server.submit(read_clip([name]).clip, {"quality": "draft"}) for name in clip_names}
        for name, job in jobs.items():
            result = server.wait(job)
            out = Path(f"{Path(name).stem}_simulated.npz")
            print(name, result.verdict, *result.write(out))


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["lower_to_chair", "pull_up"]))
