# SPDX-License-Identifier: GPL-3.0-or-later
"""Ready-made sets of parameters. A preset sets what it names and resets the rest of its group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .core_settings import STEPS

BALANCED: Mapping[str, Any] = {
    "supporter_strength": 100.0,
    "recipient_kind": "FACTOR",
    "recipient_strength": 100.0,
    "supporter_mass": 100.0,
    "recipient_mass": 100.0,
    "grip_force": 300.0,
    "controller": "auto",
    "quality": "default",
    **dict.fromkeys(STEPS, True),
    "cutoff_hz": 7.0,
}
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
        "Two fifths of an adult's strength: they get up only if they are really lifted",
        {"recipient_kind": "weak"},
    ),
    "HEAVY": (
        "Heavy recipient",
        "Half as heavy again: more load on the supporter, who may not manage it",
        {"recipient_mass": 150.0},
    ),
}

RECIPIENTS: Mapping[str, tuple[str, str]] = {
    "athlete": ("Athlete", "Stronger than most: rises from any seat"),
    "adult": ("Adult", "20 to 50 years: rises from any chair, and from the floor"),
    "older": ("Over 65", "Three fifths of an adult's strength: rises from a chair, slowly from a low one"),
    "weak": ("Weak", "Two fifths of an adult's strength: needs a hand from a chair"),
    "frail": ("Frail", "A quarter of an adult's strength: has to be lifted and held"),
    "passive": ("Passive", "No muscle works: has to be carried through the motion"),
    "left_paralysed": ("Left side paralysed", "Arm and leg of the left side hang"),
    "right_paralysed": ("Right side paralysed", "Arm and leg of the right side hang"),
    "left_leg_paralysed": ("Left leg paralysed", "The left leg bears only where its knee locks"),
    "right_leg_paralysed": ("Right leg paralysed", "The right leg bears only where its knee locks"),
    "left_arm_paralysed": ("Left arm paralysed", "The left arm hangs"),
    "right_arm_paralysed": ("Right arm paralysed", "The right arm hangs"),
    "legs_paralysed": ("Legs paralysed", "Both legs hang: the arms have to do it"),
    "paper_interx": ("Paper, Inter-X", "Half the legs' gains, 80 N m in hips, knees, ankles, 0.7 of the weight"),
    "paper_hhi": ("Paper, HHI-Assist", "The same with 20 N m in the hips and 40 in the trunk"),
}
"""What Blender calls the presets of `controller_server.body.strength`, and what one will see."""


def values_of(name: str) -> dict[str, Any]:
    """Return all parameters a preset sets."""
    return {**BALANCED, **PRESETS[name][2]}
