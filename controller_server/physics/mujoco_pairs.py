"""Worlds of the built-in engine that hold different pairs: each has a model of its own, all of one layout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy

import mujoco
import numpy as np

from controller_server.body.layout import PairLayout
from controller_server.body.pair import PairBody
from controller_server.body.strength import Strength
from controller_server.core.errors import EngineError

from .mujoco_strength import strength_fields


class WorldModels:
    """The models of n worlds, each of one of some pairs; at first all of the first.

    A batch that was given models takes no values for single worlds, so that strength, mass and friction of a world are
    written into its own model.

    Args:
        pairs: What worlds may hold.
        n: Number of worlds.
        layout: Of all models.
        compile_model: Makes the model of a pair, with room for the props of all; called when a world first holds it.

    Raises:
        AssistMimicError: there is no pair, or models would not be of one layout.
    """

    def __init__(
        self,
        pairs: Sequence[PairBody],
        n: int,
        layout: PairLayout,
        compile_model: Callable[[PairBody], mujoco.MjModel],
    ) -> None:
        check_alike(pairs)
        self.pairs, self._layout, self._compile = tuple(pairs), layout, compile_model
        self._plain: dict[int, mujoco.MjModel] = {}
        self.numbers = np.zeros(n, int)
        self.models: list[mujoco.MjModel] = [self.plain(0)] * n
        people, hands = layout.body.shape, layout.grip.shape
        self.mass_share = np.zeros((n, *people))
        """Each body's share of its person's mass, shape (N, 2, B)."""
        self.adhesion = np.zeros((n, *hands))
        """Of each hand when it grips [N], shape (N, 2, 2)."""
        self._scratch = mujoco.MjData(self.plain(0))
        self.edited = True
        self.hold(self.numbers, np.arange(n))

    def plain(self, number: int) -> mujoco.MjModel:
        """Return the model of a pair with its own strength and friction; not to be changed."""
        if number not in self._plain:
            self._plain[number] = self._compile(self.pairs[number])
        return self._plain[number]

    def hold(self, numbers: np.ndarray, worlds: np.ndarray) -> None:
        """Let worlds hold pairs, by number, with the pairs' own strength and friction. Raises AssistMimicError."""
        if len(numbers) != len(worlds) or (len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(self.pairs)):
            raise EngineError(f"pairs: expected a number below {len(self.pairs)} for each of {len(worlds)} worlds")
        for world, number in zip(worlds.tolist(), numbers.tolist(), strict=True):
            plain = self.plain(number)
            self.models[world] = copy(plain)
            mass = plain.body_mass[self._layout.body]
            self.mass_share[world] = mass / mass.sum(axis=1, keepdims=True)
            self.adhesion[world] = plain.actuator_gainprm[self._layout.grip, 0]
        self.numbers[worlds] = numbers
        self.edited = True

    def set_strength(self, people: Sequence[Strength], worlds: np.ndarray) -> None:
        """Strength and mass of both people in worlds."""
        for number in np.unique(self.numbers[worlds]).tolist():
            fields = list(strength_fields(self.pairs[number], self.plain(number), self._layout, people))
            for world in worlds[self.numbers[worlds] == number].tolist():
                model = self.models[world]
                for name, where, values in fields:
                    getattr(model, name)[where] = values
                mujoco.mj_setConst(model, self._scratch)
        self.edited = True

    def set_friction(self, factors: np.ndarray, worlds: np.ndarray) -> None:
        """Factors on the sliding friction of everything in worlds, shape of the worlds."""
        for world, factor in zip(worlds.tolist(), factors.tolist(), strict=True):
            sliding = self.plain(int(self.numbers[world])).geom_friction[:, 0]
            self.models[world].geom_friction[:, 0] = sliding * factor
        self.edited = True


def check_alike(pairs: Sequence[PairBody]) -> None:
    """Make sure that models of pairs have one layout. Raises AssistMimicError, which says what differs."""
    if not pairs:
        raise EngineError("pairs: there is none")
    for what, values in (
        ("hands", {pair.supporter.hands.value for pair in pairs}),
        ("physics_hz", {pair.physics_hz for pair in pairs}),
        ("control_hz", {pair.control_hz for pair in pairs}),
    ):
        if len(values) > 1:
            found = " and ".join(sorted(map(str, values)))
            raise EngineError(f"pairs: {what} is {found}; worlds of one batch need the same")
