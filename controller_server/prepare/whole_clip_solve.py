"""One solve over a whole clip: a correction that is a smooth curve, so that nothing can pop.

The unknowns are the coefficients of cubic B-splines over time, one for each of `ik`'s 138 numbers of a frame, and what
is corrected is the motion as it came: its detail stays, and the correction's speed is bounded by its knots. Frames that
ask for nothing let it return to zero within about half a second.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from controller_server.clip.skeleton import N_BODY_JOINTS

from .ik import PERSON_DOFS, Rows
from .poses import PairPoses
from .splines import ORDER, Spline, solve_banded

CALM = 0.2
"""How slowly a correction comes and goes [s]: all of the way within about three times that."""
_KNEE = 0.05  # of a one-sided row, scaled by its weight: 0.5 mm at a weight of 1e4
_LARGEST_STEP = 0.4  # rad or m of one iteration
_CONVERGED = 2e-3  # rad or m
_SETTLED = 0.01  # of the cost: a step that changes it by less is the last
_SHARES = (1.0, 0.4, 0.15)  # of a step, until one helps


def solve_over_time(
    start: PairPoses,
    wishes: Callable[[PairPoses], Rows],
    compliance: np.ndarray,
    calm: np.ndarray,
    *,
    knots: float,
    iterations: int = 10,
) -> PairPoses:
    """Poses that meet the wishes with the smallest and smoothest change over time.

    Minimises the sum over frames of (change^2 + calm^4 bending^2) / compliance + |jacobian @ change - residual|^2 by
    Gauss-Newton; bending is the second derivative, and of one-sided rows only a shortfall counts.

    Args:
        start: What is changed; about 30 frames a second.
        wishes: Rows for given poses; called once a step, more often where one must be shortened.
        compliance: How willingly each unknown changes, 0 is never, shape (2, 69).
        calm: How slowly each unknown changes [s]: a correction comes and goes within about three times that. Shape
            (T, 2, 69).
        knots: Time between knots [s]: what is quicker cannot be corrected.
        iterations: How often the wishes are asked for; fewer if the last step changed next to nothing.
    """
    spline = Spline.over(start.n_frames, start.fps, max(knots, 1.5 / start.fps))
    free = np.flatnonzero(compliance.reshape(-1) > 0)
    bending = spline.curvature(start.fps * calm.reshape(start.n_frames, -1)[:, free] ** 4)
    prior = (spline.gram(np.ones(start.n_frames))[..., None] + bending) / compliance.reshape(-1)[free]  # (4, K, n)
    change, poses, rows = np.zeros((spline.n_knots, len(free))), start, wishes(start)
    lowest, looks = _cost(rows), 0
    while looks < iterations:
        bands, pull = _equations(spline, rows, spline.evaluate(change), free)
        bands[:, :, np.arange(len(free)), np.arange(len(free))] += prior
        step = solve_banded(bands, pull - _times(prior, change))
        largest = max(float(np.abs(step).max()), 1e-9)
        step *= min(1.0, _LARGEST_STEP / largest)
        step *= _share(rows, _effect(spline, rows, change, step, free), prior, change, step)
        # Surfaces meet where the rows of before know of none: a step that makes things worse is shortened.
        before = lowest
        for share in _SHARES[: iterations - looks]:
            tried = change + share * step
            found = _changed(start, _full(spline.evaluate(tried), free))
            seen, looks = wishes(found), looks + 1
            cost = _cost(seen) + float(np.sum(tried * _times(prior, tried)))
            if cost < lowest:
                change, poses, rows, lowest = tried, found, seen, cost
                break
        if largest < _CONVERGED or before - lowest < _SETTLED * before:
            break
    return poses


def _effect(spline: Spline, rows: Rows, change: np.ndarray, step: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Return what a step takes off the rows' residuals to first order, shape (N,)."""
    now, added = (_full(spline.evaluate(c), free) for c in (change, step))
    turns = (a[..., 3:].reshape(len(a), 2, N_BODY_JOINTS, 3) for a in (now, added))
    local = np.einsum("tpjik,tpjk->tpji", _right_jacobian(next(turns)), next(turns))
    added[..., 3:] = local.reshape(*local.shape[:2], -1)
    return np.einsum("npq,npq->n", rows.jacobian, added[rows.frame])


