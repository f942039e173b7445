"""A clip made fit for simulation: smooth, on its feet, hands closed, nobody inside anything."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .settings import GripMode, PrepareSettings

if TYPE_CHECKING:
    from .pipeline import Prepared, prepare
    from .report import PrepareReport

__all__ = ["GripMode", "PrepareReport", "PrepareSettings", "Prepared", "prepare"]
_WHERE = {"Prepared": ".pipeline", "prepare": ".pipeline", "PrepareReport": ".report"}


def __getattr__(name: str) -> Any:
    """Load what is here when it is asked for: who only wants the settings waits for no engine."""
    if name in _WHERE:
        return getattr(import_module(_WHERE[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
