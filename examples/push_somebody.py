"""An unforeseen force on the recipient during a search: python examples/push_somebody.py [CLIP] [NEWTON]."""

import sys

import numpy as np

from controller_server.clip.io.formats import read_clip
from controller_server.control.fallback.settings import QUALITIES
from controller_server.control.reference.reference import Reference
from controller_server.control.search.search import Search
from controller_server.pipeline.convert import pair_of
from controller_server.pipeline.settings import ConvertSettings
from controller_server.prepare import prepare


def main(clip_name: str = "lower_to_chair", newton: str = "60") -> None:
    """Push the recipient's pelvis along +X for 0.2 s, half a second into the clip, and print how far it goes off."""
    settings = ConvertSettings()
    clip = prepare(read_clip([clip_name]).clip, settings.prepare).clip
    pair = pair_of(clip, settings)
    reference = Reference.of(clip, pair)

    def push(time: float) -> np.ndarray:
        wrench = np.zeros((2, 6))  # force and torque on the pelvis of supporter and recipient
        if 0.5 <= time < 0.7:
            wrench[1, 0] = float(newton)
        return wrench

    search = Search(pair, reference, QUALITIES["draft"], threads=0)
    search.disturb(push)
    recording = search.run(stop_at=0.8)
    frames = reference.row(round(float(recording.time[-1]) * reference.hz)) + 1
    seen = recording.positions[np.searchsorted(recording.time, np.arange(frames) / reference.hz - 1e-9)]
    apart = np.linalg.norm(seen - reference.positions[:frames], axis=-1).mean(axis=-1).max(axis=0)
    print(
        f"simulated {recording.time[-1]:.1f} s; at most {1000 * apart[0]:.0f} and {1000 * apart[1]:.0f} mm off the clip"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
