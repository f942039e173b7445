"""Measure how physical a clip is before anything is simulated: python examples/measure_clip.py [CLIP]."""

import sys

import numpy as np

from controller_server.clip.io.formats import read_clip
from controller_server.control.reference.reference import Reference
from controller_server.pipeline.convert import pair_of
from controller_server.pipeline.settings import ConvertSettings
from controller_server.prepare import prepare


def main(clip_name: str = "steady") -> None:
    """Prepare a clip and solve its inverse dynamics: what muscles give, and what nothing in reach can give."""
    settings = ConvertSettings()
    clip = read_clip([clip_name]).clip
    prepared = prepare(clip, settings.prepare).clip
    moved = np.linalg.norm(prepared.joints - clip.joints, axis=-1).mean()
    print(f"{clip.n_frames} frames at {clip.fps:g} fps; preparing moved joints by {1000 * moved:.1f} mm on average")
    load = Reference.of(prepared, pair_of(prepared, settings)).load
    for person, role in enumerate(("supporter", "recipient")):
        missing = np.linalg.norm(load.residual[:, person, :3], axis=-1)
        partner = np.linalg.norm(load.partner[:, person], axis=-1)
        print(f"{role}: {np.median(missing):.0f} N unsupported (median), up to {partner.max():.0f} N from the partner")


if __name__ == "__main__":
    main(*sys.argv[1:])
