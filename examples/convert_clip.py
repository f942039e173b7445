"""A clip in, simulated motion, verdict and report out: python examples/convert_clip.py [CLIP] [OUT.npz]."""

import sys
from pathlib import Path

from controller_server.clip.io.formats import read_clip
from controller_server.pipeline.convert import convert
from controller_server.pipeline.result import write_result, write_result_report
from controller_server.pipeline.settings import ConvertSettings


def main(clip_name: str = "lower_to_chair", out: str = "out.npz") -> None:
    """Convert a clip by default settings; `recipient_strength="weak"` and others are fields of `ConvertSettings`."""
    read = read_clip([clip_name])
    result = convert(read.clip, ConvertSettings(seed=0), notes=read.notes)
    print(f"{result.scores.word}, carried by {result.controller}")
    for criterion in result.scores.faults:
        print(f"  {criterion.sentence}")
    for role, person in result.scores.people:
        print(f"  {role}: mean joint error {person.mpjpe_mm:.0f} mm")
    write_result(Path(out), result)
    write_result_report(Path(out).with_suffix(".html"), result, title=Path(clip_name).stem)


if __name__ == "__main__":
    main(*sys.argv[1:])
