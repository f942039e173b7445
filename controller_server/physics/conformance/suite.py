"""The suite: every check, run as far as the engine declares that it can pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from controller_server.body.shape import Hands

from . import grips, momentum, pairs, resting, stability, targets, worlds
from .check import Check, CheckOutcome, Finding, MakeBackend, Subject
from .scenes import neutral_pair

CheckFunction = Callable[[Subject], Finding]

CHECKS: tuple[tuple[str | None, CheckFunction], ...] = (
    (None, resting.fall_time),
    ("contact_split", resting.landing_time),
    ("contact_split", resting.resting_weight),
    ("contact_split", momentum.forces_explain_motion),
    (None, resting.friction_holds),
    (None, resting.friction_slips),
    ("grip", grips.grip_capacity),
    ("grip+contact_split", grips.unloaded_grip),
    ("grip+contact_split", grips.weight_with_grips),
    ("grip+contact_split", grips.grip_reads_load),
    ("grip+contact_split", grips.grip_partner_only),
    (None, targets.targets_reached),
    (None, targets.torques_within_limits),
    ("exact_restore", worlds.restored_continues),
    ("exact_restore", worlds.batch_equals_singles),
    ("exact_restore+contact_split", worlds.recorded_equals_read),
    ("move_person", worlds.person_is_moved),
    ("per_world_model", worlds.strength_of_one_world),
    ("per_world_model", resting.friction_of_worlds),
    ("per_world_pair+per_world_model+exact_restore+grip", pairs.pairs_of_worlds),
    ("contact_list+contact_split", momentum.list_matches_split),
    (None, stability.never_diverges),
    (None, stability.divergence_is_reported),
)
"""What each check needs of `Capabilities` (names joined by "+", None for nothing), and its function."""


def run_conformance(
    make_backend: MakeBackend,
    *,
    hands: Hands = Hands.MITTEN,
    variants: Sequence[MakeBackend] = (),
    thorough: bool = False,
    only: Sequence[str] | None = None,
    on_check: Callable[[Check], None] | None = None,
) -> list[Check]:
    """Put an engine through the suite.

    Args:
        make_backend: Builds the engine for a body description and a number of worlds.
        hands: Simulated detail of the hands.
        variants: Other ways to build it (thread counts) that must agree with the first bit for bit.
        thorough: The stability run at full length: 16 worlds for 30 s of simulated time.
        only: Names of the checks to run; all by default.
        on_check: Called after every check.

    Returns:
        One entry for each check, in the suite's order. An exception of the engine is a failed check, not an end.
    """
    subject = Subject(make_backend, hands, tuple(variants), thorough)
    declared = make_backend(neutral_pair(Hands.MITTEN), 1).capabilities
    checks = []
    for capability, function in CHECKS:
        name = function.__name__
        if only is not None and name not in only:
            continue
        needed = [] if capability is None else capability.split("+")
        needed += ["full_hands"] * (hands is Hands.FULL)
        missing = [need for need in needed if not getattr(declared, need)]
        if missing:
            detail = f"not declared: {', '.join(missing)}"
            check = Check(name, capability, CheckOutcome.SKIPPED, None, "", detail)
        else:
            check = _carried_out(name, capability, function, subject)
        checks.append(check)
        if on_check is not None:
            on_check(check)
    return checks


def _carried_out(name: str, capability: str | None, function: CheckFunction, subject: Subject) -> Check:
    try:
        found = function(subject)
    except Exception as error:  # whatever an engine does, the other checks still have to run
        return Check(name, capability, CheckOutcome.FAILED, None, "", f"{type(error).__name__}: {error}")
    outcome = CheckOutcome.PASSED if found.passed else CheckOutcome.FAILED
    return Check(name, capability, outcome, found.measured, found.bound, found.detail)


def table(checks: Sequence[Check]) -> str:
    """Return the checks as a Markdown table."""
    lines = ["| check | needs | | measured | has to be | |", "| --- | --- | --- | --- | --- | --- |"]
    for c in checks:
        measured = "" if c.measured is None else f"{c.measured:.4g}"
        lines.append(f"| {c.name} | {c.capability or ''} | {c.outcome.value} | {measured} | {c.bound} | {c.detail} |")
    return "\n".join(lines)
