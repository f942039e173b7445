"""The joint targets a search starts from: what a person would do if nobody looked ahead."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from ..body.pair import PairBody
from ..physics.backend import Backend
from .balance import BalanceGains, ankle_offsets, ankle_rows
from .reference import Reference


class Base(Protocol):
    """A feedback law over joint targets, with a memory for each world it steers."""

    @property
    def touch(self) -> bool:
        """Whether it reads contact forces, so that its worlds need sensors."""
        ...

    def fork(self, n_worlds: int) -> Base:
        """A copy that steers more worlds, each with the memory of the single one steered here."""
        ...

    def targets(self, backend: Backend, frame: int) -> np.ndarray:
        """Joint targets [rad] that lead from a control frame to the next, shape (N, 2, J, 3)."""
        ...

    def executed(self, targets: np.ndarray) -> None:
        """Learn which joint targets [rad] were carried out in place of the last given, shape (N, 2, J, 3)."""
        ...


@dataclass(frozen=True)
class ReferenceBase:
    """The reference's own targets, with ankles that keep the balance. It has no memory.

    Attributes:
        pair: Whose bodies.
        reference: What is followed.
        balance: Of the ankles.
    """

    pair: PairBody
    reference: Reference
    balance: BalanceGains = field(default_factory=BalanceGains)

    @property
    def touch(self) -> bool:
        """It reads no contact forces."""
        return False

    def fork(self, n_worlds: int) -> ReferenceBase:
        """See `Base.fork`."""
        return self

    def targets(self, backend: Backend, frame: int) -> np.ndarray:
        """See `Base.targets`."""
        targets = self.reference.targets[self.reference.row(frame + 1)]
        targets = np.repeat(targets[None], backend.n_worlds, axis=0)
        offsets = ankle_offsets(backend, self.reference, frame, self.balance)
        targets[:, :, ankle_rows(self.pair)] += offsets[:, :, None]
        return targets

    def executed(self, targets: np.ndarray) -> None:
        """See `Base.executed`."""
