"""One step of a policy, the same in training and in serving: retarget, observe, compensate for lost contact, act."""

from __future__ import annotations

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.control.balance import with_balance
from controller_server.control.contact_loss import compensate_contact_loss, contact_lost
from controller_server.control.reference.reference_trajectory import ReferenceTrajectory

from .action import ActionSpec
from .observation import ObservedState, Terms, observe
from .retarget import RetargetSettings, RetargetState, retarget, retargeted


class PolicyStep:
    """The step from a view of N worlds to their joint targets, each world at a control frame of its own.

    Worlds may follow different clips, and be of different pairs: then the rows of all clips are one after another, and
    `track` knows which are whose; who gives a world another clip replaces it.

    Args:
        pair: Whose bodies; of different pairs any, for no more than what they have in common is used.
        track: The reference laid out for observing.
        targets: The reference's joint targets [rad], by row of the track, shape (K, 2, J, 3).
        action: What actions mean; `closing` is not done here.
        retarget: How the supporter's hand goals follow the recipient.
        apart: Targets of people who get nothing from each other, shape (K, 2, J, 3); needed with `action.slack`.
    """

    def __init__(
        self,
        pair: PairBody,
        track: ReferenceTrajectory,
        targets: np.ndarray,
        action: ActionSpec,
        retarget: RetargetSettings,
        *,
        apart: np.ndarray | None = None,
    ) -> None:
        self.pair, self.track, self.action = pair, track, action
        self._targets, self._retarget, self._apart = targets, retarget, apart

    @property
    def compensates(self) -> bool:
        """Whether targets depend on holds that are lost, and so on contact forces."""
        return self._apart is not None

    def retarget(self, view: ObservedState, hands: RetargetState) -> tuple[ObservedState, RetargetState]:
        """Return the view with hand goals that follow the recipient, and what is remembered of them."""
        if not self._retarget.enabled:
            return view, hands
        hands = retarget(self._retarget, hands, view.now, view.goal, self.pair)
        return retargeted(view, hands.shift, self.pair), hands

    def observe(self, view: ObservedState, terms: Terms) -> np.ndarray:
        """Return what both people see, shape (N, 2, D)."""
        return observe(view, terms)

    def lost(self, view: ObservedState) -> np.ndarray:
        """Return the joints whose targets count on a hold that is not there, shape (N, 2, J), bool."""
        if not self.compensates:
            return np.zeros((len(view.grips), 2, len(self.pair.joints) - 1), bool)
        return contact_lost(view.forces, view.grips, self.pair)

    def base_targets(self, frames: np.ndarray, balance: np.ndarray, lost: np.ndarray) -> np.ndarray:
        """Return the joint targets that actions are added to.

        Args:
            frames: Present control frame of each world, shape (N,).
            balance: As seen there: `ObservedState.balance`, shape (N, 2, 2, 3).
            lost: See `lost`.

        Returns:
            Targets of the frame ahead [rad], shape (N, 2, J, 3).
        """
        rows = self.track.rows(frames + 1)
        targets = self._targets[rows]
        if self._apart is not None:
            targets = compensate_contact_loss(targets, self._apart[rows], lost)
        if not self.action.balance:
            return targets
        return with_balance(targets, balance, self.track.headings[rows], self.pair)

    def act(self, actions: np.ndarray, base: np.ndarray) -> np.ndarray:
        """Return the joint targets [rad] of actions, shape (N, 2, 3 J), beside base targets, both (N, 2, J, 3)."""
        return self.action.targets(actions.astype(float), base)
