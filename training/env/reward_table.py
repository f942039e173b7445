"""The rewards of a run: terms with their weights, for the supporter and for the recipient."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from controller_server.clip.interaction import ROLES
from controller_server.core.errors import TrainingError
from controller_server.terms import BoundTerm, TermConfig, reward
from training.settings.config import RewardConfig

from .step_context import StepContext
from .term_memory import TermMemory

Array = np.ndarray


class RewardTable:
    """The terms that somebody weighs, in the order of the configuration, the supporter's first.

    Args:
        config: Terms and weights of both roles.
        alone: Whether nobody cares for the other.

    Raises:
        AssistMimicError: there is no such term or parameter, or no term has a weight.
    """

    def __init__(self, config: RewardConfig, *, alone: bool) -> None:
        roles = [_weighed(config.supporter), _weighed(config.recipient)]
        self.terms = [{term.name: term for term in reward.bind(role)} for role in roles]
        names = dict.fromkeys(name for role in self.terms for name in role)
        if not names:
            raise TrainingError("reward: no term has a weight")
        self.weights = {
            name: np.array([role[name].weight if name in role else 0.0 for role in self.terms], np.float32)
            for name in names
        }
        """Weights for (supporter, recipient), by the entry's name."""
        self._coupling = 0.0 if alone else config.coupling

    def has(self, term: str) -> bool:
        """Return whether somebody weighs a term, whatever its entry is called."""
        return any(entry.term.name == term for role in self.terms for entry in role.values())

    def weight_of(self, term: str) -> Array:
        """Return the weights of a term, whatever its entries are called, shape (2,)."""
        own = [[entry.weight for entry in role.values() if entry.term.name == term] for role in self.terms]
        return np.array([sum(weights) for weights in own], np.float32)

    @property
    def bound(self) -> dict[str, BoundTerm]:
        """The terms by what their memory is called: the entry's name, with the role where roles differ."""
        return {key: term for name in self.weights for key, term, _ in self._parts(name)}

    def __call__(self, c: StepContext, memory: TermMemory, broken: Array) -> tuple[Array, dict[str, Array]]:
        """Return the reward of both people and the value of every term, shapes (N, 2), zero in broken worlds, (N,)."""
        total, values = np.zeros((len(broken), 2), np.float32), {}
        for name, weights in self.weights.items():
            value: Array | None = None
            for key, term, people in self._parts(name):
                made = term(c, *memory.of(key))
                term.check(made, (len(broken), 2), ignore=broken)
                value = made if value is None else np.where(people, made, value)
            assert value is not None  # somebody weighs it
            values[name] = np.where(broken[:, None], 0.0, value)
            total += weights * values[name]
        if self._coupling:
            total[:, 0] = (1 - self._coupling) * total[:, 0] + self._coupling * total[:, 1]
        return total, values

    def _parts(self, name: str) -> list[tuple[str, BoundTerm, Array]]:
        """Memory's name, term and whose it is of an entry: one for both people where they have the same."""
        own = [role.get(name) for role in self.terms]
        first, second = own
        if first is None or second is None or (first.term, first.params) == (second.term, second.params):
            term = first or second
            assert term is not None
            return [(name, term, np.array([True, True]))]
        return [
            (f"{role}.{name}", term, np.array([role == ROLES[0], role == ROLES[1]]))
            for role, term in zip(ROLES, (first, second), strict=True)
        ]


def _weighed(terms: Mapping[str, TermConfig]) -> dict[str, TermConfig]:
    return {name: config for name, config in terms.items() if config.weight}
