"""A prepared clip that simulations of it are judged against, with what depends on the clip alone worked out once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip
from controller_server.prepare.holds import Hold

from . import stance
from .balance import ends_at_rest, support
from .capsules import CollisionCapsules, centre_of_mass
from .criteria import Criteria
from .feet import foot_corners
from .holding import palms_on_parts

_CLEAR = 0.05  # m: whoever is drawn higher than this over everything is in the air


@dataclass(frozen=True)
class JudgedClip:
    """A prepared clip, what its simulations have to keep to, and who is judged.

    Attributes:
        prepared: What the simulation is asked to do.
        pair: The simulated bodies.
        holds: Of the *input* clip, from `input_holds`: what preparing lost is lost too.
        limits: What is asked.
        judged: Who has to keep to it (0 supporter, 1 recipient). With one person alone no hold is asked for.
    """

    prepared: InteractionClip
    pair: PairBody
    holds: tuple[Hold, ...] = ()
    limits: Criteria = field(default_factory=Criteria)
    judged: tuple[int, ...] = (0, 1)

    @cached_property
    def wanted_holds(self) -> tuple[Hold, ...]:
        """Holds that are asked for."""
        return self.holds if set(self.judged) == {0, 1} else ()

    @cached_property
    def palms(self) -> list[np.ndarray]:
        """Where the prepared clip has each holding palm on the partner [m], each shape (T, 3)."""
        return palms_on_parts(self.prepared, self.wanted_holds)

    @cached_property
    def com(self) -> np.ndarray:
        """Centres of mass of the prepared clip [m], shape (T, 2, 3)."""
        people = enumerate(self.pair.people)
        return np.stack([centre_of_mass(self.prepared, person, body) for person, body in people], axis=1)

    @cached_property
    def corners(self) -> np.ndarray:
        """Corners of the foot boxes of the prepared clip [m], shape (T, 2, 2, C, 3)."""
        return foot_corners(self.prepared, self.pair)

    @cached_property
    def at_rest(self) -> bool:
        """Whether the prepared clip ends at rest."""
        capsules = [CollisionCapsules.of(self.prepared, person) for person in range(2)]
        found = [support(capsules[p], self.corners[:, p], self.prepared.props) for p in range(2)]
        points, bears = (np.stack(part) for part in zip(*found, strict=True))
        limits = self.limits
        return ends_at_rest(
            self.com, points, bears, self.prepared.fps, speed=limits.rest_speed_m_s, seconds=limits.rest_s
        )

    @cached_property
    def in_air(self) -> np.ndarray:
        """Who is drawn in the air at which frame, shape (T, 2)."""
        return drawn_in_air(self.prepared, self.corners, self.wanted_holds)

    @cached_property
    def drawn_stances(self) -> int:
        """How often the judged people's feet come down in the prepared clip."""
        return count_drawn(self.corners, self.judged)


def drawn_in_air(clip: InteractionClip, corners: np.ndarray, holds: Sequence[Hold]) -> np.ndarray:
    """Return who is in the air in a clip: no part near floor or furniture, nobody holding, shape (T, 2)."""
    alone = np.ones((clip.n_frames, 2), bool)
    for hold in holds:
        alone[slice(*hold.run)] = False
    found = [
        support(CollisionCapsules.of(clip, p), corners[:, p], clip.props, height=_CLEAR)[1].any(axis=1)
        for p in range(2)
    ]
    return ~np.stack(found, axis=1) & alone


def count_drawn(corners: np.ndarray, judged: Sequence[int]) -> int:
    """Return how often feet come down in a clip, those that are down at its beginning among them."""
    heights = corners[..., 2].min(axis=-1)
    return sum(len(stance.drawn_touchdowns(heights[:, p, side])) for p in judged for side in range(2))
