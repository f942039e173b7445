"""Clips and results as message contents: the arrays of docs/formats.md and docs/results.md, text among the fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from controller_server.clip.interaction import InteractionClip
from controller_server.clip.io.npz import FORMAT, VERSION, clip_from_arrays, clip_to_arrays
from controller_server.core.errors import AssistMimicError, ServiceError

Payload = tuple[dict[str, str], dict[str, np.ndarray]]
"""Text entries and arrays of a file, by name."""


def split_text(entries: Mapping[str, np.ndarray]) -> Payload:
    """Entries of a file, text apart from numbers."""
    text = {name: str(array) for name, array in entries.items() if array.dtype.kind == "U"}
    return text, {name: array for name, array in entries.items() if name not in text}


def join_text(text: Mapping[str, str], arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the inverse of `split_text`."""
    return {**arrays, **{name: np.array(value) for name, value in text.items()}}


def clip_to_payload(clip: InteractionClip) -> Payload:
    """Return what carries a clip."""
    return split_text(clip_to_arrays(clip))


def clip_from_payload(text: Mapping[str, str], arrays: Mapping[str, np.ndarray]) -> InteractionClip:
    """Return the clip that was carried.

    Raises:
        AssistMimicError: it is none, or not a valid one.
    """
    if text.get("format", FORMAT) != FORMAT:
        raise ServiceError(f"format: {text['format'][:40]!r} is not {FORMAT!r}")
    if "version" in arrays and not (arrays["version"].size == 1 and arrays["version"].item() == VERSION):
        raise ServiceError(f"version: clip format version {VERSION} is read")
    try:
        return clip_from_arrays(join_text(text, arrays))
    except KeyError as error:
        raise ServiceError(f"clip: {error.args[0]!r} is missing") from None
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        if isinstance(error, AssistMimicError):
            raise
        raise ServiceError(f"clip: cannot be read ({error})") from None


def verdict_of(text: Mapping[str, str]) -> str:
    """Return a result's verdict in one word, "" where it has none: of a worker that measures nothing."""
    try:
        return verdict_of_scores(json.loads(text["result_meta"])["scores"])
    except (KeyError, TypeError, ValueError, RecursionError):
        return ""


def verdict_of_scores(scores: Mapping[str, Any]) -> str:
    """Return the verdict of scores in plain values, as `Scores.word`: success, assisted or failed."""
    if scores["success"]:
        return "success"
    return "assisted" if scores.get("assisted") and scores.get("success_tracking") else "failed"
