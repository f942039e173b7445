"""The result in plain words: success, assisted or failed, and what is wrong with it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from controller_server.metrics.criteria import Criteria, Criterion
from controller_server.metrics.effort import MAX_MEAN_HELP
from controller_server.metrics.scores import Scores
from controller_server.metrics.tracking import PAPER_LIMIT, SUCCESS_LIMIT

_LEVELS = {"success": "carried", "assisted": "assisted", "failed": "failed"}


@dataclass(frozen=True)
class Verdict:
    """A banner.

    Attributes:
        level: "carried", "assisted" or "failed".
        headline: One sentence.
        detail: What it rests on.
        faults: Every criterion that is not kept to, in words, the worst first.
        moments: When each of them shows best [s]; None where it concerns the whole clip.
        remarks: What else must be known: how the clip ends, how far preparing moved it, other limits.
    """

    level: str
    headline: str
    detail: str
    faults: tuple[str, ...] = ()
    moments: tuple[float | None, ...] = ()
    remarks: tuple[str, ...] = ()


def verdict(scores: Scores) -> Verdict:
    """Return what a reader must take away first."""
    headline = {"success": _success, "assisted": _assisted, "failed": _failed}[scores.word](scores)
    detail = " ".join([_basis(scores), _help(scores)])
    faults = tuple(fault(criterion) for criterion in scores.faults)
    moments = tuple(criterion.time_s for criterion in scores.faults)
    return Verdict(_LEVELS[scores.word], headline, detail, faults, moments, tuple(remarks(scores)))


def fault(criterion: Criterion) -> str:
    """Return a criterion that is not kept to, in words.

    "recipient's left hand 0.41 m off at 2.3 s (0.15 m allowed)".
    """
    return f"{criterion.sentence} ({criterion.allowed})"


def remarks(scores: Scores) -> list[str]:
    """Return what must be known beside the verdict."""
    found = []
    if scores.other_limits:
        limits = ", ".join(f"{name} {value:g}" for name, value in scores.other_limits.items())
        found.append(f"Judged by other limits than the usual ones: {limits}.")
    if scores.prepared_far:
        limit = scores.other_limits.get("told_prepared_mm", Criteria().told_prepared_mm)
        far = [(role, p.prepare_mean_mm) for role, p in scores.people if p.prepare_mean_mm > limit]
        moved = " and ".join(f"the {role} by {mean:.0f} mm" for role, mean in far)
        found.append(f"Preparing moved {moved} on average: the simulation follows another motion than the input's.")
    if scores.ends_in_motion:
        found.append("The clip ends in motion: nobody knows how it would go on.")
    return found


def _farthest_cm(scores: Scores) -> int:
    return math.ceil(100 * max(person.deviation_max_m for _, person in scores.people) - 1e-9)


def _success(scores: Scores) -> str:
    return (
        f"Success: usable as it is. Both people stayed within {_farthest_cm(scores)} cm of the clip, "
        "with no outside help."
    )


def _assisted(scores: Scores) -> str:
    return (
        f"Assisted, which is no success: both people stayed within {_farthest_cm(scores)} cm of the clip, "
        f"but not on their own: an outside force of up to {scores.max_wrench_n:.0f} N held {_held(scores)}."
    )


def _held(scores: Scores) -> str:
    held = [f"the {role}" for role, person in scores.people if person.wrench.max_n > 0 or person.wrench.max_nm > 0]
    return " and ".join(held)


def _failed(scores: Scores) -> str:
    if scores.success_tracking:
        count = len(scores.faults)
        things = "one thing is" if count == 1 else f"{count} things are"
        return f"Not usable as it is: the clip was followed to its end, but {things} wrong."
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
    errors = " and ".join(
        f"{person.mpjpe_mm:.0f} mm ({role}; {person.mpjpe_input_mm:.0f} to the input)" for role, person in scores.people
    )
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
