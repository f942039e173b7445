# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene's parameters as settings of a conversion. Every setting of the core is here or in `NOT_PARAMETERS`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_type_hints

from controller_server.core.constraints import Range
from controller_server.core.docstrings import attribute_texts
from controller_server.metrics.criteria import Criteria
from controller_server.physics.engines import BUILT_IN

STEPS: Mapping[str, tuple[str, str, str]] = {
    "smooth": ("smooth", "Smooth", "Mend jumps and jitter first; off keeps sharp moves and risks a fall"),
    "adapt": ("adapt", "Smooth further", "Smooth more where a move needs more force than anybody has"),
    "grounding": ("ground", "Ground", "Bring people who float or sink back to what carries them"),
    "feet": ("feet", "Feet", "Put bearing feet flat on the floor first; off leaves feet where they float"),
    "swing": ("swing", "Swing", "Lift stepping feet clear of the floor; off lets them scrape where they are drawn low"),
    "place": ("place", "Move closer", "Bring back a recipient who stands a few centimetres off as a whole"),
    "contacts": ("contacts", "Close hands", "Let hands that nearly touch the other person reach them"),
    "depenetrate": ("depenetrate", "Untangle", "Push people out of each other, the floor and props first"),
}
"""Steps of preparing: property to its name in `PrepareSettings`, its label, and what one will see."""
POLICY_CONTROLLERS = ("auto", "policy", "search-policy")
"""Those that a trained policy can have a part in."""
GRIPS = {"AUTO": "auto", "KEYED": "clip", "OFF": "off", "FINGERS": "fingers", "PROXIMITY": "proximity"}
NOT_PARAMETERS: Mapping[str, str] = {
    "threads": "the preference Cores: it belongs to the machine, and the result does not depend on it",
    "origin_sha256": "read from the actions of a clip that was imported",
    "carry_report": "always on: the result's page is shown and exported here, and made where the result is",
}
"""Settings of the core that are no parameters of a scene, and why."""


def limit_properties() -> dict[str, dict[str, Any]]:
    """Return what Blender has to know of each limit of a success: name to default, bounds, label and tooltip."""
    hints, texts = get_type_hints(Criteria, include_extras=True), attribute_texts(Criteria)
    found = {}
    for one in fields(Criteria):
        bounds = next(extra for extra in hints[one.name].__metadata__ if isinstance(extra, Range))
        found[one.name] = {
            "name": _label(one.name),
            "description": texts.get(one.name, "").rstrip(" ."),
            "default": one.default,
            "min": type(one.default)(bounds.low),
            "max": type(one.default)(bounds.high),
        }
    return found


_UNITS = ("m_s", "mm", "deg", "m", "s", "n")


def _label(name: str) -> str:
    unit = next((unit for unit in _UNITS if name.endswith(f"_{unit}")), "")
    words = name[: len(name) - len(unit)].strip("_").replace("_", " ").capitalize()
    shown = {"m_s": "m/s", "deg": "°", "n": "N"}.get(unit, unit)
    return f"{words} [{shown}]" if unit else words


def convert_settings(settings: Any) -> dict[str, Any]:
    """Return the parameters of a scene as the server takes them (`ConvertSettings.to_dict`)."""
    kind = settings.recipient_kind
    return {
        "controller": settings.controller,
        "quality": settings.quality,
        "policy": settings.policy.strip() if settings.controller in POLICY_CONTROLLERS else "",
        "seed": settings.seed,
        "hands": settings.hands,
        "supporter_strength": _strength(settings.supporter_strength),
        "recipient_strength": _strength(settings.recipient_strength) if kind == "FACTOR" else kind,
        "supporter_mass": settings.supporter_mass / 100,
        "recipient_mass": settings.recipient_mass / 100,
        "grip_force": settings.grip_force,
        "engine": settings.engine.strip() or BUILT_IN,
        "remove_supporter": settings.remove_supporter,
        "carry_report": True,
        "criteria": {name: _rounded(getattr(settings.limits, name)) for name in limit_properties()},
        "prepare": {
            **{core: getattr(settings, name) for name, (core, _, _) in STEPS.items()},
            "grips": GRIPS[settings.grips],
            "cutoff_hz": _rounded(settings.cutoff_hz),
        },
    }


def _rounded(value: float) -> float:
    """Return the number that was typed: Blender keeps floats with about seven digits."""
    return value if isinstance(value, int) else float(f"{value:.6g}")


def _strength(percent: float) -> str:
    """Return an adult by name: what a policy was trained with is told from the words, too."""
    return "adult" if percent == 100 else f"{percent / 100:g}"
