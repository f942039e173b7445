"""What is tried next: a table of histories."""

from __future__ import annotations

import pytest

from controller_server.control.fallback.attempt import Attempt
from controller_server.control.fallback.strategy import Choices, Strategy, Tried, next_strategy


def attempt(name: str, score: float) -> Attempt:
    """An attempt with a score: over 1 a success, over 0 followed, under 0 lost."""
    return Attempt(name, score > 1, score > 0, score, "", 0.0, 0, (0.1, 0.1))


def strategies_tried(choices: Choices, *scores: float, otherwise: float = -0.5, began: int = 1) -> list[Strategy]:
    """Everything that is tried when tries score so, and later ones otherwise."""
    tried: list[Tried] = []
    while (strategy := next_strategy(tried, choices)) is not None:
        score = scores[len(tried)] if len(tried) < len(scores) else otherwise
        tried.append(Tried(strategy, attempt(strategy.name, score), began))
    return [t.strategy for t in tried]


def names(strategies: list[Strategy]) -> list[str]:
    """Of the strategies, those with help in short."""
    return [strategy.name.replace("assisted ", "+") for strategy in strategies]


HELP = ["+0.05", "+0.1", "+0.2", "+0.35", "+0.5"]


@pytest.mark.parametrize(
    ("choices", "tried"),
    [
        (Choices(), ["search", "search longer", "search longer", *HELP]),
        (Choices(draft=True), ["search", "search longer", *HELP]),
        (Choices(policy=True), ["search", "search-policy", "search longer", "search longer", *HELP]),
        (
            Choices(policy=True, known=True),
            ["policy", "search", "search-policy", "search longer", "search longer", *HELP],
        ),
        (Choices(policy=True, draft=True), ["policy", "search", "search-policy", "search longer", *HELP]),
        (
            Choices(policy=True, named=True),
            ["policy", "search-policy", "search", "search longer", "search longer", *HELP],
        ),
        (Choices("search"), ["search"]),
        (Choices("policy", policy=True), ["policy"]),
        (Choices("search-policy", policy=True), ["search-policy"]),
        (Choices("assisted"), HELP),
    ],
)
def test_everything_is_tried_in_order_where_nothing_helps(choices: Choices, tried: list[str]):
    """Try what is cheap first, policies where they fit, and outside help last."""
    assert names(strategies_tried(choices)) == tried


def test_a_success_ends_it():
    """Look for nothing better than a success, wherever it comes."""
    assert names(strategies_tried(Choices(), 1.2)) == ["search"]
    assert names(strategies_tried(Choices(policy=True), 0.6, 1.1)) == ["search", "search-policy"]


def test_a_clip_that_is_followed_badly_gets_one_more_try_and_no_help():
    """Go on after a result that follows the clip but is not usable, without outside help to the end of it."""
    assert names(strategies_tried(Choices(), 0.6)) == ["search", "search longer"]
    assert names(strategies_tried(Choices(), -0.5, -0.4, 0.3)) == ["search", "search longer", "search longer"]
    assert names(strategies_tried(Choices("search"), 0.6)) == ["search"]


def test_the_least_help_that_carries_the_clip_is_enough():
    """Stop at the first level with which the clip is followed, though that is never a success."""
    assert names(strategies_tried(Choices(), -0.5, -0.5, -0.5, -0.4, 0.5))[-2:] == ["+0.05", "+0.1"]


def test_the_second_longer_search_is_left_out_where_the_first_had_the_whole_clip():
    """Nobody needs two of them from the first frame on."""
    assert names(strategies_tried(Choices(), began=0)) == ["search", "search longer", *HELP]


def test_tries_begin_ever_earlier_and_with_what_did_best():
    """Take over two seconds before the failure, then four, and keep the policy where the best so far has one."""
    tried = strategies_tried(Choices(policy=True), -0.5, -0.3)
    assert [s.back for s in tried[:5]] == [None, None, 2, 4, 8]
    assert [s.policy for s in tried[:4]] == [False, True, True, True]
    tried = strategies_tried(Choices(policy=True), -0.3, -0.5)
    assert not any(s.policy for s in tried[2:])
