"""The report's tables as plain text cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from controller_server.metrics.person_scores import Stages
from controller_server.metrics.scores import BeforeAfter, PersonScores, Scores
from controller_server.metrics.shaking import PARTS
from controller_server.metrics.tolerances import TOLERANCES

_DASH = "–"


def score_groups(scores: Scores) -> list[dict[str, Any]]:
    """The before/after table: groups of rows.

    A row has label, hint, unit and either `people` (supporter and recipient) or `pair` (both together). A cell is the
    input's text, the simulation's text and a tone: "better" (also: as it should be), "amber", "worse" or none. No
    text is no number.
    """
    return [
        {"name": "Motion", "rows": _motion(scores)},
        {"name": "Floor and furniture", "rows": _world(scores)},
        {"name": "Steps", "rows": _steps(scores)},
        {"name": "Between the two", "rows": _between(scores)},
        {"name": "Calm", "rows": _calm(scores)},
        {"name": "Effort and help", "rows": _effort(scores)},
    ]


def _row(scores: Scores, label: str, unit: str, hint: str, value: Callable[[PersonScores], Any]) -> dict[str, Any]:
    cells = []
    for _, person in scores.people:
        found = value(person)
        cells.append(found if isinstance(found, list) else ["", found, ""])
    return {"label": label, "unit": unit, "hint": hint, "people": cells}


def _pair(label: str, unit: str, hint: str, cells: list[str]) -> dict[str, Any]:
    return {"label": label, "unit": unit, "hint": hint, "pair": cells}


def _both(measure: str, value: BeforeAfter | Stages, decimals: int) -> list[str]:
    """Texts before and after, and how the second reads by the measure's tolerance."""
    before, after = (_number(v, decimals) for v in (value.input, value.output))
    return [before, after, TOLERANCES[measure].level(value.input, value.output, changed=before != after)]


def _share(measure: str, share: BeforeAfter, depth: BeforeAfter) -> list[str]:
    """Share of frames in contact; how it reads says the depth: a foot that bears presses in all the time."""
    before, after = (_number(100 * v, 0) for v in (share.input, share.output))
    return [before, after, TOLERANCES[measure].level(depth.input, depth.output, changed=before != after)]


def _number(value: float | None, decimals: int = 0) -> str:
    if value is None:
        return _DASH
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def _motion(s: Scores) -> list[dict[str, Any]]:
    return [
        _row(
            s, "Joint error", "mm", "MPJPE: 22 joints, global, against the prepared clip", lambda p: _number(p.mpjpe_mm)
        ),
        _row(s, "Joint error to the input", "mm", "The same against the raw clip", lambda p: _number(p.mpjpe_input_mm)),
        _row(
            s,
            "Largest deviation",
            "cm",
            "Mean over 16 bodies at the worst frame; over 25 cm the clip is lost",
            lambda p: _number(100 * p.deviation_max_m, 1),
        ),
        _row(
            s, "Centre of mass error", "mm", "Mean distance to the prepared clip's", lambda p: _number(p.com_error_mm)
        ),
        _row(
            s,
            "Moved by prepare",
            "mm",
            "Mean and largest distance of the 22 joints, prepared to input",
            lambda p: f"{_number(p.prepare_mean_mm)} (max {_number(p.prepare_max_mm)})",
        ),
    ]


def _world(s: Scores) -> list[dict[str, Any]]:
    return [
        _row(
            s,
            "Foot skating",
            "cm/s",
            "Horizontal speed of foot corners lower than 2 cm above the floor",
            lambda p: _both("foot_skate_cm_s", p.foot_skate_cm_s, 1),
        ),
        _row(
            s,
            "Deepest in the floor",
            "mm",
            "Any part of the body; simulated contact is soft, some millimetres are as they should be",
            lambda p: _both("floor_penetration_mm", p.floor_penetration_mm, 1),
        ),
        _row(
            s,
            "Frames in the floor",
            "%",
            "Frames deeper than 1 mm",
            lambda p: _share("floor_penetration_mm", p.floor_penetration_share, p.floor_penetration_mm),
        ),
        _row(
            s,
            "Deepest in furniture",
            "mm",
            "Any part of the body",
            lambda p: _both("prop_penetration_mm", p.prop_penetration_mm, 1),
        ),
    ]


def _steps(s: Scores) -> list[dict[str, Any]]:
    return [
        _row(
            s,
            "Farthest slide in a stance",
            "cm",
            "How far a bearing sole moves from where it came down; success allows 5 cm",
            lambda p: _both("slip_worst_cm", p.feet.slip_worst_cm, 1),
        ),
        _row(s, "… mean of all stances", "cm", "", lambda p: _both("slip_mean_cm", p.feet.slip_mean_cm, 1)),
        _row(
            s,
            "Pressed on the floor",
            "body weights",
            "99th percentile, mean over 1/30 s; success allows 1.6",
            lambda p: _number(p.feet.floor_force_p99, 2),
        ),
        _row(
            s,
            "Times feet come down",
            "",
            "In the simulation, of those in the prepared clip; success allows 1.3 times as many",
            lambda p: f"{p.feet.touchdowns} of {p.feet.touchdowns_drawn}",
        ),
    ]


