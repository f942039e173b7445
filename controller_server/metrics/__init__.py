"""Measures of a simulated clip: quality, physics, the verdict."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .scores import BeforeAfter, PersonScores, Scores, measure, scores_to_dict, scores_to_json

__all__ = ["BeforeAfter", "PersonScores", "Scores", "measure", "scores_to_dict", "scores_to_json"]


def __getattr__(name: str) -> Any:
    """Load what is here when it is asked for: who only wants the limits of the verdict waits for no engine."""
    if name in __all__:
        return getattr(import_module(".scores", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
