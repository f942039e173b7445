"""Conformance: what any engine behind the Backend protocol has to do, measured."""

from .check import Check, CheckOutcome, MakeBackend
from .suite import run_conformance, table

__all__ = ["Check", "MakeBackend", "CheckOutcome", "run_conformance", "table"]
