"""The table at the end of a conversion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ..measure.effort import MAX_MEAN_HELP
from ..measure.scores import BeforeAfter, PersonScores
from ..measure.tracking import SUCCESS_LIMIT
from ..result import Result


def print_summary(result: Result, files: Sequence[Path], console: Console | None = None) -> None:
    """Print what came of a conversion, person by person, and where it is."""
    console = console or Console()
    table = Table(show_header=True, header_style="bold", title=headline(result), title_justify="left")
    table.add_column("")
    for role in ("supporter", "recipient"):
        table.add_column(role, justify="right")
    for row in person_rows(result):
        table.add_row(*row)
    console.print(table)
    for line in (*pair_lines(result), *rung_lines(result), *(f"note: {note}" for note in result.notes)):
        console.print(line, highlight=False, soft_wrap=True)
    for path in files:
        console.print(f"wrote {path}", highlight=False, soft_wrap=True)


def headline(result: Result) -> str:
    """Success or when it failed, and which controller."""
    scores = result.scores
    took = f"{result.seconds:.0f} s, {result.seconds_per_clip_second:.1f} s per second of clip"
    if scores.success:
        return f"success with controller {result.controller} ({took})"
    if scores.failure_time_s is None:
        why = f" ({scores.mean_help:.2f} body weights of outside help on average, more than {MAX_MEAN_HELP:g})"
    else:
        who = f" ({scores.failed_person} over {SUCCESS_LIMIT:g} m from the clip)" if scores.failed_person else ""
        why = f" at {scores.failure_time_s:.2f} s{who}"
    return f"failed{why} with controller {result.controller} ({took})"


def person_rows(result: Result) -> Iterable[list[str]]:
    """(measure, supporter, recipient)."""
    supporter, recipient = result.scores.supporter, result.scores.recipient

    def row(name: str, text: str, of: str) -> list[str]:
        return [name, *(text.format(getattr(person, of)) for person in (supporter, recipient))]

    def change(name: str, unit: str, of: str) -> list[str]:
        return [name, *(_change(getattr(person, of), unit) for person in (supporter, recipient))]

    yield row("MPJPE to the prepared clip", "{:.0f} mm", "mpjpe_mm")
    yield row("MPJPE to the input", "{:.0f} mm", "mpjpe_input_mm")
    yield ["largest deviation", *(f"{p.deviation_max_m * 1000:.0f} mm" for p in (supporter, recipient))]
    yield ["outside wrench, largest", *(_wrench(p) for p in (supporter, recipient))]
    yield change("foot skating, before → after", "cm/s", "foot_skate_cm_s")
    yield change("floor penetration, before → after", "mm", "floor_penetration_mm")
    yield row("moved by prepare, mean", "{:.0f} mm", "prepare_mean_mm")
    yield ["peak force from the partner", *(f"{p.partner_force.peak_n:.0f} N" for p in (supporter, recipient))]


def _wrench(person: PersonScores) -> str:
    return f"{person.wrench.max_n:.0f} N" if person.wrench.max_n > 0 else "none"


def _change(value: BeforeAfter, unit: str) -> str:
    return f"{value.input:.1f} → {value.output:.1f} {unit}"


def pair_lines(result: Result) -> Iterable[str]:
    """What concerns both people at once."""
    scores = result.scores
    yield f"into each other, before → after: {_change(scores.partner_penetration_mm, 'mm')}"
    if scores.contact_kept is not None:
        yield f"hand contact kept: {scores.contact_kept:.0%}"


def rung_lines(result: Result) -> Iterable[str]:
    """Why the lower rungs of the ladder were not enough."""
    for attempt in result.attempts:
        if attempt.controller != result.controller:
            yield f"{attempt.controller}: {attempt.reason}"
