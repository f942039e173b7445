"""Cost of bare stepping of a search's worlds: the yardstick for everything the search adds around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip
from controller_server.control.fallback.attempt import Attempt
from controller_server.control.fallback.settings import QUALITIES
from controller_server.control.reference.reference import Reference
from controller_server.physics.backend import EngineOptions
from controller_server.physics.bare_steps import BareWorlds
from controller_server.physics.engines import BUILT_IN, make_backend

SHARE = 0.2
"""Part of the steps that is really made; the time is scaled up to all of them."""


@dataclass(frozen=True)
class BareStepping:
    """Time taken by bare stepping.

    Attributes:
        seconds: Scaled to all steps of the search [s].
        world_steps: Physics steps of single worlds the search made.
        share: Part of them that was made here.
    """

    seconds: float
    world_steps: int
    share: float


def bare_stepping(
    clip: InteractionClip, pair: PairBody, attempts: Sequence[Attempt], *, quality: str, threads: int = 0
) -> BareStepping:
    """Step as many worlds as often as a search did, with `mujoco.batch` and nothing around it.

    The worlds have the search's own model and solver. They start from frames of the clip, evenly spread, with the
    reference's joint targets and grips, and run one horizon each, as the search's worlds do: contacts cost what they
    cost there.

    Args:
        clip: The prepared clip.
        pair: Its bodies.
        attempts: What was tried.
        quality: Key of `QUALITIES`.
        threads: Worker threads; 0 takes every core.
    """
    settings = QUALITIES[quality]
    pair = settings.planned(pair)
    world_steps = sum(attempt.control_steps for attempt in attempts) * pair.substeps
    if not world_steps:  # a policy played without looking ahead
        return BareStepping(0.0, 0, 1.0)
    reference = Reference.of(clip, pair)
    start = make_backend(BUILT_IN, pair, 1, EngineOptions(threads=1, sensors=False))
    worlds = BareWorlds(pair, settings.samples, threads, sensors=False)
    horizons = max(1, round(SHARE * world_steps / (settings.samples * settings.horizon * pair.substeps)))
    seconds = 0.0
    for frame in np.linspace(0, reference.n_frames - 1, horizons).astype(int):
        start.set_state(reference.state[frame : frame + 1])
        steps = settings.horizon * pair.substeps
        seconds += worlds.seconds(start.save()[0], reference.targets[frame], reference.grips[frame], steps)
    made = horizons * settings.samples * settings.horizon * pair.substeps
    return BareStepping(seconds * world_steps / made, world_steps, made / world_steps)
