"""Checkpoints: one safetensors file, replaced in one move, from which a run goes on as if it had not stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from torch import Tensor

from controller_server.core.errors import TrainingError
from controller_server.core.whole_file import replace_file

Nested = Mapping[str, Mapping[str, Any]]


def write_checkpoint(path: Path, sections: Nested, facts: Mapping[str, Any]) -> None:
    """Write arrays by section and name, and plain facts; an older file stays whole until the new one is.

    Args:
        path: The file.
        sections: Arrays, tensors, or plain values for JSON.
        facts: Plain values for JSON.
    """
    arrays: dict[str, np.ndarray] = {}
    plain: dict[str, Any] = {}
    for section, values in sections.items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                value = value.detach().numpy()
            if isinstance(value, np.ndarray):
                arrays[f"{section}/{name}"] = np.ascontiguousarray(value)
            else:
                plain[f"{section}/{name}"] = value
    data = save(arrays, metadata={"facts": json.dumps(dict(facts)), "plain": json.dumps(plain)})
    replace_file(path, data)


def read_checkpoint(path: Path) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Sections and facts of a checkpoint. Raises AssistMimicError."""
    sections: dict[str, dict[str, Any]] = {}
    try:
        with safe_open(path, framework="np") as file:
            meta = file.metadata() or {}
            for key in file.keys():  # noqa: SIM118, not a mapping
                section, _, name = key.partition("/")
                sections.setdefault(section, {})[name] = file.get_tensor(key)
        for key, value in json.loads(meta["plain"]).items():
            section, _, name = key.partition("/")
            sections.setdefault(section, {})[name] = value
        return sections, json.loads(meta["facts"])
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise TrainingError(f"{path}: not a readable checkpoint ({error})") from None


def adam_state(optimiser: torch.optim.Adam) -> dict[str, Tensor]:
    """Return what Adam remembers, by "number.name"."""
    states = optimiser.state_dict()["state"].items()
    return {f"{k}.{name}": value for k, entry in states for name, value in entry.items()}


def load_adam_state(optimiser: torch.optim.Adam, state: Mapping[str, Tensor]) -> None:
    """Load what `adam_state` returned."""
    whole = optimiser.state_dict()
    moments: dict[int, dict[str, Tensor]] = {}
    for key, tensor in state.items():
        k, _, name = key.partition(".")
        moments.setdefault(int(k), {})[name] = tensor.clone()
    whole["state"] = moments
    optimiser.load_state_dict(whole)


def tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """Arrays as tensors of their own."""
    return {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}


CHECKPOINT = "checkpoint.safetensors"
