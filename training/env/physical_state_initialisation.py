"""Physical state initialisation (PSI): episodes begin at states that simulation itself reached and survived.

Others begin at the first or at any reference frame. In the manner of InterMimic: reference states interpenetrate or
hang in the air, kept ones do not. A state is worth the share of the rest of the clip its episode went on to survive;
each start frame has a few slots, and a state takes the place of the worst, of equals of the oldest. What a state is
worth fades, for the policy that survived from there has changed since.

InterMimic: arXiv 2502.20390; the paper: Learning to Assist, CVPR 2026, arXiv 2603.11346.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from controller_server.physics.backend import PairState
from training.settings.config import StartConfig

from .scene import Scene

_FIELDS = tuple(PairState.__dataclass_fields__)
_MARGIN = 5  # frames at either end of an episode whose states are not kept: settling in, and falling
_REFERENCE_SCORE = 0.5
_FADING = 1e-4  # share of their score that kept states lose with every finished episode of their clip


class Trail:
    """The states that n worlds went through in their present episodes, at the start frames that have slots.

    Args:
        like: States of the same people.
        config: Which frames.
        n: Number of worlds.
        last: The last control frame of the longest clip.
    """

    def __init__(self, like: PairState, config: StartConfig, n: int, last: int) -> None:
        self._stride, columns = config.stride, len(range(0, last, config.stride))
        self._states = {name: np.zeros((n, columns, *getattr(like, name).shape[1:]), np.float32) for name in _FIELDS}

    def record(self, frames: np.ndarray, state: PairState) -> None:
        """Note the state of all worlds at their control frames, shape (n,)."""
        rows = np.flatnonzero(frames % self._stride == 0)
        columns = frames[rows] // self._stride
        inside = columns < self._states[_FIELDS[0]].shape[1]
        rows, columns = rows[inside], columns[inside]
        for name in _FIELDS:
            self._states[name][rows, columns] = getattr(state, name)[rows]

    def of(self, world: int, column: int) -> dict[str, np.ndarray]:
        """Return what was noted of a world at a start frame, by its number among those."""
        return {name: states[world, column] for name, states in self._states.items()}

    def copy(self, source: np.ndarray) -> None:
        """Give every world the states noted of another one, shape (n,)."""
        self._states = {name: states[source] for name, states in self._states.items()}

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a resumed run needs."""
        return {f"trail.{name}": states for name, states in self._states.items()}

    def load_state_dict(self, arrays: Mapping[str, Any]) -> None:
        """Load what `state_dict` returned."""
        for name, states in self._states.items():
            states[:] = arrays[f"trail.{name}"]


class StartStates:
    """Start states of one clip.

    Args:
        scene: Whose clip.
        config: Shares, slots.
    """

    def __init__(self, scene: Scene, config: StartConfig) -> None:
        self.scene, self.config = scene, config
        self._frames = np.arange(0, scene.last, config.stride)
        shape = (len(self._frames), config.slots)
        self.score = np.zeros(shape)
        self.kept_at = np.zeros(shape, int)  # number of the finished episode that left the state
        self.episodes = 0
        self._kept = {name: np.zeros((*shape, *self._like(name)), np.float32) for name in _FIELDS}

    def _like(self, name: str) -> tuple[int, ...]:
        return getattr(self.scene.reference_states, name).shape[1:]

    def sample(
        self, n: int, rng: np.random.Generator, anywhere: Callable[[], np.ndarray] | None = None
    ) -> tuple[np.ndarray, PairState, np.ndarray]:
        """Draw the starts of n episodes.

        Args:
            n: Number of episodes.
            rng: Source of random numbers.
            anywhere: Draws the frames of episodes that begin at any frame of the reference, shape (n,); by default
                all frames alike.

        Returns:
            Start frames, shape (n,), states, and which of those were kept, shape (n,).
        """
        config, kept = self.config, self.score > 0
        choice = rng.random(n)
        random = rng.integers(0, self.scene.last, n) if anywhere is None else anywhere()
        frames = np.where(choice < config.first, 0, random)
        use = (choice >= config.first) & (choice < config.first + config.kept) & kept.any()
        # Frames whose states have survived less are practised more.
        need = np.where(kept.any(axis=1), 1.25 - self.score.max(axis=1), 0.0)
        slot_frames = rng.choice(len(need), n, p=need / need.sum()) if kept.any() else np.zeros(n, int)
        weights = np.concatenate([self.score, np.full((len(need), 1), _REFERENCE_SCORE)], axis=1)[slot_frames]
        slots = (weights.cumsum(axis=1) < (rng.random(n) * weights.sum(axis=1))[:, None]).sum(axis=1)
        frames = np.where(use, self._frames[slot_frames], frames)
        from_slot = use & (slots < config.slots)
        state = self.scene.states[frames]
        where = (slot_frames, np.minimum(slots, config.slots - 1))
        picked = {
            name: np.where(
                from_slot.reshape(-1, *[1] * len(self._like(name))), self._kept[name][where], getattr(state, name)
            )
            for name in _FIELDS
        }
        return frames, PairState(**picked), from_slot

    def finish(self, trail: Trail, world: int, start: int, end: int, *, survived: bool) -> None:
        """Keep the good states of a world's episode that ran from frame `start` to `end`."""
        last, stride = self.scene.last, self.config.stride
        self.episodes += 1
        self.score *= 1 - _FADING
        first, final = start + _MARGIN, (last if survived else end) - _MARGIN
        for column in range(-(-first // stride), len(self._frames)):
            frame = column * stride
            if frame > final:
                break
            score = 1.0 if survived else (end - frame) / (last - frame)
            slot = int(np.lexsort((self.kept_at[column], self.score[column]))[0])
            if score >= self.config.min_score and score >= self.score[column, slot]:
                self.score[column, slot], self.kept_at[column, slot] = score, self.episodes
                for name, state in trail.of(world, column).items():
                    self._kept[name][column, slot] = state

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a resumed run needs."""
        kept = {f"kept.{name}": array for name, array in self._kept.items()}
        return {"score": self.score, "kept_at": self.kept_at, "episodes": self.episodes, **kept}

    def load_state_dict(self, arrays: Mapping[str, Any]) -> None:
        """Load what `state_dict` returned."""
        self.score[:], self.kept_at[:], self.episodes = arrays["score"], arrays["kept_at"], arrays["episodes"]
        for name in _FIELDS:
            self._kept[name][:] = arrays[f"kept.{name}"]
