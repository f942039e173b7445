"""The type of arrays in signatures."""

from __future__ import annotations

from typing import Any, TypeAlias

Array: TypeAlias = Any
"""An array of NumPy or a tensor of torch.

The same formulas run on NumPy arrays where a motion is played and on torch tensors where a policy is trained, through
the array API; no one static type covers both, so to the type checker it is Any. Shapes and units stand in the
docstrings: "positions [m], shape (n, 2, B, 3)". Where only NumPy is meant, signatures say `np.ndarray`.
"""
