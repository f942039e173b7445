"""Dynamic reference retargeting: the supporter's hand goals follow the recipient as simulated, not as recorded.

When the recipient is not where the reference has them, a hand that goes to where their elbow should be holds nothing.
While both are near each other, each supporter hand's goal is therefore tied to the recipient body that is nearest to
it in the reference: p' = p_k(simulated) + (hand(reference) - p_k(reference)).

The paper decides gate and body anew in every frame, which makes goals jump. Here the gate has hysteresis, another body
takes over only when it is clearly nearer, and after any change the old displacement fades into the new one.

The paper: Learning to Assist, CVPR 2026, arXiv 2603.11346.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.clip.skeleton import N_BODY_JOINTS
from controller_server.control.reference.reference_trajectory import Bodies
from controller_server.core.constraints import Range
from controller_server.core.errors import BundleError, SettingsError
from controller_server.core.validation import Where, build, check_fields

from .observation import ObservedState


@dataclass(frozen=True)
class RetargetSettings:
    """Conditions under which hand goals follow the recipient.

    Attributes:
        enabled: Whether hand goals follow the recipient at all.
        enter: Distance of the two pelvises at which it begins [m].
        leave: Distance at which it ends [m].
        reach: A hand farther than this from every recipient body in the reference is left alone [m].
        margin: How much nearer another body must be to take over [m].
        fade: Time in which a goal moves to its new place after a change [s].
        reward: Whether the supporter's tracking reward follows the moved hands too.
        termination: Whether a supporter may deviate as much farther as the hands were moved on average.
    """

    enabled: bool = True
    enter: Annotated[float, Range(0)] = 1.2
    leave: Annotated[float, Range(0)] = 1.4
    reach: Annotated[float, Range(0)] = 0.5
    margin: Annotated[float, Range(0)] = 0.05
    fade: Annotated[float, Range(0)] = 0.2
    reward: bool = True
    termination: bool = False

    def __post_init__(self) -> None:
        check_fields(self)
        if self.enter > self.leave:
            raise SettingsError(f"enter {self.enter:g} m must not be beyond leave {self.leave:g} m")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for YAML."""
        return vars(self).copy()

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> RetargetSettings:
        """Return the inverse of `to_dict`. Raises BundleError."""
        return build(RetargetSettings, values, Where("retarget", error=BundleError, complete=True, strict=True))


@dataclass(frozen=True)
class RetargetState:
    """State kept from frame to frame, for N pairs and the two hands of the supporter.

    Attributes:
        near: Whether the gate is open, shape (N,).
        body: Recipient body each hand is tied to, -1 for none, shape (N, 2).
        shift: Displacement of each hand goal [m], shape (N, 2, 3).
        rest: What is left to fade of the displacement before the last change [m], shape (N, 2, 3).
        left: How much of the fading is left, 1 to 0, shape (N, 2).
    """

    near: np.ndarray
    body: np.ndarray
    shift: np.ndarray
    rest: np.ndarray
    left: np.ndarray

    @staticmethod
    def fresh(n: int) -> RetargetState:
        """Of n pairs at the start of an episode."""
        vectors = np.zeros((n, 2, 3), np.float32)
        return RetargetState(np.zeros(n, bool), np.full((n, 2), -1), vectors, vectors, np.zeros((n, 2), np.float32))

    def picked(self, worlds: np.ndarray) -> RetargetState:
        """Return the state of some of the pairs, shape (n,), each as often as it is named."""
        return RetargetState(**{name: array[worlds] for name, array in vars(self).items()})

    def restarted(self, done: np.ndarray) -> RetargetState:
        """Return the same with some pairs at the start of an episode, shape (N,) bool."""
        fresh = RetargetState.fresh(len(self.near))
        pick = {
            name: np.where(done.reshape(-1, *[1] * (old.ndim - 1)), getattr(fresh, name), old)
            for name, old in vars(self).items()
        }
        return RetargetState(**pick)


def retarget(
    settings: RetargetSettings, state: RetargetState, now: Bodies, goal: Bodies, pair: PairBody
) -> RetargetState:
    """Return one control frame onwards.

    Args:
        settings: When hand goals follow.
        state: State of the frame before; its `shift` is ignored for pairs whose state is fresh.
        now: The simulated pairs.
        goal: The reference one frame ahead.
        pair: Body description.

    Returns:
        The new state; its `shift` is what to add to the supporter's hand goals.
    """
    apart = now.positions[:, 0, 0] - now.positions[:, 1, 0]
    apart = np.sqrt(np.einsum("ni,ni->n", apart, apart))
    near = apart <= np.where(state.near, settings.leave, settings.enter)
    rows = list(pair.hand_rows)
    offsets = goal.positions[:, 0, rows, None] - goal.positions[:, 1, None, :N_BODY_JOINTS]
    distance = np.sqrt(np.einsum("nhbi,nhbi->nhb", offsets, offsets))
    nearest = distance.argmin(axis=-1)
    worlds, hands = np.arange(len(near))[:, None], np.arange(2)
    gap = distance[worlds, hands, nearest]
    kept = distance[worlds, hands, np.maximum(state.body, 0)]
    body = np.where((state.body >= 0) & (kept - gap <= settings.margin), state.body, nearest)
    # Once tied, a hand stays tied a margin beyond its reach.
    within = gap <= settings.reach + np.where(state.body >= 0, settings.margin, 0.0)
    body = np.where(near[:, None] & within, body, -1)
    moved = now.positions[worlds, 1, body] - goal.positions[worlds, 1, body]
    moved = np.where((body >= 0)[..., None], moved, np.float32(0))
    changed = body != state.body
    rest = np.where(changed[..., None], state.shift - moved, state.rest)
    per_frame = 1.0 / max(settings.fade * pair.control_hz, 1.0)
    left = np.maximum(np.where(changed, 1.0, state.left) - per_frame, 0.0).astype(np.float32)
    return RetargetState(near, body, moved + rest * left[..., None], rest, left)


def with_hands_moved(bodies: Bodies, shift: np.ndarray, pair: PairBody) -> Bodies:
    """Bodies whose supporter's hands (with their fingers) are displaced by `RetargetState.shift`."""
    positions = bodies.positions.copy()
    for hand, row in enumerate(pair.hand_rows):
        positions[:, 0, [row, *_fingers(pair, hand)]] += shift[:, hand, None]
    return replace(bodies, positions=positions)


def retargeted(view: ObservedState, shift: np.ndarray, pair: PairBody) -> ObservedState:
    """Return a view whose hand goals are displaced by `RetargetState.shift`."""
    return replace(view, goal=with_hands_moved(view.goal, shift, pair), shift=shift)


def _fingers(pair: PairBody, hand: int) -> list[int]:
    first = (25, 40)[hand]
    return [row for row, joint in enumerate(pair.joints) if first <= joint < first + 15]
