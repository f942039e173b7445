"""Tests of whether one policy is better than another: on the same trials, and for errors on those both complete."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np

_FLIPS = 10_000


@dataclass(frozen=True)
class Comparison:
    """A paired comparison of two policies over the same trials.

    Attributes:
        trials: Number of pairs.
        only_first: Trials that only the first completed.
        only_second: Trials that only the second completed.
        success_p: Two-sided p of the exact McNemar test of equal success.
        common: Trials that both completed.
        difference: Mean of (first - second) of the measure over the common trials; None without any.
        difference_p: Two-sided p of the sign-flip test of no difference; None with fewer than two common trials.
    """

    trials: int
    only_first: int
    only_second: int
    success_p: float
    common: int
    difference: float | None
    difference_p: float | None


def compare(first_success: np.ndarray, second_success: np.ndarray, first: np.ndarray, second: np.ndarray) -> Comparison:
    """Compare success, and a measure such as MPJPE on the common successes.

    Args:
        first_success: Of each trial, bool, shape (N,).
        second_success: Of the same trials.
        first: The first policy's measure, shape (N,).
        second: The second's.
    """
    common = first_success & second_success
    only_first = int((first_success & ~second_success).sum())
    only_second = int((second_success & ~first_success).sum())
    differences = (first - second)[common]
    return Comparison(
        trials=len(first_success),
        only_first=only_first,
        only_second=only_second,
        success_p=mcnemar(only_first, only_second),
        common=int(common.sum()),
        difference=float(differences.mean()) if len(differences) else None,
        difference_p=sign_flip(differences) if len(differences) > 1 else None,
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided p of the exact McNemar test: are discordant pairs as likely one way as the other?"""
    n, fewer = only_first + only_second, min(only_first, only_second)
    if n == 0:
        return 1.0
    return min(1.0, 2 * sum(comb(n, k) for k in range(fewer + 1)) / 2**n)


def sign_flip(differences: np.ndarray, *, seed: int = 0) -> float:
    """Two-sided p of paired differences having mean zero, by random sign flips; assumes symmetry, no normality.

    With N differences the smallest p is about 2 / 2**N, and never below 1 / (flips + 1).

    Args:
        differences: Shape (N,).
        seed: Seed of the flips.
    """
    rng = np.random.default_rng(seed)
    observed = abs(differences.mean())
    signs = rng.choice(np.array([-1.0, 1.0]), (_FLIPS, len(differences)))
    flipped = np.abs(signs @ differences) / len(differences)
    return float((1 + (flipped >= observed - 1e-12).sum()) / (1 + _FLIPS))


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a success rate (Wilson's score interval)."""
    z, p = 1.959964, successes / trials
    centre = (p + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * np.sqrt(p * (1 - p) / trials + z**2 / (4 * trials**2))
    return float(max(0.0, centre - half)), float(min(1.0, centre + half))
