"""Six lines that say what became better and what worse, for someone who never read how it is measured."""

from __future__ import annotations

from dataclasses import dataclass

from ..scores import Scores


@dataclass(frozen=True)
class Change:
    """One thing a person sees, before and after.

    Attributes:
        label: What is seen.
        unit: Of both numbers.
        before: In the input, as text; a dash where there is nothing to measure.
        after: In the simulation.
        tone: "better", "worse" or "same".
        hint: How it is measured.
    """

    label: str
    unit: str
    before: str
    after: str
    tone: str
    hint: str


_DASH = "–"


def changes(scores: Scores) -> list[Change]:
    """The six lines. What changes by less than one would see is the same."""
    people = [person for _, person in scores.people]
    calm = [person.calm[part].tremor_worst_mm for person in people for part in ("head", "pelvis")]
    slip = [person.feet.slip_worst_cm for person in people]
    held, inside = scores.holds_on_part, scores.partner_penetration_mm
    sunk = [pair for person in people for pair in (person.floor_penetration_mm, person.prop_penetration_mm)]
    own = [person.self_penetration_mm for person in people]
    return [
        change("Feet slide", "cm", _most(slip, "input"), _most(slip, "output"), 1.0, "farthest a bearing sole moves"),
        change(
            "Hands on what they hold",
            "%",
            None if held.input is None else 100 * held.input,
            None if held.output is None else 100 * held.output,
            5.0,
            "share of all holds of the input, within 3 cm",
            more=True,
        ),
        change("Bodies in each other", "mm", inside.input, inside.output, 5.0, "deepest point"),
        change("In floor or furniture", "mm", _most(sunk, "input"), _most(sunk, "output"), 5.0, "deepest point"),
        change("Limbs in the own body", "mm", _most(own, "input"), _most(own, "output"), 5.0, "deepest point"),
        change(
            "Trembling",
            "mm",
            _most(calm, "input"),
            _most(calm, "output"),
            0.5,
            "head and pelvis, faster than 5 Hz, worst half second",
            decimals=1,
        ),
    ]


def _most(values: list, stage: str) -> float | None:
    found = [value for each in values if (value := getattr(each, stage)) is not None]
    return max(found, default=None)


def change(
    label: str,
    unit: str,
    before: float | None,
    after: float | None,
    seen: float,
    hint: str,
    *,
    more: bool = False,
    decimals: int = 0,
) -> Change:
    """One line.

    Args:
        label: What is seen.
        unit: Of the numbers.
        before: In the input; None where there is nothing to measure.
        after: In the simulation.
        seen: Smallest difference that one sees.
        hint: How it is measured.
        more: Whether more is better.
        decimals: Of the numbers shown.
    """
    first, second = (_DASH if value is None else f"{value:.{decimals}f}" for value in (before, after))
    if before is None or after is None or abs(after - before) < seen:
        tone = "same"
    else:
        tone = "better" if (after > before) == more else "worse"
    return Change(label, unit, first, second, tone, hint)