def _share(rows: Rows, effect: np.ndarray, prior: np.ndarray, change: np.ndarray, step: np.ndarray) -> float:
    """Return how much of a step is best by the linearised rows: one that lets go of a bound must not run through it."""
    shares = np.linspace(0.1, 1, 10)
    bent, straight = (float(np.sum(step * _times(prior, c))) for c in (step, change))
    costs = [
        _cost(replace(rows, residual=rows.residual - share * effect)) + share**2 * bent + 2 * share * straight
        for share in shares
    ]
    return float(shares[int(np.argmin(costs))])


def _cost(rows: Rows) -> float:
    return float(np.sum(np.where(rows.one_sided, np.maximum(rows.residual, 0), rows.residual) ** 2))


def _full(change: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Return all unknowns, shape (T, 2, 69), from the free ones, shape (T, n)."""
    full = np.zeros((len(change), 2 * PERSON_DOFS))
    full[:, free] = change
    return full.reshape(-1, 2, PERSON_DOFS)


def _changed(start: PairPoses, change: np.ndarray) -> PairPoses:
    return start.plus(change[..., :3], change[..., 3:].reshape(*change.shape[:2], N_BODY_JOINTS, 3))


def _equations(spline: Spline, rows: Rows, now: np.ndarray, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return normal equations of the rows for a change `now` (T, n): bands (4, K, n, n) and right side (K, n)."""
    n = len(free)
    bands, pull = np.zeros((ORDER, spline.n_knots, n, n)), np.zeros((spline.n_knots, n))
    scale, residual = _one_sided(rows)
    bend = _right_jacobian(_full(now, free)[..., 3:].reshape(len(now), 2, N_BODY_JOINTS, 3))
    used = np.flatnonzero(scale > 0)
    order = used[np.argsort(rows.frame[used], kind="stable")]
    frames, first = np.unique(rows.frame[order], return_index=True)
    for frame, part in zip(frames, np.split(order, first[1:]) if len(frames) else (), strict=True):
        # Rows speak of turns after the change there is already; the spline adds to its rotation vector.
        jacobian = rows.jacobian[part].copy()
        own = jacobian[..., 3:].reshape(len(part), 2, N_BODY_JOINTS, 3)
        jacobian[..., 3:] = np.einsum("mpji,pjik->mpjk", own, bend[frame]).reshape(len(part), 2, -1)
        flat = jacobian.reshape(len(part), -1)[:, free] * scale[part, None]
        square, towards = flat.T @ flat, residual[part] @ flat
        weights, k = spline.weights[frame], spline.first[frame]
        for a in range(ORDER):
            pull[k + a] += weights[a] * towards
            for b in range(a, ORDER):
                bands[b - a, k + a] += weights[a] * weights[b] * square
    return bands, pull


def _one_sided(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Factor of each row's jacobian and residual to go with it: the second order of a hinge with a round knee."""
    near = np.clip(rows.residual / _KNEE + 1, 0, 1)
    slope = np.where(rows.residual > 0, rows.residual + _KNEE / 2, near**2 * _KNEE / 2)
    factor = np.sqrt(near)
    hinge = slope / np.maximum(factor, 1e-9)
    return np.where(rows.one_sided, factor, 1.0), np.where(rows.one_sided, hinge, rows.residual)


def _right_jacobian(vectors: np.ndarray) -> np.ndarray:
    """Matrices J with exp(v + d) = exp(v) exp(J d) to first order, shape (..., 3, 3), for rotation vectors v."""
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    small = angle < 1e-4
    safe = np.where(small, 1.0, angle)
    x, y, z = np.moveaxis(vectors, -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*vectors.shape, 3)
    first = np.where(small, 0.5, (1 - np.cos(safe)) / safe**2)
    second = np.where(small, 1 / 6, (safe - np.sin(safe)) / safe**3)
    return np.eye(3) - first * cross + second * (cross @ cross)


def _times(bands: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Product of a symmetric banded matrix that couples nothing but knots, (4, K, n), with (K, n)."""
    out = bands[0] * vector
    for d in range(1, ORDER):
        out[d:] += bands[d, :-d] * vector[:-d]
        out[:-d] += bands[d, :-d] * vector[d:]
    return out
