"""The table at the end of a conversion."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rich.console import Console
from rich.table import Table

from controller_server.metrics.person_scores import Stages
from controller_server.metrics.scores import BeforeAfter, PersonScores
from controller_server.metrics.tolerances import TOLERANCES
from controller_server.pipeline.result import Result
from controller_server.report.verdict import verdict


def print_summary(result: Result, console: Console | None = None) -> None:
    """Print what came of a conversion, person by person."""
    console = console or Console()
    table = Table(show_header=True, header_style="bold", title=headline(result), title_justify="left")
    table.add_column("")
    for role in ("supporter", "recipient"):
        table.add_column(role, justify="right")
    for row in person_rows(result):
        table.add_row(*row)
    console.print(table)
    for line in (
        *verdict_lines(result),
        *pair_lines(result),
        *rung_lines(result),
        *(f"note: {note}" for note in result.notes),
    ):
        console.print(line, highlight=False, soft_wrap=True)


def headline(result: Result) -> str:
    """The verdict in one sentence, and which controller."""
    took = f"{result.seconds:.0f} s, {result.seconds_per_clip_second:.1f} s per second of clip"
    return f"{verdict(result.scores).headline} Controller {result.controller} ({took})"


def verdict_lines(result: Result) -> Iterable[str]:
    """What is wrong with a result, and what else must be known."""
    banner = verdict(result.scores)
    yield from (f"wrong: {fault}" for fault in banner.faults)
    yield from banner.remarks


def person_rows(result: Result) -> Iterable[list[str]]:
    """(measure, supporter, recipient)."""
    supporter, recipient = result.scores.supporter, result.scores.recipient

    def row(name: str, text: str, of: str) -> list[str]:
        return [name, *(text.format(getattr(person, of)) for person in (supporter, recipient))]

    def change(name: str, unit: str, measure: str, of: Callable[[PersonScores], BeforeAfter | Stages]) -> list[str]:
        return [name, *(_change(measure, of(person), unit) for person in (supporter, recipient))]

    yield row("MPJPE to the prepared clip", "{:.0f} mm", "mpjpe_mm")
    yield row("MPJPE to the input", "{:.0f} mm", "mpjpe_input_mm")
    yield ["largest deviation", *(f"{p.deviation_max_m * 1000:.0f} mm" for p in (supporter, recipient))]
    yield ["outside wrench, largest", *(_wrench(p) for p in (supporter, recipient))]
    yield change("foot skating, before → after", "cm/s", "foot_skate_cm_s", lambda p: p.foot_skate_cm_s)
    yield change("farthest slide in a stance", "cm", "slip_worst_cm", lambda p: p.feet.slip_worst_cm)
    yield change("fastest hand", "m/s", "hand_speed_m_s", lambda p: p.hands.speed_m_s)
    yield change(
        "into the floor (some mm: soft contact)", "mm", "floor_penetration_mm", lambda p: p.floor_penetration_mm
    )
    yield row("moved by prepare, mean", "{:.0f} mm", "prepare_mean_mm")
    yield ["peak force from the partner", *(f"{p.partner_force.peak_n:.0f} N" for p in (supporter, recipient))]


def _wrench(person: PersonScores) -> str:
    return f"{person.wrench.max_n:.0f} N" if person.wrench.max_n > 0 else "none"


_STYLES = {"better": "green", "amber": "yellow", "worse": "red"}


def _change(measure: str, value: BeforeAfter | Stages, unit: str) -> str:
    """Input and output, coloured by the measure's tolerance; both are always there for what is asked here."""
    before, after = f"{value.input:.1f}", f"{value.output:.1f}"
    style = _STYLES.get(TOLERANCES[measure].level(value.input, value.output, changed=before != after))
    text = f"{after} {unit}"
    return f"{before} → {f'[{style}]{text}[/{style}]' if style else text}"


def pair_lines(result: Result) -> Iterable[str]:
    """What concerns both people at once."""
    scores = result.scores
    inside = _change("partner_penetration_mm", scores.partner_penetration_mm, "mm")
    yield f"into each other, before → after: {inside}"
    if scores.holds_kept is not None:
        yield f"hands on what they hold in the input: {scores.holds_kept:.0%}"


def rung_lines(result: Result) -> Iterable[str]:
    """Why the lower rungs of the ladder were not enough."""
    for attempt in result.attempts:
        if attempt.controller != result.controller:
            yield f"{attempt.controller}: {attempt.reason}"
