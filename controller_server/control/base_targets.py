"""The joint targets a search starts from: what a person would do if nobody looked ahead."""

from __future__ import annotations

from copy import copy
from typing import Protocol

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.control.reference.reference import FOOT_ROWS, Reference
from controller_server.physics.backend import Backend

from .balance import BalanceGains, ankle_offsets, ankle_rows
from .contact_loss import compensate_contact_loss
from .footing import Footing
from .limbs import ARM, LEG, limb_rows, limited, turned, turns_for

_CLOSING = 0.5  # share of the way to where a hand's target ought to be that it goes in a frame
_REACH = 0.15  # m: how far a hand's target goes at most
_OUT_OF_REACH = 0.25  # m: a hand farther than that from what it is to hold has lost it
_IN_PLACE, _OFF_PLACE = 0.03, 0.08  # m: how far a hand may be off to carry all it is meant to; from where on nothing
_STRIDE = 0.1  # m: how far a foot's target is moved at most; who stands farther off has other worries
_RETURNING = 0.8  # share of a foot's shift that is left a frame later when it swings


class Base(Protocol):
    """A feedback law over joint targets, with a memory for each world it steers."""

    @property
    def touch(self) -> bool:
        """Whether it reads contact forces, so that its worlds need sensors."""
        ...

    def fork(self, n_worlds: int) -> Base:
        """Return a copy that steers more worlds, each with the memory of the single one steered here."""
        ...

    def targets(self, backend: Backend, frame: int) -> np.ndarray:
        """Return joint targets [rad] that lead from a control frame to the next, shape (N, 2, J, 3)."""
        ...

    def executed(self, targets: np.ndarray) -> None:
        """Learn which joint targets [rad] were carried out in place of the last given, shape (N, 2, J, 3)."""
        ...


