"""Bare steps of `mujoco.batch` with nothing around them: the yardstick for what is built on the built-in engine."""

from __future__ import annotations

import time

import numpy as np
from mujoco import batch as mujoco_batch

from controller_server.body.pair import PairBody

from .mujoco_backend import BackendMujoco


class BareWorlds:
    """Worlds that are only stepped.

    Args:
        pair: Body description.
        n_worlds: Number of worlds.
        threads: Worker threads; 0 takes every core.
        sensors: Whether contact forces could be read.
    """

    def __init__(self, pair: PairBody, n_worlds: int, threads: int, *, sensors: bool) -> None:
        like = BackendMujoco(pair, 1, threads=1, sensors=sensors, planning=True)
        self._layout, self._batch = like.layout, mujoco_batch.Batch(like.model, n_worlds, threads)
        self._control = self._batch.bind("ctrl")

    def seconds(self, rows: np.ndarray, targets: np.ndarray, grips: np.ndarray, n: int) -> float:
        """Return what n physics steps from saved states take [s].

        Args:
            rows: As `Backend.save` of the built-in engine gives them, or one of them for all.
            targets: Joint targets [rad], shape (N, 2, J, 3) or of one for all.
            grips: Shape (N, 2, 2) or of one for all.
            n: Number of steps.
        """
        self._batch.state[:] = rows
        self._control[:, self._layout.target], self._control[:, self._layout.grip] = targets, grips
        started = time.perf_counter()
        self._batch.step(nstep=n)
        return time.perf_counter() - started
