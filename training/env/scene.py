"""Scenes of training: prepared clips with their bodies and references."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.body.strength import Strength
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.io.npz import clip_sha256
from controller_server.control.reference.reference import Reference
from controller_server.control.reference.reference_trajectory import ReferenceTrajectory
from controller_server.core.array_store import ArrayStore
from controller_server.core.errors import TrainingError
from controller_server.evaluation.clip_cache import NOTHING_KEPT, KeptReference, prepared
from controller_server.evaluation.clip_sources import clip_name, read_source
from controller_server.physics.backend import PairState
from controller_server.physics.engines import BUILT_IN
from controller_server.physics.inverse_dynamics import SPARING
from controller_server.prepare.settings import GripMode, PrepareSettings
from training.settings.config import BodyConfig


@dataclass(frozen=True)
class Scene:
    """One clip to learn.

    Attributes:
        name: Name of the clip.
        sha256: Of the clip as it was read.
        clip: The same, prepared.
        pair: Its bodies.
        kept: What comes of both.
        track: The reference laid out for observing.
        targets: Its joint targets [rad], shape (K, 2, J, 3).
        reference_states: Its states, n = K.
        engine: Name of the engine.
    """

    name: str
    sha256: str
    clip: InteractionClip
    pair: PairBody
    kept: KeptReference
    track: ReferenceTrajectory
    targets: np.ndarray
    reference_states: PairState
    engine: str = BUILT_IN

    @property
    def reference(self) -> Reference:
        """The reference that is followed, as a whole."""
        return self.kept.whole()

    @cached_property
    def apart(self) -> np.ndarray:
        """Joint targets of the two without anything from each other [rad], shape (K, 2, J, 3)."""
        return self.kept.apart()

    @cached_property
    def states(self) -> PairState:
        """States that episodes begin in, n = K: the reference's; the first as `convert` has it, settled."""
        settled, states = self.kept.start(self.engine), self.reference_states
        first = {name: np.concatenate([getattr(settled, name), value[1:]]) for name, value in vars(states).items()}
        return PairState(**first)

    @property
    def last(self) -> int:
        """The last control frame."""
        return self.track.n_frames - 1

    @staticmethod
    def of(
        name: str,
        source: InteractionClip,
        body: BodyConfig,
        *,
        sparing: float = SPARING,
        ready: bool = False,
        engine: str = BUILT_IN,
        store: ArrayStore = NOTHING_KEPT,
    ) -> Scene:
        """Return a scene of a clip, which is prepared unless it is `ready`; see `inverse_dynamics.SPARING`."""
        clip = source if ready else prepared(source, PrepareSettings(grips=GripMode(body.grips)), store)
        pair = PairBody.from_clip(
            clip,
            supporter=Strength.parse(body.supporter),
            recipient=Strength.parse(body.recipient),
            grip_force=body.grip_force,
        )
        return Scene.following(name, clip_sha256(source), clip, pair, sparing=sparing, engine=engine, store=store)

    @staticmethod
    def following(
        name: str,
        sha256: str,
        clip: InteractionClip,
        pair: PairBody,
        *,
        sparing: float = SPARING,
        engine: str = BUILT_IN,
        store: ArrayStore = NOTHING_KEPT,
    ) -> Scene:
        """Return a scene of a prepared clip and its bodies; `sha256` is of the clip as it was read."""
        kept = KeptReference(clip, pair, sparing, store)
        followed = kept.followed()
        return Scene(name, sha256, clip, pair, kept, followed.track, followed.targets, followed.state, engine)


def load_scenes(
    names: Sequence[str],
    body: BodyConfig,
    *,
    sparing: float = SPARING,
    engine: str = BUILT_IN,
    store: ArrayStore = NOTHING_KEPT,
) -> list[Scene]:
    """Return the scenes of clip files.

    Raises:
        AssistMimicError: there is none, or one cannot be read.
    """
    if not names:
        raise TrainingError("training: no clips; name them with --clips")
    options: dict[str, Any] = {"sparing": sparing, "engine": engine, "store": store}
    return [Scene.of(clip_name(name), read_source(name), body, **options) for name in names]
