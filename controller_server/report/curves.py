"""The report's curves as plain series: numbers, names and units; how they look is the page's business."""

from __future__ import annotations

from typing import Any

import numpy as np

from controller_server.metrics import effort
from controller_server.metrics.tracking import SUCCESS_LIMIT, deviation
from controller_server.physics.recorded_frames import frame_times
from controller_server.physics.recording import TOUCH_FLOOR, TOUCH_PROP

from .data import ReportData, packed

_PEOPLE = ("supporter", "recipient")
MAX_POINTS = 1500
"""Points of one curve; longer recordings keep the largest value of each stretch."""


def thinned(values: np.ndarray, points: int) -> np.ndarray:
    """At most `points` rows, each the value farthest from zero of its stretch; curves keep their peaks.

    Args:
        values: Shape (S, K).
        points: Largest number of rows.
    """
    size = -(-len(values) // points)
    if size <= 1:
        return values
    padded = np.concatenate([values, np.repeat(values[-1:], -len(values) % size, axis=0)])
    stretches = padded.reshape(-1, size, values.shape[1])
    at = np.abs(stretches).argmax(axis=1)
    return np.take_along_axis(stretches, at[:, None], axis=1)[:, 0]


def curves(data: ReportData) -> list[dict[str, Any]]:
    """Return every chart of the report."""
    charts = [_deviation(data), _partner_force(data), _support(data), _muscles(data), _height(data), _wrench(data)]
    if data.scores.assisted:
        charts.append(_outside_torque(data))
    return charts


def _chart(key: str, title: str, unit: str, hint: str, series: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"key": key, "title": title, "unit": unit, "hint": hint, "series": series, **more}


def _series(name: str, colour: str, time: np.ndarray, values: np.ndarray, style: str = "line") -> dict[str, Any]:
    kept = thinned(values[:, None], MAX_POINTS)[:, 0]
    at = np.linspace(time[0], time[-1], len(kept)) if len(kept) < len(time) else time
    return {"name": name, "colour": colour, "style": style, "time": packed(at), "values": packed(kept)}


def _deviation(data: ReportData) -> dict[str, Any]:
    time = frame_times(data.input_clip)
    track = 100 * deviation(data.simulated_clip.joints, data.prepared_clip.joints)
    series = [_series(role, role, time, track[:, p]) for p, role in enumerate(_PEOPLE)]
    hint = "Mean distance of 16 bodies to the prepared clip; over the line the clip counts as failed."
    limit = {"value": 100 * SUCCESS_LIMIT, "label": "limit 25 cm"}
    return _chart("deviation", "Deviation", "cm", hint, series, limit=limit)


def _partner_force(data: ReportData) -> dict[str, Any]:
    time = data.recording.time
    force = effort.averaged(effort.partner_force(data.recording.forces), effort.force_window(time))
    series = [_series("recipient, upward part", "recipient", time, force[:, 1, 2], "area")]
    series += [_series("supporter, upward part", "supporter", time, force[:, 0, 2], "dash")]
    series += [_series("recipient", "recipient", time, np.linalg.norm(force[:, 1], axis=-1))]
    series += [_series("supporter", "supporter", time, np.linalg.norm(force[:, 0], axis=-1), "dot")]
    hint = "Net contact force each gets from the other, averaged over 0.1 s. Filled: what lifts the recipient."
    return _chart("partner", "Force between the two", "N", hint, series)


def _support(data: ReportData) -> dict[str, Any]:
    recording = data.recording
    ground = recording.forces[:, :, :, [TOUCH_FLOOR, TOUCH_PROP], 2].sum(axis=(2, 3))
    share = effort.averaged(ground, effort.force_window(recording.time)) / (recording.mass * effort.GRAVITY)
    series = [_series(role, role, recording.time, share[:, p]) for p, role in enumerate(_PEOPLE)]
    hint = "Upward force from floor and furniture, averaged over 0.1 s: below 1 is being held up, above 1 is holding."
    limit = {"value": 1.0, "label": "own weight", "neutral": True}
    return _chart("support", "Weight on floor and furniture", "body weights", hint, series, limit=limit)


def _muscles(data: ReportData) -> dict[str, Any]:
    recording = data.recording
    share = 100 * effort.torque_share(recording.torques, recording.torque_limits).max(axis=(-2, -1))
    series = [_series(role, role, recording.time, share[:, p]) for p, role in enumerate(_PEOPLE)]
    hint = "The joint nearest to the limit of its muscles at each moment."
    limit = {"value": 100.0, "label": "all there is", "neutral": True}
    return _chart("muscles", "Hardest-working joint", "% of limit", hint, series, limit=limit)


def _height(data: ReportData) -> dict[str, Any]:
    time = frame_times(data.input_clip)
    series = []
    for p, role in enumerate(_PEOPLE):
        series.append(_series(f"{role}, input", role, time, data.input_clip.joints[:, p, 0, 2], "dash"))
        series.append(_series(role, role, time, data.simulated_clip.joints[:, p, 0, 2]))
    return _chart("pelvis", "Pelvis height", "m", "Of the input clip (dashed) and of the simulation.", series)


def _wrench(data: ReportData) -> dict[str, Any]:
    size = np.linalg.norm(data.recording.wrench[:, :, :3], axis=-1)
    series = [_series(role, role, data.recording.time, size[:, p], "area") for p, role in enumerate(_PEOPLE)]
    hint = "Force on the pelvis that no body or floor exerts. A physical result has none."
    more = {} if data.scores.assisted else {"zero": "None: zero at every step"}
    return _chart("wrench", "Outside help", "N", hint, series, outside=True, **more)


def _outside_torque(data: ReportData) -> dict[str, Any]:
    size = np.linalg.norm(data.recording.wrench[:, :, 3:], axis=-1)
    series = [_series(role, role, data.recording.time, size[:, p], "area") for p, role in enumerate(_PEOPLE)]
    hint = "Torque on the pelvis that no body or floor exerts."
    return _chart("wrench-torque", "Outside torque", "N m", hint, series, outside=True)
