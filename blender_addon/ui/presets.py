# SPDX-License-Identifier: GPL-3.0-or-later
"""Ready-made sets of parameters. A preset sets what it names and resets the rest of its group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BALANCED: Mapping[str, Any] = {
    "supporter_strength": 100.0,
    "recipient_kind": "FACTOR",
    "recipient_strength": 100.0,
    "supporter_mass": 100.0,
    "recipient_mass": 100.0,
    "grip_force": 300.0,
    "controller": "auto",
    "quality": "default",
    "smooth": True,
    "feet": True,
    "contacts": True,
    "depenetrate": True,
}
POLICY_CONTROLLERS = ("auto", "policy", "search-policy")
"""Those that a trained policy can have a part in."""
PRESETS: Mapping[str, tuple[str, str, Mapping[str, Any]]] = {
    "FAITHFUL": (
        "Faithful",
        "Stay as near to the keyed motion as can be: little is smoothed, an outside hand helps where physics fails",
        {"smooth": False, "contacts": False, "controller": "assisted"},
    ),
    "BALANCED": ("Balanced", "Mend what cannot be carried out, help from outside only as the last resort", {}),
    "PHYSICAL": (
        "Physical",
        "Nothing but muscles and contact: who cannot do it falls, and the result says so",
        {"controller": "search"},
    ),
    "WEAK": (
        "Weak recipient",
        "Legs at half strength and a lighter body: they get up only if they are really lifted",
        {"recipient_kind": "weak"},
    ),
    "HEAVY": (
        "Heavy recipient",
        "Half as heavy again: the supporter leans back, steps wider and takes longer",
        {"recipient_mass": 150.0},
    ),
}


def values_of(name: str) -> dict[str, Any]:
    """All parameters a preset sets."""
    return {**BALANCED, **PRESETS[name][2]}


def convert_settings(settings: Any) -> dict[str, Any]:
    """The parameters as the server takes them (`ConvertSettings.to_dict`)."""
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
        "carry_report": True,
        "prepare": {
            "smooth": settings.smooth,
            "feet": settings.feet,
            "contacts": settings.contacts,
            "depenetrate": settings.depenetrate,
            "grips": {"AUTO": "auto", "KEYED": "clip", "OFF": "off"}[settings.grips],
        },
    }


def _strength(percent: float) -> str:
    """A strong adult by name: what a policy was trained with is told from the words, too."""
    return "normal" if percent == 100 else f"{percent / 100:g}"
