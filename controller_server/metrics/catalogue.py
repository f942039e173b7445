"""The list of metrics: name, unit, meaning, place in scores, which way is better, and what is normal.

Tables on the terminal, in reports and in Blender, batches, benchmarks and the table of docs/measures.md take them from
here. Scores may be the dataclasses or their JSON: a metric names its place in either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .criteria import Criteria
from .tolerances import Tolerance
from .tracking import SUCCESS_LIMIT

ROLES = ("supporter", "recipient")
PARTS = ("hands", "head", "pelvis", "feet")


@dataclass(frozen=True)
class Metric:
    """One thing that is measured.

    Attributes:
        name: Identifies it.
        group: Of the report's table.
        label: What people read.
        unit: Of the number shown; empty for counts.
        meaning: In one line.
        path: Where it is in one person's scores, or in the pair's; a number, or one of input and output each.
        pair: Whether it is of both people together.
        scale: From the number in scores to the one shown.
        decimals: Shown.
        better: Which way is better: "less", "more" or "", where neither is.
        tolerance: What is normal of the number shown, or of `toned_by`.
        toned_by: Place of the number whose tolerance it is, where that is another.
        also: Place of a second number shown beside it, and how, such as " (max {})".
        overall: Place in the pair's scores of the one number for both people; empty for the larger of the two.
        visible: From here on one sees it, in `unit`; None where nothing is too much.
    """

    name: str
    group: str
    label: str
    unit: str
    meaning: str
    path: str
    pair: bool = False
    scale: float = 1.0
    decimals: int = 0
    better: str = "less"
    tolerance: Tolerance | None = None
    toned_by: str = ""
    also: tuple[str, str] = ("", "")
    overall: str = ""
    visible: float | None = None

    def of(self, scores: Any, stage: str = "") -> float | None:
        """Return the number of one person, or of the pair, in `unit`; of a stage where there are several."""
        value = at(scores, f"{self.path}.{stage}" if stage else self.path)
        return None if value is None else self.scale * value

    def of_both(self, scores: Any, stage: str = "") -> float | None:
        """Return one number for both people, in `unit`, from the pair's scores."""
        if self.overall or self.pair:
            place = self.overall or self.path
            value = at(scores, f"{place}.{stage}" if stage else place)
            return None if value is None else self.scale * value
        found = [value for role in ROLES if (value := self.of(at(scores, role), stage)) is not None]
        return max(found, default=None)

    def text(self, value: float | None) -> str:
        """Return a number in `unit` as text, a dash for none; never a minus zero."""
        if value is None:
            return "–"
        text = f"{value:.{self.decimals}f}"
        return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")

    def tone(self, scores: Any, *, changed: bool) -> str:
        """Return how the output reads beside the input: "better", "amber", "worse" or "" (`Tolerance.level`)."""
        if self.tolerance is None:
            return ""
        scale = 1.0 if self.toned_by else self.scale
        stages = (at(scores, f"{self.toned_by or self.path}.{stage}") for stage in ("input", "output"))
        before, after = (None if value is None else scale * value for value in stages)
        return self.tolerance.level(before, after, changed=changed)


def at(scores: Any, path: str) -> Any:
    """Return what is at a place such as "feet.slip_worst_cm" in scores or in their JSON."""
    for name in path.split("."):
        scores = scores[name] if isinstance(scores, Mapping) else getattr(scores, name)
    return scores


_MOTION, _WORLD, _STEPS = "Motion", "Floor and furniture", "Steps"
_BETWEEN, _CALM, _EFFORT = "Between the two", "Calm", "Effort and help"
_LIMITS = Criteria()
_FLOOR, _INSIDE = Tolerance(15.0, 40.0, 5.0), Tolerance(20.0, 50.0, 5.0)
_HELD = Tolerance(95.0, 80.0, 5.0, more=True)
_TREMOR, _JERK = Tolerance(1.0, 2.0, 0.5), Tolerance(150.0, 400.0, 20.0)


