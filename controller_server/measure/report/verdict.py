"""The result in plain words: carried, assisted or failed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..effort import MAX_MEAN_HELP
from ..scores import Scores
from ..tracking import PAPER_LIMIT, SUCCESS_LIMIT


@dataclass(frozen=True)
class Verdict:
    """A banner.

    Attributes:
        level: "carried", "assisted" or "failed".
        headline: One sentence.
        detail: What it rests on.
    """

    level: str
    headline: str
    detail: str


def verdict(scores: Scores) -> Verdict:
    """What a reader must take away first."""
    level = "failed" if not scores.success else "assisted" if scores.assisted else "carried"
    headline = {"failed": _failed, "assisted": _assisted, "carried": _carried}[level](scores)
    return Verdict(level, headline, " ".join([_basis(scores), _help(scores)]))


def _farthest_cm(scores: Scores) -> int:
    return math.ceil(100 * max(person.deviation_max_m for _, person in scores.people) - 1e-9)


def _carried(scores: Scores) -> str:
    return f"Carried: both people stayed within {_farthest_cm(scores)} cm of the clip, with no outside help."


def _assisted(scores: Scores) -> str:
    return (
        f"Assisted: both people stayed within {_farthest_cm(scores)} cm of the clip, "
        f"but not on their own: an outside force of up to {scores.max_wrench_n:.0f} N held {_held(scores)}."
    )


def _held(scores: Scores) -> str:
    held = [f"the {role}" for role, person in scores.people if person.wrench.max_n > 0 or person.wrench.max_nm > 0]
    return " and ".join(held)


def _failed(scores: Scores) -> str:
    if scores.failure_time_s is None:
        return (
            f"Failed: the clip was followed only with {scores.mean_help:.2f} body weights of outside help on average, "
            f"more than {MAX_MEAN_HELP:g}."
        )
    when = f"Failed at {scores.failure_time_s:.1f} s"
    if scores.failed_person is None:
        return f"{when}: the simulation broke off there."
    return f"{when}: the {scores.failed_person} was more than {100 * SUCCESS_LIMIT:.0f} cm from the clip."


def _basis(scores: Scores) -> str:
    errors = " and ".join(f"{person.mpjpe_mm:.0f} mm ({role})" for role, person in scores.people)
    text = f"Mean joint error {errors}."
    if scores.failure_time_s is not None:
        kept = "stayed" if scores.success_paper else "did not stay"
        text += f" By the paper's looser limit of {100 * PAPER_LIMIT:.0f} cm the pair {kept} with the clip."
    return text


def _help(scores: Scores) -> str:
    if not scores.assisted:
        return "Every force came from muscles, gravity, contact and grip."
    parts = [
        f"{role} {person.wrench.mean_body_weights:.2f} body weights on average, {person.wrench.max_nm:.0f} N m at most"
        for role, person in scores.people
        if person.wrench.max_n > 0 or person.wrench.max_nm > 0
    ]
    return f"Outside help: {'; '.join(parts)}; drawn in magenta, frame by frame."
