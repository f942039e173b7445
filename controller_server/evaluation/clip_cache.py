"""Cache of slow results for each clip, kept on disk: prepared clips, joint targets, settled starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.io.npz import clip_from_arrays, clip_sha256, clip_to_arrays
from controller_server.control.policy.bundle_body import BodySettings
from controller_server.control.reference.reference import Reference
from controller_server.control.reference.reference_trajectory import Bodies, ReferenceTrajectory
from controller_server.control.reference.start import settled_start
from controller_server.core.array_store import ArrayStore
from controller_server.physics.backend import PairState
from controller_server.physics.engines import BUILT_IN
from controller_server.prepare import prepare
from controller_server.prepare.settings import PrepareSettings

NOTHING_KEPT = ArrayStore(None)


@dataclass(frozen=True)
class Followed:
    """The part of a reference that worlds follow, K control frames.

    Attributes:
        track: Laid out for observing.
        state: Positions and velocities as a backend takes them, n = K.
        targets: Joint targets [rad], shape (K, 2, J, 3).
    """

    track: ReferenceTrajectory
    state: PairState
    targets: np.ndarray


def prepared(source: InteractionClip, settings: PrepareSettings, store: ArrayStore = NOTHING_KEPT) -> InteractionClip:
    """Return a clip prepared, from the store where it is known."""
    of = {"what": "prepared", "clip": clip_sha256(source), "settings": asdict(settings)}
    return clip_from_arrays(store.made(of, lambda: clip_to_arrays(prepare(source, settings).clip)))


class KeptReference:
    """Results computed from a prepared clip and its bodies, from a store where they are known.

    Args:
        clip: Prepared.
        pair: Its bodies.
        sparing: How the load is shared out (`inverse_dynamics.SPARING`).
        store: Where it is kept.
    """

    def __init__(self, clip: InteractionClip, pair: PairBody, sparing: float, store: ArrayStore) -> None:
        self._clip, self._pair, self._sparing, self._store = clip, pair, sparing, store
        self._of = {"clip": clip_sha256(clip), "body": BodySettings.of(pair).to_dict(), "sparing": sparing}
        self._reference: Reference | None = None

    def whole(self) -> Reference:
        """Return the reference itself, which is made when first asked for."""
        if self._reference is None:
            self._reference = Reference.of(self._clip, self._pair).sharing(self._sparing)
        return self._reference

    def release(self) -> None:
        """Let go of the reference itself, which is many times as large as what is followed."""
        self._reference = None

    def followed(self) -> Followed:
        """Return what worlds follow."""

        def make() -> dict[str, np.ndarray]:
            reference = self.whole()
            track = ReferenceTrajectory.of(reference)
            return {
                **{f"frames.{name}": array for name, array in vars(track.frames).items()},
                **{name: getattr(track, name) for name in ("headings", "com", "grips")},
                **{f"state.{name}": array for name, array in vars(reference.state).items()},
                "hz": np.array(track.hz),
                "targets": reference.targets,
            }

        arrays = self._made("reference", make)
        track = ReferenceTrajectory(
            Bodies(**_under(arrays, "frames.")),
            *(arrays[name] for name in ("headings", "com", "grips")),
            hz=float(arrays["hz"]),
        )
        return Followed(track, PairState(**_under(arrays, "state.")), arrays["targets"])

    def apart(self) -> np.ndarray:
        """Return the joint targets of people who get nothing from each other [rad], shape (K, 2, J, 3)."""
        make = lambda: {"targets": self.whole().sharing(self._sparing, apart=True).targets}  # noqa: E731
        return self._made("apart", make)["targets"]

    def start(self, engine: str) -> PairState:
        """Return the first state, settled, n = 1; of other engines than the built-in one it is always made anew."""

        def make() -> dict[str, np.ndarray]:
            # With all targets at hand: those of the opening alone differ in the last digit.
            reference = self.whole().with_targets(self.followed().targets)
            return dict(vars(settled_start(self._pair, reference, engine)))

        return PairState(**(self._made("start", make) if engine == BUILT_IN else make()))

    def _made(self, what: str, make: Callable[[], Mapping[str, Any]]) -> dict[str, np.ndarray]:
        return self._store.made({"what": what, **self._of}, make)


def _under(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