class ReferenceBase:
    """The reference's own targets, with feedback: ankles keep the balance, hands close on what they hold, feet stay.

    Args:
        pair: Whose bodies.
        reference: The reference motion.
        balance: Balancing of the ankles.
        feet: Whether feet stay where they came down.
    """

    touch = False

    def __init__(
        self, pair: PairBody, reference: Reference, balance: BalanceGains | None = None, *, feet: bool = True
    ) -> None:
        self.pair, self.reference, self.balance = pair, reference, balance or BalanceGains()
        self._arms, self._legs = (limb_rows(pair, parts) for parts in (ARM, LEG))
        self._ankles = ankle_rows(pair)
        self._moved = [row for row in range(len(pair.joints)) if row in pair.hand_rows or row in self._arms[:, 1:]]
        self._apart = reference.apart() if reference.grips.any() else None
        self._keeps_feet, self._footing = feet, Footing.none()
        self._hands, self._feet = np.zeros((1, 2, 2, 3)), np.zeros((1, 2, 2, 3))

    def fork(self, n_worlds: int) -> ReferenceBase:
        """See `Base.fork`."""
        fork = copy(self)
        fork._footing = self._footing.fork(n_worlds)
        fork._hands, fork._feet = (np.repeat(a, n_worlds, axis=0) for a in (self._hands, self._feet))
        return fork

    def targets(self, backend: Backend, frame: int, lost: np.ndarray | None = None) -> np.ndarray:
        """See `Base.targets`; `lost` is what `contact_lost` says, where somebody can feel."""
        ahead = self.reference.row(frame + 1)
        targets = np.repeat(self.reference.targets[ahead][None], backend.n_worlds, axis=0)
        if self._apart is not None:
            gap = self.reference.grasp.gap(backend, self.reference.row(frame))
            meant = self.reference.grips[ahead] > 0.5
            away = np.einsum("nphi,nphi->nph", gap, gap) > _OUT_OF_REACH**2
            alone = meant.any() & ~(meant & ~away).any(axis=(1, 2), keepdims=True)
            apart = self._apart[ahead]
            targets = compensate_contact_loss(targets, apart, alone if lost is None else alone | lost)
            if lost is None:
                self._unload(targets, apart, np.linalg.norm(gap, axis=-1) * meant)
            missing = self.reference.grasp.missing(backend, ahead)
            closing = self.reference.grasp.weight[ahead] * ~away
            wanted = self._hands_wanted(missing, closing, self.reference.grasp.body[ahead])
            if lost is not None:
                # Who feels nothing goes on until they do, with what gap is left.
                unfelt = lost[:, :, [row - 1 for row in self.pair.hand_rows]] & ~away
                wanted = np.where(unfelt[..., None], limited(self._hands + gap, _REACH), wanted)
            self._close_hands(backend, targets, wanted)
        if self._keeps_feet:
            self._keep_feet(backend, targets, frame)
        offsets = ankle_offsets(backend, self.reference, frame, self.balance)
        targets[:, :, self._ankles] += offsets[:, :, None]
        return targets

    def executed(self, targets: np.ndarray) -> None:
        """See `Base.executed`."""

    def _unload(self, targets: np.ndarray, apart: np.ndarray, gap: np.ndarray) -> None:
        """Let arms carry the partner's load only as far as their hands are where they are to hold.

        Targets lead the pose by that load: an arm that pushes where nobody is flies past its place.
        """
        share = np.clip((gap - _IN_PLACE) / (_OFF_PLACE - _IN_PLACE), 0, 1)
        if not share.any():
            return
        rows = self._arms - 1
        targets[:, :, rows] += share[..., None, None] * (apart[:, rows] - targets[:, :, rows])

    def _hands_wanted(self, missing: np.ndarray, closing: np.ndarray, body: np.ndarray) -> np.ndarray:
        """Return how far each hand's target is to be moved [m, world], shape (N, 2, 2, 3)."""
        # Where arms hold each other, both reach, each half of the way.
        closing = closing * np.where(np.isin(body, self._moved), 0.5, 1.0)
        return closing[..., None] * limited(missing, _REACH)

    def _close_hands(self, backend: Backend, targets: np.ndarray, wanted: np.ndarray) -> None:
        """Let arms reach for where the partner's body really is, as seen from where the own chest really is."""
        self._hands = self._hands + _CLOSING * (wanted - self._hands)
        if not self._hands.any():
            return
        palms = self.reference.grasp.centres(backend)
        positions, quats = backend.positions(), backend.quats()
        levers = palms[:, :, :, None] - positions[:, :, self._arms]
        turns = turns_for(levers, self._hands)
        rows = self._arms - 1
        targets[:, :, rows] = turned(targets[:, :, rows], quats[:, :, self._arms], turns)

    def _keep_feet(self, backend: Backend, targets: np.ndarray, frame: int) -> None:
        """Let legs stand where the feet came down, as seen from the reference's pelvis, until they swing again."""
        reference, now = self.reference, self.reference.row(frame)
        ahead = reference.row(frame + 1)
        self._footing = self._footing.after(backend, reference, frame)
        drawn = reference.positions[now][:, FOOT_ROWS[:2], :2]
        held, shift = self._footing.held[:, :, :2], np.zeros_like(self._feet)
        shift[..., :2] = limited(self._footing.place[:, :, :2] - drawn, _STRIDE)
        self._feet = np.where(held[..., None], shift, _RETURNING * self._feet)
        if not self._feet.any():
            return
        positions, quats = reference.positions[ahead], reference.quats[ahead]
        levers = positions[:, FOOT_ROWS[:2], None] - positions[:, self._legs]
        turns = turns_for(np.broadcast_to(levers, (backend.n_worlds, *levers.shape)), self._feet)
        rows = self._legs - 1
        targets[:, :, rows] = turned(targets[:, :, rows], quats[None][:, :, self._legs], turns)
        # The sole keeps the direction that it has.
        feet = self._ankles
        targets[:, :, feet] = turned(targets[:, :, feet], quats[None][:, :, FOOT_ROWS[:2]], -turns.sum(axis=3))
