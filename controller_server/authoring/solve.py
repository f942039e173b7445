"""The solver under key poses and frames."""

from __future__ import annotations

from collections.abc import Sequence

import mink
import numpy as np


def solve(
    configuration: mink.Configuration,
    tasks: Sequence[mink.Task],
    *,
    iterations: int,
    damping: float = 1e-3,
    tolerance: float = 1e-5,
    step: float = 0.25,
) -> int:
    """Levenberg-Marquardt on the tasks' weighted least squares; changes the configuration in place.

    Unlike one mink step after the other, a step that makes things worse is taken back: contacts that come and go
    would otherwise make the solution chatter between two poses.

    Args:
        configuration: Where to start and what to change.
        tasks: What to fulfil.
        iterations: At most so many steps.
        damping: Smallest and first addition to the Hessian's diagonal.
        tolerance: Largest joint step at which it is done [rad or m].
        step: Longest step of any joint [rad or m].

    Returns:
        The number of steps tried.
    """
    mu = damping
    jacobian, error = _stacked(configuration, tasks)
    for k in range(iterations):
        hessian = jacobian.T @ jacobian
        hessian.flat[:: configuration.nv + 1] += mu
        change = np.linalg.solve(hessian, jacobian.T @ error)
        longest = float(np.abs(change).max())
        if longest < tolerance:
            return k + 1
        before = configuration.q
        configuration.integrate_inplace(change * min(1.0, step / longest), 1.0)
        next_jacobian, next_error = _stacked(configuration, tasks)
        if next_error @ next_error <= error @ error:
            jacobian, error, mu = next_jacobian, next_error, max(mu / 4, damping)
        else:
            configuration.update(before)
            mu *= 8
    return iterations


def _stacked(configuration: mink.Configuration, tasks: Sequence[mink.Task]) -> tuple[np.ndarray, np.ndarray]:
    """Cost-weighted Jacobian and negative error of all tasks."""
    parts = [task.compute_qp_residual(configuration) for task in tasks]
    return np.vstack([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
