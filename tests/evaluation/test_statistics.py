"""The statistics of evaluations against values worked out by hand or from tables."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from controller_server.evaluation.statistics import compare, mcnemar, sign_flip, wilson


@pytest.mark.parametrize(
    ("first", "second", "p"), [(0, 0, 1.0), (0, 5, 2 / 32), (5, 0, 2 / 32), (1, 9, 22 / 1024), (4, 4, 1.0), (3, 4, 1.0)]
)
def test_mcnemar(first: int, second: int, p: float):
    """Give the two-sided binomial probability of the discordant pairs, never over one."""
    assert mcnemar(first, second) == pytest.approx(p)


def test_sign_flip_is_exact_where_all_flips_are_known():
    """Come near the share of all sign patterns with a mean as large."""
    differences = np.array([1.0, 2.0, 3.0, 4.0, -0.5, 2.5])
    means = [abs(np.dot(signs, differences)) for signs in product((-1, 1), repeat=6)]
    exact = np.mean([m >= abs(differences.sum()) - 1e-12 for m in means])
    assert sign_flip(differences) == pytest.approx(exact, abs=0.01)


def test_sign_flip_finds_what_is_there_and_nothing_else():
    """Call a constant shift real, and noise around zero chance."""
    noise = np.random.default_rng(0).normal(0, 1, 60)
    assert sign_flip(noise + 1.0) < 0.001
    assert sign_flip(noise - noise.mean()) == 1.0
    assert sign_flip(np.zeros(5)) == 1.0


def test_wilson():
    """Give the textbook interval: 81 of 100 is 72 % to 88 %, and none of ten is not certainly none."""
    assert wilson(81, 100) == pytest.approx((0.7222, 0.8749), abs=1e-4)
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(10, 10)[1] == pytest.approx(1.0)


def test_compare_uses_common_successes():
    """Compare a measure only on trials that both completed, and success on those that one did."""
    first, second = np.array([1, 1, 1, 0, 1], bool), np.array([1, 1, 0, 0, 0], bool)
    found = compare(first, second, np.array([10.0, 12, 500, 900, 1]), np.array([9.0, 10, 0, 0, 99]))
    assert (found.trials, found.only_first, found.only_second, found.common) == (5, 2, 0, 2)
    assert found.difference == pytest.approx(1.5)
    assert found.success_p == pytest.approx(0.5)
    nothing = compare(~first, second, np.zeros(5), np.zeros(5))
    assert (nothing.common, nothing.difference, nothing.difference_p) == (0, None, None)
