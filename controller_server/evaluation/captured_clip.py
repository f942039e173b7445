"""The captured pull-up under ASSISTMIMIC_DATA as a clip, with the stool that was not captured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from controller_server.clip.interaction import Prop
from controller_server.clip.io.formats import ReadResult, read_clip

REAL_CLIP = "cmu_22_02_pull_up"


REAL_SEAT = Prop("seat", position=np.array([1.038, -0.556, 0.285]), size=np.array([0.30, 0.45, 0.57]))
"""The seat of the captured recipient: a stool, its top 0.09 m under the seated hip joints, at 0.66 m.

No object was captured. Measured under the SMPL-X pelvis joint, which lies 0.08 m above the hips, 0.09 m would put the
top 0.1 m inside the body. The box ends behind the middle of the thighs, which slope down to the knees.
"""


REAL_FILES = ("23_02_B_helper_60fps_metres.bvh", "22_02_A_helped_60fps_metres.bvh")


def load_real_clip(data: Path) -> ReadResult:
    """Return the captured pull-up as a clip: supporter, recipient and the committed seat."""
    read = read_clip([data / REAL_CLIP / name for name in REAL_FILES])
    return replace(read, clip=replace(read.clip, props=(REAL_SEAT,)))
