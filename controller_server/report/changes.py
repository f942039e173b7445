"""Six lines that say what became better and what worse, for someone who never read how it is measured."""

from __future__ import annotations

from dataclasses import dataclass

from controller_server.metrics.catalogue import TOLERANCES
from controller_server.metrics.scores import Scores


@dataclass(frozen=True)
class Change:
    """One thing a person sees, before and after.

    Attributes:
        label: What is seen.
        unit: Unit of both numbers.
        before: In the input, as text; a dash where there is nothing to measure.
        after: In the simulation.
        tone: "better", "same", "fine" (changed, and as it should be), "amber" or "worse".
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
    """Return the six lines.

    What changes by less than one would see is the same, and soft contact is as it should be.
    """
    people, on = [person for _, person in scores.people], scores.holds_on_part
    calm = [person.calm[part].tremor_worst_mm for person in people for part in ("head", "pelvis")]
    slip = [person.feet.slip_worst_cm for person in people]
    held = _percent(on.input), _percent(on.output)
    sunk = [pair for person in people for pair in (person.floor_penetration_mm, person.prop_penetration_mm)]
    inside, own = [scores.partner_penetration_mm], [person.self_penetration_mm for person in people]
    shaking = "head and pelvis, faster than 5 Hz, worst half second"
    return [
        change("slip_worst_cm", "Feet slide", "cm", _both(slip), "farthest a bearing sole moves"),
        change("holds_kept", "Hands on what they hold", "%", held, "share of all holds of the input, within 3 cm"),
        change(
            "partner_penetration_mm",
            "Bodies in each other",
            "mm",
            _both(inside),
            "deepest point",
        ),
        change("floor_penetration_mm", "In floor or furniture", "mm", _both(sunk), "deepest point"),
        change("self_penetration_mm", "Limbs in the own body", "mm", _both(own), "deepest point"),
        change("tremor_worst_mm", "Trembling", "mm", _both(calm), shaking, decimals=1),
    ]


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _both(values: list) -> tuple[float | None, float | None]:
    return _most(values, "input"), _most(values, "output")


def _most(values: list, stage: str) -> float | None:
    found = [value for each in values if (value := getattr(each, stage)) is not None]
    return max(found, default=None)


def change(
    measure: str,
    label: str,
    unit: str,
    values: tuple[float | None, float | None],
    hint: str,
    *,
    decimals: int = 0,
) -> Change:
    """Return one line.

    Args:
        measure: Whose tolerance it is read by, in `TOLERANCES`.
        label: What is seen.
        unit: Unit of the numbers.
        values: In the input and in the simulation; None where there is nothing to measure.
        hint: How it is measured.
        decimals: Number of decimals of the numbers shown.
    """
    before, after = (_DASH if value is None else f"{value:.{decimals}f}" for value in values)
    return Change(label, unit, before, after, TOLERANCES[measure].tone(*values), hint)
