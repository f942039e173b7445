"""The numbers that summaries of a batch show of each clip, one for both people; docs/batch.md says what they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from controller_server.metrics.catalogue import METRIC

if TYPE_CHECKING:
    from controller_server.metrics.scores import Scores

MEASURES: Mapping[str, Callable[[Scores], float | None]] = {
    "mpjpe_mm": METRIC["mpjpe_mm"].of_both,
    "mpjpe_input_mm": METRIC["mpjpe_input_mm"].of_both,
    "deviation_max_mm": lambda scores: 1000 * max(person.deviation_max_m for _, person in scores.people),
    "prepare_mean_mm": METRIC["prepare_mean_mm"].of_both,
    "max_wrench_n": METRIC["wrench_n"].of_both,
    "foot_skate_cm_s": lambda scores: METRIC["foot_skate_cm_s"].of_both(scores, "output"),
    "slip_worst_cm": lambda scores: scores.slip.worst_cm,
    "penetration_mm": lambda scores: METRIC["partner_penetration_mm"].of_both(scores, "output"),
    "holds_kept": lambda scores: scores.holds_kept,
    "failure_time_s": lambda scores: scores.failure_time_s,
    "score": lambda scores: scores.score,
}
"""Column of the summary to what stands in it."""


def measures_of(scores: Scores) -> dict[str, float | None]:
    """Return them of one clip; None for what is not there or no finite number."""
    found = {name: of(scores) for name, of in MEASURES.items()}
    return {name: value if value is not None and math.isfinite(value) else None for name, value in found.items()}
