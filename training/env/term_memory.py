"""Memory of terms from one control step to the next: arrays by world, zero at the start of an episode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from controller_server.terms import BoundTerm

from .prefix import under


class TermMemory:
    """The memories of several terms in n worlds.

    Args:
        terms: By the name under which their memory is kept.
        n: Number of worlds.
    """

    def __init__(self, terms: Mapping[str, BoundTerm], n: int) -> None:
        self._arrays = {
            key: {name: np.zeros((n, *shape)) for name, shape in term.term.memory.items()}
            for key, term in terms.items()
            if term.term.memory
        }

    def of(self, key: str) -> list[dict[str, np.ndarray]]:
        """Return what a term is given after its context: its arrays, which it may replace, or nothing."""
        return [self._arrays[key]] if key in self._arrays else []

    def clear(self, ids: np.ndarray) -> None:
        """Let worlds forget, shape (m,)."""
        for arrays in self._arrays.values():
            for name in arrays:
                arrays[name] = arrays[name].copy()
                arrays[name][ids] = 0

    def copy(self, source: np.ndarray) -> None:
        """Let every world remember what another one does, shape (n,)."""
        for arrays in self._arrays.values():
            for name in arrays:
                arrays[name] = arrays[name][source]

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a resumed run needs."""
        return {f"{key}.{name}": array for key, arrays in self._arrays.items() for name, array in arrays.items()}

    def load_state_dict(self, arrays: Mapping[str, Any]) -> None:
        """Load what `state_dict` returned."""
        for key, own in self._arrays.items():
            own.update({name: array.copy() for name, array in under(arrays, f"{key}.").items()})
