"""The page of a batch: one file that lists every clip; pictures and reports lie beside it."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any
from urllib.parse import quote

from controller_server.report.page import json_for_html, script_hash

_TEXTS = ("name", "end", "verdict", "headline", "message", "controller", "policy")
_NUMBERS = (
    *("duration_s", "mpjpe_mm", "deviation_max_mm", "max_wrench_n", "foot_skate_cm_s", "slip_worst_cm", "holds_kept"),
    "seconds",
)


def render_index(title: str, summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the page as HTML.

    As in reports nothing of the data is ever markup or code, and a content security policy admits the page's own
    script and style alone.

    Args:
        title: What the batch is called.
        summary: `summary.summarise`.
        rows: A row for each clip.
    """
    folder = resources.files(__name__.rpartition(".")[0])
    style, script = (folder.joinpath(name).read_text(encoding="utf-8") for name in ("index.css", "index.js"))
    policy = (
        f"default-src 'none'; script-src '{script_hash(script)}'; style-src '{script_hash(style)}'; "
        "img-src 'self' file:; base-uri 'none'; form-action 'none'"
    )
    parts = {
        "TITLE": html.escape(title),
        "POLICY": policy,
        "STYLE": style,
        "SCRIPT": script,
        "DATA": json_for_html({"title": title, "summary": dict(summary), "rows": [_row(row) for row in rows]}),
    }
    template = folder.joinpath("index.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{([A-Z]+)\}\}", lambda match: parts[match.group(1)], template)


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: row[name] for name in (*_TEXTS, *_NUMBERS)}
    files = {name: quote(row[name]) if row[name] else None for name in ("picture", "report")}
    return {**shown, **files, "faults": row["faults"] or [], "motion": [quote(path) for path in row["motion"] or []]}
