"""Correction of the recipient's place as a whole, where hands and bodies agree all the time that it is elsewhere.

Generated and fitted people often stand a few centimetres off each other, and arms and trunks that make up for it spoil
a whole motion. One constant shift does it better, but it is only believed where several holds ask for the same one in
both halves of their time, and it must mend most of what is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from controller_server.clip.interaction import InteractionClip
from controller_server.clip.rotation import quat_rotate

from .contacts import one_of_two, to_surface
from .holds import Hold
from .poses import PairPoses
from .surfaces import Surfaces

_LEAST, _MOST = 0.035, 0.06  # m: less is left to arms, more is not believed
_HOLDS = 2  # that must be there
_AGREE = 0.45  # of the shift: how far those of both halves may be apart
_MENDED = 0.5  # of what is wrong may be left
_DOUBT = 0.03  # m off at which a frame counts for half
_REST = 0.02  # weight of staying, against that of one contact
_DEEP = 0.004  # m: flesh
_DEEP_WEIGHT = 2.0
_ROUNDS = 15


def place_recipient(clip: InteractionClip, holds: Sequence[Hold], surfaces: Surfaces) -> InteractionClip:
    """Shift the recipient along the floor by one vector, or return the clip itself. The supporter stays."""
    poses = PairPoses.of(clip)
    wrong = _what_is_wrong(poses, one_of_two(holds), surfaces)
    if len({h.person * 2 + h.side for h in one_of_two(holds)}) < _HOLDS or not len(wrong.gap):
        return clip
    shift, middle = _fit(wrong), np.median(wrong.frame[~wrong.one_sided])
    size = float(np.linalg.norm(shift))
    apart = np.linalg.norm(_fit(wrong.of(wrong.frame <= middle)) - _fit(wrong.of(wrong.frame > middle)))
    left = wrong.off(shift), wrong.off(np.zeros(2))
    if size < _LEAST or apart > _AGREE * size or left[0] > _MENDED * left[1]:
        return clip
    way = np.array([*shift * min(1.0, _MOST / size), 0.0])
    return replace(clip, recipient=replace(clip.recipient, trans=clip.recipient.trans + way))


@dataclass(frozen=True)
class _Wrong:
    """Rows `normal @ shift = gap`, or at least the gap where one-sided.

    Attributes:
        frame: Shape (N,).
        normal: Horizontal part of the direction the recipient is asked to go, shape (N, 2).
        gap: How far [m], shape (N,).
        weight: Shape (N,).
        one_sided: Shape (N,).
    """

    frame: np.ndarray
    normal: np.ndarray
    gap: np.ndarray
    weight: np.ndarray
    one_sided: np.ndarray

    def of(self, chosen: np.ndarray) -> _Wrong:
        """Return some of the rows."""
        return _Wrong(
            self.frame[chosen], self.normal[chosen], self.gap[chosen], self.weight[chosen], self.one_sided[chosen]
        )

    def short(self, shift: np.ndarray) -> np.ndarray:
        """Return what each row still lacks after a shift [m]."""
        lack = self.gap - self.normal @ shift
        return np.where(self.one_sided, np.maximum(lack, 0), lack)

    def off(self, shift: np.ndarray) -> float:
        """Return what is wrong after a shift: root mean square over rows [m]."""
        return float(np.sqrt(np.average(self.short(shift) ** 2, weights=self.weight)))


def _what_is_wrong(poses: PairPoses, holds: Sequence[Hold], surfaces: Surfaces) -> _Wrong:
    """Gaps of holding palms, and how deep people are in each other, a frame counting once."""
    frame, normal, gap = [], [], []
    for hold in holds:
        way = quat_rotate(
            poses.world[1][slice(*hold.run), 1 - hold.person, hold.joint], to_surface(poses, hold, surfaces)[0]
        )
        length = np.linalg.norm(way, axis=-1)
        there = length > 1e-6
        frame.append(np.arange(*hold.run)[there])
        normal.append(way[there, :2] / length[there, None])
        gap.append(length[there] * (1 if hold.person else -1))  # the held recipient goes against the palm's way
    near = surfaces.overlaps(poses)
    deep = (near.person[:, 1] >= 0) & (near.depth > _DEEP)
    first = near.person[deep, 0] == 1
    count = np.bincount(near.frame[deep], minlength=poses.n_frames)[near.frame[deep]]
    n = sum(len(g) for g in gap)
    return _Wrong(
        frame=np.concatenate([*frame, near.frame[deep]]),
        normal=np.concatenate([*normal, near.normal[deep, :2] * np.where(first, 1, -1)[:, None]]),
        gap=np.concatenate([*gap, near.depth[deep]]),
        weight=np.concatenate([np.ones(n), _DEEP_WEIGHT / np.maximum(count, 1)]),
        one_sided=np.arange(n + int(deep.sum())) >= n,
    )


def _fit(wrong: _Wrong) -> np.ndarray:
    """Return the shift that mends most, shape (2,): least squares that doubt what is far off."""
    shift = np.zeros(2)
    stay = _REST * max(int((~wrong.one_sided).sum()), 1) * np.eye(2)
    for _ in range(_ROUNDS):
        lack = wrong.short(shift)
        doubt = np.where(wrong.one_sided, lack > 0, 1 / (1 + (lack / _DOUBT) ** 2))
        pull = (wrong.normal * (wrong.weight * doubt)[:, None]).T
        shift = np.linalg.solve(pull @ wrong.normal + stay, pull @ wrong.gap)
    return shift
