"""Moves of the body as offsets of joint targets: a pelvis carried elsewhere by the legs, a hand by its arm, a lean.

What saves a balance or lifts a partner moves many joints together. Noise on single joints finds such moves rarely.
"""

from __future__ import annotations

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.clip.skeleton import JOINT_NAMES
from controller_server.control.limbs import ARM, LEG, limb_rows, turned, turns_for
from controller_server.control.reference.reference import FOOT_ROWS, Reference

N_MOVES = 12
"""Pelvis, left hand, right hand and trunk of a person, each about or along the three world axes."""
_STEP = 0.02  # m and rad: of the difference quotient
_SPINE = ("spine1", "spine2", "spine3")


class Moves:
    """The moves of one pair along a reference.

    Args:
        pair: Whose bodies.
        reference: In whose poses they are made.
    """

    def __init__(self, pair: PairBody, reference: Reference) -> None:
        self._reference = reference
        self._arms, self._legs = limb_rows(pair, ARM), limb_rows(pair, LEG)
        names = [JOINT_NAMES[j] for j in pair.joints]
        self._spine = np.array([names.index(name) for name in _SPINE])
        self._feet = np.array(FOOT_ROWS[:2])
        self._hands = np.array(pair.hand_rows)

    def at(self, row: int) -> np.ndarray:
        """Return what each move adds to the joint targets, shape (2, N_MOVES, J, 3) [rad a metre or rad]."""
        targets, steps = self._reference.targets[row], _STEP * np.eye(3)
        moved = [
            *(self._pelvis(row, shift) for shift in steps),
            *(self._hand(row, hand, shift) for hand in range(2) for shift in steps),
            *(self._turned(row, targets, self._spine, np.broadcast_to(turn / 3, (2, 3, 3))) for turn in steps),
        ]
        return (np.stack(moved, axis=1) - targets[:, None]) / _STEP

    def _pelvis(self, row: int, shift: np.ndarray) -> np.ndarray:
        """Return the targets with the legs so that feet are farther from the pelvis by -shift, soles as they were."""
        positions = self._reference.positions[row]
        levers = positions[:, self._feet, None] - positions[:, self._legs]
        turns = turns_for(levers, np.broadcast_to(-shift, (2, 2, 3)))
        targets = self._turned(row, self._reference.targets[row], self._legs, turns)
        return self._turned(row, targets, self._feet, -turns.sum(axis=2))

    def _hand(self, row: int, hand: int, shift: np.ndarray) -> np.ndarray:
        """Return the targets with one arm so that its hand is elsewhere."""
        positions = self._reference.positions[row]
        levers = positions[:, [self._hands[hand]]] - positions[:, self._arms[hand]]
        turns = turns_for(levers, np.broadcast_to(shift, (2, 3)))
        return self._turned(row, self._reference.targets[row], self._arms[hand], turns)

    def _turned(self, row: int, targets: np.ndarray, rows: np.ndarray, turns: np.ndarray) -> np.ndarray:
        """Return joint targets, shape (2, J, 3), with the bodies of some rows turned in world axes."""
        targets = targets.copy()
        targets[:, rows - 1] = turned(targets[:, rows - 1], self._reference.quats[row][:, rows], turns)
        return targets
