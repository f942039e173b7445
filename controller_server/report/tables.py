"""The report's tables as plain text cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from controller_server.metrics.catalogue import METRICS, Metric, at
from controller_server.metrics.scores import PersonScores, Scores

_DASH = "–"


def score_groups(scores: Scores) -> list[dict[str, Any]]:
    """Return the before/after table: groups of rows.

    A row has label, hint, unit and either `people` (supporter and recipient) or `pair` (both together). A cell is the
    input's text, the simulation's text and a tone: "better" (also: as it should be), "amber", "worse" or none. No
    text is no number.
    """
    groups: dict[str, list[dict[str, Any]]] = {}
    for metric in METRICS:
        row = {"label": metric.label, "unit": metric.unit, "hint": metric.meaning}
        row |= (
            {"pair": _cell(metric, scores)} if metric.pair else {"people": [_cell(metric, p) for _, p in scores.people]}
        )
        groups.setdefault(metric.group, []).append(row)
    return [{"name": name, "rows": rows} for name, rows in groups.items()]


def _cell(metric: Metric, scores: PersonScores | Scores) -> list[str]:
    """Return texts before and after, and how the second reads by the metric's tolerance."""
    if hasattr(at(scores, metric.path), "input"):
        before, after = (metric.text(metric.of(scores, stage)) for stage in ("input", "output"))
        return [before, after, metric.tone(scores, changed=before != after)]
    text = metric.text(metric.of(scores))
    place, beside = metric.also
    if place:
        text += beside.format(metric.text(at(scores, place)))
    if metric.name == "torque_limit_share" and metric.of(scores):
        text += f" ({at(scores, 'hardest_joint').replace('_', ' ')})"
    return ["", text, ""]


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
    """Return the controller ladder's attempts: name, success, reason, seconds, all as text but success."""
    return [
        {
            "name": str(attempt.get("name", "")),
            "success": bool(attempt.get("success", False)),
            "reason": str(attempt.get("reason") or ""),
            "seconds": f"{float(attempt['seconds']):.1f} s" if attempt.get("seconds") is not None else "",
        }
        for attempt in attempts
    ]
