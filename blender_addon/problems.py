# SPDX-License-Identifier: GPL-3.0-or-later
"""Problems of a result in time: runs of frames, and the worst frame of each measure. No Blender in here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from controller_server.metrics.catalogue import METRIC
from controller_server.metrics.tracking import SUCCESS_LIMIT

SKATING, SLIDE = METRIC["foot_skate_cm_s"].visible or 0.0, METRIC["slip_worst_cm"].visible or 0.0
"""From here on one sees it: cm/s of a bearing foot, cm that a bearing sole moves in one step."""
DEPTH, DEVIATION = (METRIC["floor_penetration_mm"].visible or 0.0) / 1000, SUCCESS_LIMIT
"""The same of metres inside each other or the floor, and of metres from the prepared motion."""
_GAP = 3


@dataclass(frozen=True)
class Problem:
    """A run of frames of the clip, both ends included."""

    kind: str
    start: int
    end: int


def tracks_of(arrays: Mapping[str, np.ndarray]) -> dict[str, tuple[np.ndarray, float]]:
    """Return each measure per frame (T,) with its limit, for those a result file has."""
    known = {
        "deviation": ("result_deviation", DEVIATION),
        "skate": ("result_skating", SKATING),
        "partner": ("result_partner_depth", DEPTH),
        "floor": ("result_floor_depth", DEPTH),
    }
    found = {}
    for name, (key, limit) in known.items():
        if key in arrays:
            values = np.asarray(arrays[key], dtype=float)
            found[name] = (values.reshape(len(values), -1).max(axis=1), limit)
    return found


def problems_of(arrays: Mapping[str, np.ndarray]) -> list[Problem]:
    """Return runs of frames over the limit, in the order of their first frame; small gaps are bridged."""
    found = []
    for kind, (values, limit) in tracks_of(arrays).items():
        frames = np.flatnonzero(values > limit)
        if not len(frames):
            continue
        breaks = np.flatnonzero(np.diff(frames) > _GAP)
        starts, ends = frames[np.r_[0, breaks + 1]], frames[np.r_[breaks, len(frames) - 1]]
        found += [Problem(kind, int(a), int(b)) for a, b in zip(starts, ends, strict=True)]
    return sorted(found, key=lambda problem: (problem.start, problem.kind))


def worst_frames(arrays: Mapping[str, np.ndarray]) -> dict[str, int]:
    """Frame of the clip at which each measure is worst."""
    return {kind: int(values.argmax()) for kind, (values, _) in tracks_of(arrays).items() if values.max() > 0}
