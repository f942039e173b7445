"""The table at the end of a conversion."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from controller_server.metrics.catalogue import METRIC, Metric, at
from controller_server.metrics.scores import PersonScores, Scores
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
    """Return the verdict in one sentence, and which controller."""
    took = f"{result.seconds:.0f} s, {result.seconds_per_clip_second:.1f} s per second of clip"
    return f"{verdict(result.scores).headline} Controller {result.controller} ({took})"


def verdict_lines(result: Result) -> Iterable[str]:
    """Yield what is wrong with a result, and what else must be known."""
    banner = verdict(result.scores)
    yield from (f"wrong: {fault}" for fault in banner.faults)
    yield from banner.remarks


def person_rows(result: Result) -> Iterable[list[str]]:
    """(measure, supporter, recipient)."""
    people = (result.scores.supporter, result.scores.recipient)

    def row(name: str, unit: str = "", *, scale: float = 1.0, decimals: int = 0) -> list[str]:
        metric = METRIC[name]
        values = (f"{scale * at(person, metric.path):.{decimals}f} {unit or metric.unit}" for person in people)
        return [metric.label, *values]

    def change(name: str) -> list[str]:
        return [f"{METRIC[name].label}, before → after", *(_change(METRIC[name], person) for person in people)]

    yield row("mpjpe_mm")
    yield row("mpjpe_input_mm")
    yield row("deviation_max", "mm", scale=1000)
    yield [METRIC["wrench_n"].label, *(_wrench(p) for p in people)]
    for name in ("foot_skate_cm_s", "slip_worst_cm", "hand_speed_m_s", "floor_penetration_mm"):
        yield change(name)
    yield [f"{METRIC['prepare_mean_mm'].label}, mean", *row("prepare_mean_mm")[1:]]
    peak = METRIC["partner_force_n"]
    yield [f"{peak.label}, peak", *(f"{at(person, peak.also[0]):.0f} {peak.unit}" for person in people)]


def _wrench(person: PersonScores) -> str:
    return f"{person.wrench.max_n:.0f} N" if person.wrench.max_n > 0 else "none"


_STYLES = {"better": "green", "amber": "yellow", "worse": "red"}


def _change(metric: Metric, scores: PersonScores | Scores) -> str:
    """Input and output, coloured by the metric's tolerance; both are always there for what is asked here."""
    before, after = (f"{metric.of(scores, stage):.1f}" for stage in ("input", "output"))
    style = _STYLES.get(metric.tone(scores, changed=before != after))
    text = f"{after} {metric.unit}"
    return f"{before} → {f'[{style}]{text}[/{style}]' if style else text}"


def pair_lines(result: Result) -> Iterable[str]:
    """Yield what concerns both people at once."""
    scores = result.scores
    inside = METRIC["partner_penetration_mm"]
    yield f"{inside.label}, before → after: {_change(inside, scores)}"
    if scores.holds_kept is not None:
        yield f"{METRIC['holds_kept'].label}: {scores.holds_kept:.0%}"


def rung_lines(result: Result) -> Iterable[str]:
    """Why the earlier attempts were not enough."""
    for attempt in result.attempts:
        if attempt.controller != result.controller:
            yield f"{attempt.controller}: {attempt.reason}"
