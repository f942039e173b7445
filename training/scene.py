"""What is learned: prepared clips with their bodies and references."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from controller_server.array_store import ArrayStore
from controller_server.body.pair import PairBody
from controller_server.body.strength import Strength
from controller_server.bundled import named_clip
from controller_server.clip.formats import read_clip
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.npz import clip_sha256
from controller_server.control.feedforward import SPARING
from controller_server.control.observation import Track
from controller_server.control.reference import Reference
from controller_server.errors import AssistMimicError
from controller_server.physics.backend import PairState
from controller_server.physics.engines import BUILT_IN
from controller_server.prepare.settings import GripMode, PrepareSettings

from .config import BodyConfig
from .kept import NOTHING_KEPT, KeptReference, prepared

DATA = "data:"
"""What the name of a clip starts with that lies in the folder ASSISTMIMIC_DATA."""
_NAMED = 3
"""Clips that a run is called after, at most."""


@dataclass(frozen=True)
class Scene:
    """One clip to learn.

    Attributes:
        name: Of the clip.
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
    track: Track
    targets: np.ndarray
    reference_states: PairState
    engine: str = BUILT_IN

    @property
    def reference(self) -> Reference:
        """What is followed, as a whole."""
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
        """A scene of a clip, which is prepared unless it is `ready`; see `feedforward.SPARING`."""
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
        """A scene of a prepared clip and its bodies; `sha256` is of the clip as it was read."""
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
    """The scenes of clip files.

    Raises:
        AssistMimicError: there is none, or one cannot be read.
    """
    if not names:
        raise AssistMimicError("training: no clips; name them with --clips")
    options: dict[str, Any] = {"sparing": sparing, "engine": engine, "store": store}
    return [Scene.of(clip_name(name), read_source(name), body, **options) for name in names]


def clip_name(name: str) -> str:
    """What a clip is called: its file's name without folder and suffix."""
    return Path(name.split("+")[-1].removeprefix(DATA)).stem


def run_name(clips: Sequence[str]) -> str:
    """What a run, and its bundle, is called after the clips it learns: up to three of them by name."""
    names = list(dict.fromkeys(re.sub(r"[^A-Za-z0-9_.-]", "_", clip_name(clip)) for clip in clips))
    told = "-".join(names) if len(names) <= _NAMED else f"{names[0]}-and-{len(names) - 1}-more"
    return told.lstrip("_.-")[:80] or "run"


def read_source(name: str) -> InteractionClip:
    """The clip of one entry of `TrainConfig.clips`. Raises AssistMimicError."""
    from controller_server.bench import REAL_CLIP, load_real_clip

    if name == DATA + REAL_CLIP:
        return load_real_clip(data_folder()).clip
    return read_clip([find_file(part) for part in name.split("+")]).clip


def find_file(name: str) -> Path:
    """The path of a file that may lie in the folder of data, or of a clip that comes along. Raises AssistMimicError."""
    return data_folder() / name.removeprefix(DATA) if name.startswith(DATA) else named_clip(Path(name))


def data_folder() -> Path:
    """The folder of data that is not in the repository. Raises AssistMimicError."""
    folder = os.environ.get("ASSISTMIMIC_DATA")
    if not folder:
        raise AssistMimicError("training: set ASSISTMIMIC_DATA to the folder that holds the data")
    return Path(folder)
