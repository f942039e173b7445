# SPDX-License-Identifier: GPL-3.0-or-later
"""A result's measures as rows: for the panel's table and for files. No Blender in here."""

from __future__ import annotations

import csv
import html
import io
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from controller_server.core.errors import SceneError
from controller_server.metrics.catalogue import METRIC, ROLES


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        label: What is measured.
        unit: Unit of the values.
        before: In the original, or None where there is nothing to measure.
        after: In the result.
        frame: Of the clip where it is worst, or None where that is not known.
        note: What the measure is.
        limit: From here on it shows; None where nothing is too much.
    """

    label: str
    unit: str
    before: float | None
    after: float | None
    frame: int | None = None
    note: str = ""
    limit: float | None = None

    @property
    def is_problem(self) -> bool:
        """Whether one will see it: over the limit, and not better than in the original."""
        if self.after is None or self.limit is None:
            return False
        return self.after > self.limit and (self.before is None or self.after >= self.before)

    def text(self, value: float | None) -> str:
        """Return a value for people."""
        return "–" if value is None else f"{value:.1f} {self.unit}"


def rows_of(meta: Mapping[str, Any], worst: Mapping[str, int] | None = None) -> list[Row]:
    """Return the table of a result.

    Args:
        meta: `result_meta` of docs/results.md.
        worst: Frames where measures are worst, by `deviation`, `skate`, `partner`, `floor`.
    """
    scores, worst = meta["scores"], worst or {}
    peaks = [scores[role]["partner_force"]["peak_n"] for role in ROLES]
    return [
        _row(scores, "Deviation", "deviation_max", frame=worst.get("deviation", scores["worst_frame"])),
        *_steps_and_holds(scores),
        _row(scores, "Joint error", "mpjpe_mm"),
        _row(scores, "Foot skating", "foot_skate_cm_s", staged=True, frame=worst.get("skate")),
        _row(scores, "In each other", "partner_penetration_mm", staged=True, frame=worst.get("partner")),
        _row(scores, "In the floor", "floor_penetration_mm", staged=True, frame=worst.get("floor")),
        _row(scores, "Touches kept", "contact_kept"),
        Row("Force between them", METRIC["partner_force_n"].unit, None, max(peaks), None, "Net, its peak over 0.1 s"),
        _row(scores, "Outside help", "wrench_n"),
    ]


def _row(scores: Mapping[str, Any], label: str, name: str, *, staged: bool = False, frame: int | None = None) -> Row:
    """Return a metric of both people as a row with a label that the panel has room for.

    Values stand before (where it is `staged`) and after the simulation.
    """
    metric = METRIC[name]
    before = metric.of_both(scores, "input") if staged else None
    after = metric.of_both(scores, "output" if staged else "")
    return Row(label, metric.unit, before, after, frame, metric.meaning, metric.visible)


def _steps_and_holds(scores: Mapping[str, Any]) -> list[Row]:
    """Return rows that results of older versions do not have."""
    if "slip" not in scores:
        return []
    held, slip, kept = scores["holds_on_part"], METRIC["slip_worst_cm"], METRIC["holds_kept"]
    before, after = (None if held[when] is None else kept.scale * held[when] for when in ("input", "output"))
    feet, worst = slip.of_both(scores, "input"), scores["slip"]["worst_cm"]
    return [
        Row("Foot slide", slip.unit, feet, worst, None, slip.meaning, slip.visible),
        Row("Holds kept", kept.unit, before, after, None, kept.meaning),
    ]


def outcome(scores: Mapping[str, Any]) -> str:
    """Return what came of a simulation in one sentence, for the status bar; also of older results, which knew less."""
    helped = f" with up to {scores['max_wrench_n']:.0f} N of outside help" if scores.get("assisted") else ""
    if scores["success"]:
        return f"Carried{helped}: {scores['mpjpe_mm']:.0f} mm from the prepared motion"
    wrong = [criterion["sentence"] for criterion in scores.get("criteria", ()) if not criterion["passed"]]
    if scores.get("success_tracking") and wrong:
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        return f"Followed{helped}, but not usable as it is: {wrong[0]}{more}"
    when = scores["failure_time_s"]
    if when is None:
        return f"Not carried: too much outside help, up to {scores['max_wrench_n']:.0f} N"
    return f"Not carried: {scores['failed_person'] or 'the simulation'} lost the motion at {when:.2f} s"


def page_of(arrays: Mapping[str, np.ndarray] | None) -> str:
    """Return the page with the 3D animation that came with a result.

    Empty where it did not, or is not on this machine.
    """
    packed = (arrays or {}).get("result_report")
    if packed is None:
        return ""
    try:
        return zlib.decompress(np.asarray(packed, dtype=np.uint8).tobytes()).decode()
    except (zlib.error, ValueError):
        return ""


def write_scores(path: Path, meta_text: str, page: str = "") -> None:
    """Write a result's measures in the format the suffix names: .json (everything), .csv (the table) or .html.

    Args:
        path: File to write.
        meta_text: `result_meta` of docs/results.md.
        page: What `page_of` gave; without it, HTML is the table.

    Raises:
        AssistMimicError: the suffix is another, or the file cannot be written.
    """
    meta = json.loads(meta_text)
    writers = {".json": _as_json, ".csv": _as_csv, ".html": lambda meta: page or _as_html(meta)}
    write = writers.get(path.suffix.lower())
    if write is None:
        raise SceneError(f"{path}: use one of {', '.join(writers)}")
    try:
        path.write_text(write(meta), encoding="utf-8", newline="")
    except OSError as error:
        raise SceneError(f"{path}: cannot be written ({error.strerror or error})") from None


def _as_json(meta: Mapping[str, Any]) -> str:
    return json.dumps(meta, indent=2, ensure_ascii=False) + "\n"


def _as_csv(meta: Mapping[str, Any]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["measure", "unit", "original", "simulated", "worst_frame", "what"])
    for row in rows_of(meta):
        writer.writerow([row.label, row.unit, row.before, row.after, row.frame, row.note])
    return text.getvalue()


def _as_html(meta: Mapping[str, Any]) -> str:
    lines = []
    for row in rows_of(meta):
        mark = " class=problem" if row.is_problem else ""
        title = f"<td title='{html.escape(row.note, quote=True)}'>{html.escape(row.label)}</td>"
        lines.append(f"<tr>{title}<td>{row.text(row.before)}</td><td{mark}>{row.text(row.after)}</td></tr>\n")
    settings = html.escape(json.dumps(meta["settings"], indent=2, ensure_ascii=False))
    versions = html.escape(", ".join(f"{name} {version}" for name, version in meta["versions"].items()))
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>AssistMimic result</title>"
        "<style>body{font:16px sans-serif;max-width:45rem;margin:2rem auto}td,th{padding:.3rem 1rem;text-align:right}"
        "td:first-child,th:first-child{text-align:left}.problem{color:#b50}</style>"
        f"<h1>{html.escape(outcome(meta['scores']))}</h1><p>Controller {html.escape(meta['controller'])}</p>"
        f"<table><tr><th>Measure<th>Original<th>Simulated</tr>\n{''.join(lines)}</table>"
        f"<h2>Settings</h2><pre>{settings}</pre><p>{versions}</p></html>\n"
    )
