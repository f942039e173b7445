"""Is the help real? The weakest recipient that a clip needs a supporter for: lost alone, carried together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from controller_server.clip.interaction import InteractionClip
from controller_server.core.progress import OnProgress
from controller_server.metrics.tracking import SUCCESS_LIMIT
from controller_server.pipeline.convert import convert
from controller_server.pipeline.result import Result
from controller_server.pipeline.settings import Controller, ConvertSettings, Quality

PEOPLE = ("adult", "older", "weak", "frail", "passive")
"""Recipients tried one after the other, until one fails alone."""
SEEDS = (0, 1, 2)
_SAG = 0.15  # m a pelvis may be too low at the end


def help_entry(
    name: str,
    load: Callable[[], InteractionClip],
    quality: Quality,
    progress_of: Callable[[str], OnProgress],
    *,
    people: Sequence[str] = PEOPLE,
    seeds: Sequence[int] = SEEDS,
) -> dict[str, Any]:
    """Try ever weaker recipients without the supporter, by search, and the first that fails with the supporter too.

    A recipient succeeds who is never over 0.25 m from the clip by the 16 joints of `success_tracking` and whose pelvis
    is at most 0.15 m too low at the end. Alone the best of the seeds counts: who gets up once needs nobody.

    Args:
        name: Name of the clip.
        load: Reads it.
        quality: How long the search thinks.
        progress_of: Makes a progress callback from what is tried.
        people: Presets of strength, strongest first.
        seeds: Seeds of the search.

    Returns:
        `name`; `alone`, a row for each person tried; `needs_help`, the first who failed, or None; `helped`, that
        person's row with the supporter, or None.
    """
    alone: list[dict[str, Any]] = []
    for person in people:
        alone.append(best_of_seeds(load, person, quality, seeds, progress_of, alone=True))
        if not alone[-1]["success"]:
            helped = best_of_seeds(load, person, quality, seeds, progress_of, alone=False)
            return {"name": name, "alone": alone, "needs_help": person, "helped": helped}
    return {"name": name, "alone": alone, "needs_help": None, "helped": None}


def best_of_seeds(
    load: Callable[[], InteractionClip],
    person: str,
    quality: Quality,
    seeds: Sequence[int],
    progress_of: Callable[[str], OnProgress],
    *,
    alone: bool,
) -> dict[str, Any]:
    """Carry a clip out by search with a recipient of some strength, until one seed succeeds.

    Args:
        load: Reads the clip.
        person: Preset of the recipient's strength.
        quality: How long the search thinks.
        seeds: Seeds of the search.
        progress_of: Makes a progress callback from what is tried.
        alone: Whether the supporter is taken away.

    Returns:
        The row of the first seed that succeeds, else of the one whose recipient stayed nearest.
    """
    rows = []
    for seed in seeds:
        settings = ConvertSettings(
            controller=Controller.SEARCH,
            quality=quality,
            recipient_strength=person,
            remove_supporter=alone,
            seed=seed,
        )
        what = f"{person}, {'alone' if alone else 'with the supporter'}, seed {seed}"
        rows.append(_row(convert(load(), settings, on_progress=progress_of(what)), person, seed))
        if rows[-1]["success"]:
            return rows[-1]
    return min(rows, key=lambda row: row["deviation_max_mm"])


def _row(result: Result, person: str, seed: int) -> dict[str, Any]:
    recipient = result.scores.recipient
    pelvis = result.simulated_clip.joints[-1, 1, 0, 2] - result.prepared_clip.joints[-1, 1, 0, 2]
    return {
        "person": person,
        "seed": seed,
        "success": bool(recipient.deviation_max_m <= SUCCESS_LIMIT and pelvis >= -_SAG),
        "deviation_max_mm": 1000 * recipient.deviation_max_m,
        "pelvis_at_end_mm": 1000 * float(pelvis),
        "mpjpe_mm": recipient.mpjpe_mm,
        "upward_force_n": recipient.partner_force.mean_upward_n,
        "usable": result.scores.success,
    }
