"""Summaries of a batch: a table for spreadsheets, one for programs, and a page for people."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from controller_server.core.errors import AssistMimicError
from controller_server.core.whole_file import replace_file
from controller_server.pipeline.result import versions

from .index import render_index
from .ledger import Ledger
from .measures import MEASURES
from .options import BatchOptions
from .plan import Task
from .work import ERROR, FAILURE, RESULT

MISSING = "missing"
COLUMNS = (
    *("name", "end", "verdict", "headline", "faults", "code", "message", "controller", "policy"),
    *("frames", "fps", "duration_s", *MEASURES, "seconds", "cpu_seconds", "memory_mb", "tries"),
    *("host", "ended", "input", "motion", "report", "picture"),
)


def write_summary(options: BatchOptions, tasks: Sequence[Task], ledger: Ledger) -> dict[str, Any]:
    """Write `summary.csv`, `summary.json` and `index.html`, each in one move.

    Of several processes that end at the same time the last one has the whole: who finds more ends after writing than
    before writes again.

    Args:
        options: The batch's.
        tasks: The clips of this process; those of other shards are known from the ledger.
        ledger: The truth.

    Raises:
        AssistMimicError: they cannot be written.
    """
    rows = gather(options, tasks, ledger)
    while True:
        summary = summarise(rows)
        try:
            replace_file(options.out / "summary.csv", _csv(rows).encode("utf-8"))
            replace_file(options.out / "summary.json", json.dumps({**summary, "rows": rows}, indent=1).encode())
            replace_file(options.out / "index.html", render_index(options.source.name, summary, rows).encode())
        except OSError as error:
            raise AssistMimicError(
                f"{options.out}: the summary cannot be written ({error.strerror or error})"
            ) from None
        again = gather(options, tasks, ledger)
        if len([row for row in again if row["end"] != MISSING]) == summary["ended"]:
            return summary
        rows = again


def gather(options: BatchOptions, tasks: Sequence[Task], ledger: Ledger) -> list[dict[str, Any]]:
    """Return a row for every clip, in order of names: how it ended, or that it has not."""
    own = {task.name: task for task in tasks}
    found = {}
    for status in ledger.everything():
        task = own.get(str(status.get("name")))
        fits = status.get("key") == task.key if task else _of_other_shard(options, tasks, status)
        if fits and status.get("end") in (RESULT, FAILURE, ERROR):
            found[status["name"]] = _row(status)
    rows = {name: _row({"name": name, "end": MISSING, "input": [p.name for p in own[name].files]}) for name in own}
    return [row for _, row in sorted({**rows, **found}.items())]


def _of_other_shard(options: BatchOptions, tasks: Sequence[Task], status: Mapping[str, Any]) -> bool:
    return options.shard.of > 1 and bool(tasks) and status.get("common") == tasks[0].common


def _row(status: Mapping[str, Any]) -> dict[str, Any]:
    files = status.get("files", {})
    values = {**status, **status.get("measures", {}), **files}
    return {name: values.get(name) for name in COLUMNS}


def summarise(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a batch in a few numbers."""
    ends = Counter(row["end"] for row in rows)
    simulated = ends[RESULT] + ends[FAILURE]
    carried = sum(row["verdict"] == "success" for row in rows)
    core_seconds = sum(row["cpu_seconds"] or 0.0 for row in rows)
    return {
        "clips": len(rows),
        "ended": len(rows) - ends[MISSING],
        "results": ends[RESULT],
        "failures": ends[FAILURE],
        "errors": ends[ERROR],
        "missing": ends[MISSING],
        "carried": carried,
        "carried_share": carried / simulated if simulated else None,
        "core_seconds": core_seconds,
        "clips_per_core_hour": 3600 * (simulated + ends[ERROR]) / core_seconds if core_seconds else None,
        "versions": versions(),
    }


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in COLUMNS])
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return "; ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str) and value[:1] in "=+-@":
        return f"'{value}"  # a spreadsheet would take it for a formula
    return "" if value is None else value
