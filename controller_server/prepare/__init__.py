"""A clip made fit for simulation: smooth, on its feet, hands closed, nobody inside anything."""

from .pipeline import Prepared, prepare
from .report import PrepareReport
from .settings import GripMode, PrepareSettings

__all__ = ["GripMode", "PrepareReport", "PrepareSettings", "Prepared", "prepare"]