def _per_part(name: str, label: str, unit: str, meaning: str, decimals: int, tolerance: Tolerance) -> Sequence[Metric]:
    return [
        Metric(
            *(f"{name}.{part}", _CALM, f"{label} of {part}", unit, meaning, f"calm.{part}.{name}"),
            decimals=decimals,
            tolerance=tolerance,
        )
        for part in PARTS
    ]


METRICS: tuple[Metric, ...] = (
    Metric("mpjpe_mm", _MOTION, "MPJPE to the prepared clip", "mm", "Mean distance of the 22 joints, global",
           "mpjpe_mm", overall="mpjpe_mm"),
    Metric("mpjpe_input_mm", _MOTION, "MPJPE to the input", "mm", "The same against the raw clip",
           "mpjpe_input_mm", overall="mpjpe_input_mm"),
    Metric("deviation_max", _MOTION, "Largest deviation", "cm",
           f"Mean over 16 bodies at the worst frame; over {100 * SUCCESS_LIMIT:.0f} cm the clip is lost",
           "deviation_max_m", scale=100, decimals=1, visible=100 * SUCCESS_LIMIT),
    Metric("com_error_mm", _MOTION, "Centre of mass error", "mm", "Mean distance to the prepared clip's",
           "com_error_mm"),
    Metric("prepare_mean_mm", _MOTION, "Moved by prepare", "mm",
           "Mean and largest distance of the 22 joints, prepared to input", "prepare_mean_mm",
           also=("prepare_max_mm", " (max {})")),
    Metric("foot_skate_cm_s", _WORLD, "Foot skating", "cm/s",
           "Horizontal speed of foot corners lower than 2 cm above the floor", "foot_skate_cm_s", decimals=1,
           tolerance=Tolerance(3.0, 12.0, 1.0), overall="foot_skate_cm_s", visible=10.0),
    Metric("floor_penetration_mm", _WORLD, "Deepest in the floor", "mm",
           "Any part of the body; simulated contact is soft, some millimetres are as they should be",
           "floor_penetration_mm", decimals=1, tolerance=_FLOOR, visible=20.0),
    Metric("floor_penetration_share", _WORLD, "Frames in the floor", "%", "Frames deeper than 1 mm",
           "floor_penetration_share", scale=100, tolerance=_FLOOR, toned_by="floor_penetration_mm"),
    Metric("prop_penetration_mm", _WORLD, "Deepest in furniture", "mm", "Any part of the body",
           "prop_penetration_mm", decimals=1, tolerance=_FLOOR),
    Metric("slip_worst_cm", _STEPS, "Farthest slide in a stance", "cm",
           f"How far a bearing sole moves from where it came down; success allows {100 * _LIMITS.max_slip_m:g} cm",
           "feet.slip_worst_cm", decimals=1, tolerance=Tolerance(2.0, 5.0, 1.0),
           visible=100 * _LIMITS.max_slip_m),
    Metric("slip_mean_cm", _STEPS, "… mean of all stances", "cm", "", "feet.slip_mean_cm", decimals=1,
           tolerance=Tolerance(1.0, 3.0, 0.5)),
    Metric("floor_force_p99", _STEPS, "Pressed on the floor", "body weights",
           f"99th percentile, mean over 1/30 s; success allows {_LIMITS.max_floor_force:g}", "feet.floor_force_p99",
           decimals=2),
    Metric("touchdowns", _STEPS, "Times feet come down", "",
           f"In the simulation, of those in the prepared clip; success allows {_LIMITS.max_touchdowns:g} times as many",
           "feet.touchdowns", also=("feet.touchdowns_drawn", " of {}")),
    Metric("partner_penetration_mm", _BETWEEN, "Deepest in each other", "mm", "Any two parts",
           "partner_penetration_mm", pair=True, decimals=1, tolerance=_INSIDE, visible=20.0),
    Metric("partner_penetration_share", _BETWEEN, "Frames in each other", "%", "Frames deeper than 1 mm",
           "partner_penetration_share", pair=True, scale=100, tolerance=_INSIDE, toned_by="partner_penetration_mm"),
    Metric("self_penetration_mm", _BETWEEN, "Deepest in oneself", "mm",
           "Forearms and hands in the own trunk, head and legs, legs in each other", "self_penetration_mm",
           tolerance=_INSIDE),
    Metric("holds_kept", _BETWEEN, "Holds kept", "%",
           "Hands on what they hold in the input, or next to it; success asks for "
           f"{100 * _LIMITS.min_contacts_kept:.0f} of both together, {100 * _LIMITS.min_contact_kept:.0f} of each",
           "hands.kept", scale=100, better="more", tolerance=_HELD, overall="holds_kept"),
    Metric("hold_error", _BETWEEN, "Hands off their hold", "cm",
           "Largest distance on the partner to where the prepared clip has them; success allows "
           f"{100 * _LIMITS.max_hand_error_m:g}", "hands.error_max_mm", scale=0.1, decimals=1),
    Metric("contact_kept", _BETWEEN, "Touches kept", "%",
           "Hands within 3 cm of the partner in the prepared clip that are so in the simulation", "contact_kept",
           scale=100, better="more", overall="contact_kept"),
    Metric("partner_force_n", _BETWEEN, "Force from the partner", "N",
           "Net over 0.1 s: mean while they touch, and its peak", "partner_force.mean_n", better="",
           also=("partner_force.peak_n", " (peak {})")),
    Metric("partner_lift_n", _BETWEEN, "… its upward part", "N",
           "Mean while they touch, and its peak; negative for who bears the other", "partner_force.mean_upward_n",
           better="", also=("partner_force.peak_upward_n", " (peak {})")),
    *_per_part("tremor_worst_mm", "Trembling", "mm",
               "What is faster than 5 Hz, root mean square in the worst half second", 1, _TREMOR),
    *_per_part("jerk_m_s3", "Jerk", "m/s³", "Root mean square at 30 Hz after a 10 Hz low-pass", 0, _JERK),
    Metric("hand_speed_m_s", _CALM, "Fastest hand", "m/s", "The faster hand's fastest moment", "hands.speed_m_s",
           decimals=1, tolerance=Tolerance(3.0, 5.0, 0.3)),
    Metric("torque_share", _EFFORT, "Largest muscle torque", "% of limit", "Of any joint axis at any step",
           "torque.max_share", scale=100),
    Metric("torque_limit_share", _EFFORT, "Time at the limit", "%",
           "Steps in which some joint is at its limit, and the joint that is so longest", "torque.saturated_share",
           scale=100, decimals=1),
    Metric("wrench_n", _EFFORT, "Outside force", "N", "Largest residual force on the pelvis", "wrench.max_n",
           overall="max_wrench_n"),
    Metric("wrench_body_weights", _EFFORT, "… mean", "body weights",
           "Over the whole clip; any at all is no success", "wrench.mean_body_weights", decimals=3),
    Metric("wrench_nm", _EFFORT, "Outside torque", "N m", "Largest residual torque on the pelvis", "wrench.max_nm"),
)  # fmt: skip
"""In the order of the report's table."""

METRIC: Mapping[str, Metric] = {metric.name: metric for metric in METRICS}
"""By name."""

TOLERANCES: Mapping[str, Tolerance] = {
    metric.name.partition(".")[0]: metric.tolerance
    for metric in METRICS
    if metric.tolerance is not None and not metric.toned_by
}
"""By name, without the part of the body."""


def metrics_table() -> str:
    """Return the table of docs/measures.md: every metric with its unit, which way is better, and what is normal."""
    lines = ["| metric | unit | better | green up to | red beyond | what |", "| --- | --- | --- | --- | --- | --- |"]
    for metric in METRICS:
        bounds = metric.tolerance
        fine, poor = ("", "") if bounds is None or metric.toned_by else (f"{bounds.fine:g}", f"{bounds.poor:g}")
        cells = (metric.label, metric.unit, metric.better, fine, poor, metric.meaning)
        lines.append(f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |"))
    return "\n".join(lines)
