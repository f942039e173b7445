# SPDX-License-Identifier: GPL-3.0-or-later
"""Problems of a result as markers on the timeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..problems import problems_of
from .takes import frame_of

_PREFIX = "AM "
_NAMES = {"deviation": "lost", "skate": "skating", "partner": "in each other", "floor": "in the floor"}


def add(scene: Any, take: Any, arrays: Mapping[str, np.ndarray]) -> int:
    """Mark where a result's problems begin. Returns how many there are."""
    problems = problems_of(arrays)
    for problem in problems:
        length = problem.end - problem.start + 1
        name = f"{_PREFIX}{_NAMES[problem.kind]} ({length})"
        scene.timeline_markers.new(name, frame=frame_of(take, problem.start))
    return len(problems)


def remove(scene: Any) -> int:
    """Take our markers away. Returns how many there were."""
    ours = [marker for marker in scene.timeline_markers if marker.name.startswith(_PREFIX)]
    for marker in ours:
        scene.timeline_markers.remove(marker)
    return len(ours)
