"""Conformance: what any engine behind the Backend protocol has to do, measured."""

from .check import Check, MakeBackend, Outcome
from .suite import run_conformance, table

__all__ = ["Check", "MakeBackend", "Outcome", "run_conformance", "table"]
