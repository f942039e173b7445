"""Scenes of the prior: two people in one world, each with a motion that a person can do without help."""

from __future__ import annotations

from dataclasses import replace

from controller_server.core.array_store import ArrayStore
from controller_server.evaluation.clip_cache import NOTHING_KEPT
from controller_server.evaluation.single_person import strangers
from controller_server.physics.engines import BUILT_IN
from controller_server.physics.inverse_dynamics import SPARING
from training.settings.config import BodyConfig

from .scene import Scene


def stranger_scene(
    entry: str,
    body: BodyConfig,
    *,
    sparing: float = SPARING,
    engine: str = BUILT_IN,
    store: ArrayStore = NOTHING_KEPT,
) -> Scene:
    """Return the scene of one entry of a prior's clips.

    Args:
        entry: As in `strangers`.
        body: Strengths of the first and the second person.
        sparing: See `inverse_dynamics.SPARING`.
        engine: Name of the engine.
        store: Where prepared clips are kept.

    Raises:
        AssistMimicError: as `strangers`.
    """
    name, clip = strangers(entry)
    return Scene.of(name, clip, replace(body, grips="off"), sparing=sparing, engine=engine, store=store)
