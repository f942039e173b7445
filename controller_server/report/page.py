"""The page put together: template, style, scripts and data in one file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

from controller_server.clip.interaction import InteractionClip
from controller_server.core.errors import AssistMimicError
from controller_server.metrics.catalogue import METRIC

from .changes import changes
from .curves import curves
from .data import ReportData, animation
from .tables import attempt_rows, flat_rows, score_groups
from .verdict import verdict

_SCRIPTS = ("math.js", "bodies.js", "shaders.js", "renderer.js", "charts.js", "content.js", "player.js")


def payload(data: ReportData) -> dict[str, Any]:
    """Return everything the page's scripts read, as JSON-able values."""
    clip = data.input_clip
    return {
        "title": data.title,
        "source": clip.source,
        "facts": _facts(clip, data),
        "verdict": asdict(verdict(data.scores)),
        "changes": [asdict(line) for line in changes(data.scores)],
        "tiles": _tiles(data),
        "animation": animation(data),
        "curves": curves(data),
        "scores": score_groups(data.scores),
        "attempts": attempt_rows(data.attempts),
        "prepare": _prepare(data),
        "settings": flat_rows(data.settings) if data.settings else [],
        "versions": flat_rows(data.versions) if data.versions else [],
        "warnings": [str(text) for text in data.warnings],
        "notes": [str(text) for text in data.notes],
    }


def _prepare(data: ReportData) -> list[list[str]]:
    """Return rows of name and text; a sentence is a row of its own."""
    if isinstance(data.prepare, Mapping):
        return flat_rows(data.prepare) if data.prepare else []
    return [[line] for line in data.prepare if line not in data.warnings and not line.startswith("warning: ")]


def _facts(clip: InteractionClip, data: ReportData) -> list[str]:
    people = ", ".join(f"{role} {person.mass_kg:.0f} kg" for role, person in data.scores.people)
    return [f"{clip.duration:.1f} s", f"{clip.n_frames} frames at {clip.fps:g} fps", people]


def _tiles(data: ReportData) -> list[dict[str, str]]:
    s = data.scores

    def tile(label: str, name: str, hint: str, *, stage: str = "", decimals: int = 0) -> dict[str, str]:
        value = METRIC[name].of_both(s, stage)
        if value is None:
            return {"label": label, "value": "–", "unit": "", "hint": hint}
        return {"label": label, "value": f"{value:.{decimals}f}", "unit": METRIC[name].unit, "hint": hint}

    skated, inside = (METRIC[name].of_both(s, "input") for name in ("foot_skate_cm_s", "partner_penetration_mm"))
    lift = {"value": f"{s.recipient.partner_force.peak_upward_n:.0f}", "unit": METRIC["partner_lift_n"].unit}
    return [
        tile("Mean joint error", "mpjpe_mm", f"to the prepared clip; {s.mpjpe_input_mm:.0f} to the input"),
        {
            **tile("Outside help", "wrench_n", "largest force" if s.assisted else "none at any step"),
            "tone": "outside" if s.assisted else "",
        },
        {"label": "Peak lift", **lift, "hint": "upward, on the recipient"},
        tile("Foot skating", "foot_skate_cm_s", f"{skated:.1f} in the input", stage="output", decimals=1),
        tile("In each other", "partner_penetration_mm", f"{inside:.0f} in the input", stage="output"),
        tile("Touches kept", "contact_kept", "hands on the partner"),
    ]


def render_report(data: ReportData) -> str:
    """Return the report as one HTML document."""
    return render_page(data.title, payload(data))


def render_page(title: str, values: Mapping[str, Any], *, style: str = "") -> str:
    """Return the page as one HTML document.

    Args:
        title: Title of the window.
        values: What its scripts read, as `payload` gives it.
        style: Rules to add to its style.

    Nothing of the data is ever markup or code: it travels as JSON in which `<`, `>` and `&` are escaped, and the
    page puts it in place as text. A content security policy admits the page's own script and style by their hashes
    and forbids every connection.
    """
    folder = resources.files(__name__.rpartition(".")[0])
    style = folder.joinpath("style.css").read_text(encoding="utf-8") + style
    bodies = "\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in _SCRIPTS)
    script = f'"use strict";\n(() => {{\n{bodies}\n}})();\n'
    parts = {
        "TITLE": html.escape(title),
        "POLICY": (
            f"default-src 'none'; script-src '{script_hash(script)}'; style-src '{script_hash(style)}'; img-src data:; "
            "base-uri 'none'; form-action 'none'"
        ),
        "STYLE": style,
        "SCRIPT": script,
        "DATA": json_for_html(values),
    }
    template = folder.joinpath("template.html").read_text(encoding="utf-8")
    # One pass over the template alone: what is put in is never searched for further places.
    return re.sub(r"\{\{([A-Z]+)\}\}", lambda match: parts[match.group(1)], template)


def json_for_html(values: Any) -> str:
    """JSON that no HTML parser can mistake for the end of its script element. Raises ValueError for a NaN."""
    text = json.dumps(values, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def script_hash(text: str) -> str:
    """Return a script or style as a content security policy admits it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def write_report(path: str | Path, data: ReportData) -> None:
    """Write the report so that the file is either whole or not there. Raises AssistMimicError when it cannot be."""
    path = Path(path)
    text = render_report(data)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        part = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            part.chmod(0o644)
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        reason = error.strerror or error
        raise AssistMimicError(f"{path}: cannot be written ({reason}); choose a folder you may write to") from None