def _calm(s: Scores) -> list[dict[str, Any]]:
    trembling = [
        _row(
            s,
            f"Trembling of {part}",
            "mm",
            "What is faster than 5 Hz, root mean square in the worst half second",
            lambda p, part=part: _both("tremor_worst_mm", p.calm[part].tremor_worst_mm, 1),
        )
        for part in PARTS
    ]
    jerk = [
        _row(
            s,
            f"Jerk of {part}",
            "m/s³",
            "Root mean square at 30 Hz after a 10 Hz low-pass",
            lambda p, part=part: _both("jerk_m_s3", p.calm[part].jerk_m_s3, 0),
        )
        for part in PARTS
    ]
    speed = _row(
        s,
        "Fastest hand",
        "m/s",
        "The faster hand's fastest moment",
        lambda p: _both("hand_speed_m_s", p.hands.speed_m_s, 1),
    )
    return [*trembling, *jerk, speed]


def _between(s: Scores) -> list[dict[str, Any]]:
    return [
        _pair(
            "Deepest in each other",
            "mm",
            "Any two parts",
            _both("partner_penetration_mm", s.partner_penetration_mm, 1),
        ),
        _pair(
            "Frames in each other",
            "%",
            "Frames deeper than 1 mm",
            _share("partner_penetration_mm", s.partner_penetration_share, s.partner_penetration_mm),
        ),
        _row(
            s,
            "Deepest in oneself",
            "mm",
            "Forearms and hands in the own trunk, head and legs, legs in each other",
            lambda p: _both("self_penetration_mm", p.self_penetration_mm, 0),
        ),
        _row(
            s,
            "Holds kept",
            "%",
            "Hands on what they hold in the input, or next to it; success asks for 80 of both together, 60 of each",
            lambda p: _number(None if p.hands.kept is None else 100 * p.hands.kept),
        ),
        _row(
            s,
            "Hands off their hold",
            "cm",
            "Largest distance on the partner to where the prepared clip has them; success allows 15",
            lambda p: _number(None if p.hands.error_max_mm is None else p.hands.error_max_mm / 10, 1),
        ),
        _row(
            s,
            "Touches kept",
            "%",
            "Hands within 3 cm of the partner in the prepared clip that are so in the simulation",
            lambda p: _number(None if p.contact_kept is None else 100 * p.contact_kept),
        ),
        _row(
            s,
            "Force from the partner",
            "N",
            "Net over 0.1 s: mean while they touch, and its peak",
            lambda p: f"{_number(p.partner_force.mean_n)} (peak {_number(p.partner_force.peak_n)})",
        ),
        _row(
            s,
            "… its upward part",
            "N",
            "Mean while they touch, and its peak; negative for who bears the other",
            lambda p: f"{_number(p.partner_force.mean_upward_n)} (peak {_number(p.partner_force.peak_upward_n)})",
        ),
    ]


def _effort(s: Scores) -> list[dict[str, Any]]:
    return [
        _row(
            s,
            "Largest muscle torque",
            "% of limit",
            "Of any joint axis at any step",
            lambda p: _number(100 * p.torque.max_share),
        ),
        _row(
            s,
            "Time at the limit",
            "%",
            "Steps in which some joint is at its limit, and the joint that is so longest",
            _at_limit,
        ),
        _row(s, "Outside force", "N", "Largest residual force on the pelvis", lambda p: _number(p.wrench.max_n)),
        _row(
            s,
            "… mean",
            "body weights",
            "Over the whole clip; any at all is no success",
            lambda p: _number(p.wrench.mean_body_weights, 3),
        ),
        _row(s, "Outside torque", "N m", "Largest residual torque on the pelvis", lambda p: _number(p.wrench.max_nm)),
    ]


def _at_limit(person: PersonScores) -> str:
    share = _number(100 * person.torque.saturated_share, 1)
    joint = person.hardest_joint.replace("_", " ")
    return f"{share} ({joint})" if person.torque.saturated_share else share


def flat_rows(values: Any, prefix: str = "") -> list[list[str]]:
    """Nested mappings as rows of dotted name and text."""
    return [[name, text] for name, text in _flat(values, prefix)]


def _flat(values: Any, prefix: str) -> Iterator[tuple[str, str]]:
    if isinstance(values, Mapping) and values:
        for key, value in values.items():
            yield from _flat(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(values, (list, tuple)) and any(isinstance(v, Mapping) for v in values):
        for k, value in enumerate(values):
            yield from _flat(value, f"{prefix} {k + 1}")
    else:
        yield prefix, _text(values)


def _text(value: Any) -> str:
    if value is None or (isinstance(value, (Mapping, list, tuple)) and not value):
        return _DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(v) for v in value)
    return str(value)


def attempt_rows(attempts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The controller ladder's rungs: name, success, reason, seconds, all as text but success."""
    return [
        {
            "name": str(attempt.get("name", "")),
            "success": bool(attempt.get("success", False)),
            "reason": str(attempt.get("reason") or ""),
            "seconds": f"{float(attempt['seconds']):.1f} s" if attempt.get("seconds") is not None else "",
        }
        for attempt in attempts
    ]
