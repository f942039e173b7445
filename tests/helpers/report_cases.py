"""Reports of hand-made conversions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip, Prop, SmplxMotion
from controller_server.metrics import measure
from controller_server.report import ReportData
from helpers.measure_cases import FPS, SKELETON, STANDING_HEIGHT, recording_of, upright

SUPPORTER, RECIPIENT = 0, 1


def bowing(frames: int, *, side: float, heading: float, bow: float) -> SmplxMotion:
    """Somebody with lowered arms who bends forward by `bow` [rad] and rises again; `side` along Y [m]."""
    pose = np.zeros((frames, 21, 3))
    pose[:, 15, 2], pose[:, 16, 2] = -1.1, 1.1  # shoulders
    pose[:, 2, 0] = pose[:, 5, 0] = bow / 2 * np.sin(np.linspace(0, np.pi, frames))  # lower spine
    place = np.array([0, side, STANDING_HEIGHT]) - SKELETON.rest_joints[0]
    return SmplxMotion(np.tile(place, (frames, 1)), np.tile(upright(heading), (frames, 1)), pose.reshape(frames, 63))


def report_of(
    *, frames: int = 31, title: str = "Hand-made", source: str = "", offset: float = 0.0, **recorded: Any
) -> ReportData:
    """Two people face each other, the recipient bows; simulated `offset` metres aside along X."""
    raw = InteractionClip(
        FPS,
        bowing(frames, side=-0.45, heading=np.pi, bow=0.0),
        bowing(frames, side=0.45, heading=0.0, bow=1.2),
        props=(Prop("chair", np.array([0, 0.95, 0.2]), np.array([0.45, 0.45, 0.4])),),
        source=source,
    )
    shift = np.linspace(0, offset, frames)[:, None] * [1, 0, 0]
    simulated = raw.with_people(lambda motion: replace(motion, trans=motion.trans + shift))
    pair = PairBody.from_clip(raw)
    recording = recording_of(simulated, pair, **recorded)
    return ReportData(
        title=title,
        input_clip=raw,
        prepared_clip=raw,
        simulated_clip=simulated,
        recording=recording,
        pair=pair,
        scores=measure(raw, raw, simulated, recording, pair),
        attempts=[
            {"name": "search", "success": False, "reason": "31 cm from the clip at 2.1 s", "seconds": 41.2},
            {"name": "assisted", "success": True, "reason": "", "seconds": None},
        ],
        prepare={"supporter": {"mean_mm": 3.2}},
        settings={"seed": 7, "quality": "draft"},
        versions={"mujoco": "3.17.0"},
        warnings=["A warning to be read"],
        notes=["A note to be read"],
    )
