"""Strength of a person: the share of an adult's muscles that works, and body weight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np

from controller_server.core.constraints import Accepts, Range, no_such
from controller_server.core.errors import SettingsError
from controller_server.core.validation import OPTIONAL, check_fields

from .muscles import ARMS, JOINTS, LEGS, SIDES, Muscle, muscle_group, muscle_of, side_of

Factor = Annotated[float, Range(0, 5)]
GripForce = Annotated[float, Range(0, 450, "N", hint="what a human hand can hold; for none set grips to off")]
_PARTS = (*JOINTS, *(f"{side}_{group}" for side in SIDES for group in JOINTS if group not in ("trunk", "neck")))


@dataclass(frozen=True)
class Strength:
    """Changes one person against an adult of 20 to 50.

    Attributes:
        mass: Factor on every segment's mass and inertia. Torque limits stay those of the person's stature: who is
            heavier has more to carry with the same muscles.
        muscles: Factor on torque limits, and with them on Kp and Kd, per muscle group ("knee") or of one side
            ("left_knee", which goes before "knee"); what is left out keeps 1, and 0 is paralysed.
        gains: Further factor on Kp and Kd alone per muscle group.
        limits: Bound of the torque about every axis per muscle group [N m].
    """

    mass: Annotated[float, Range(0.1, 5, hint="it is a factor on an adult's")] = 1.0
    muscles: Annotated[Mapping[str, Factor], OPTIONAL] = field(default_factory=dict)  # cards of version 0.1 have none
    gains: Mapping[str, Factor] = field(default_factory=dict)
    limits: Mapping[str, Annotated[float, Range(0, 2000, "N m")]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_fields(self)
        for name, known in (("muscles", _PARTS), ("gains", JOINTS), ("limits", JOINTS)):
            for group in getattr(self, name):
                if group not in known:
                    raise SettingsError(f"{name}: {no_such('muscle group', group, known)}")

    @staticmethod
    def scaled(factor: float, *, mass: float = 1.0) -> Strength:
        """Return every muscle times a factor: the animator's slider. 1 is an adult, 0 cannot hold a limb."""
        return Strength(mass=mass, muscles=dict.fromkeys(JOINTS, factor))

    @staticmethod
    def parse(text: str) -> Strength:
        """Return the strength of a preset's name or of a number for `scaled`. Raises SettingsError."""
        name = OLD_NAMES.get(text, text)
        if name in PRESETS:
            return PRESETS[name]
        try:
            return Strength.scaled(float(text))
        except ValueError:
            raise SettingsError(f"strength {text!r}: expected {', '.join(PRESETS)} or a number from 0 to 2") from None

    @property
    def drives(self) -> tuple[float, tuple[tuple[float, float, float], ...]]:
        """What it comes to: the mass factor, and muscle factor, gain factor and bound [N m] of every part."""
        return self.mass, tuple(self._factors(part) for part in _PARTS)

    @property
    def label(self) -> str:
        """What `parse` takes for this strength, such as "weak" or "0.8"; else "of own strength"."""
        for name, preset in PRESETS.items():
            if self.drives == preset.drives:
                return name
        factor = self.muscles.get("hip", 1.0)
        return f"{factor:g}" if self.drives == Strength.scaled(factor).drives else "of own strength"

    def muscle(self, joint_name: str, mass: float) -> Muscle:
        """Return the drive of one SMPL-X joint of this person, whose stature has a body mass [kg] at factor 1."""
        group, side = muscle_group(joint_name), side_of(joint_name)
        strength, gain, cap = self._factors(f"{side}_{group}" if side else group)
        return muscle_of(joint_name, mass, strength=strength, gain=gain, cap=cap)

    def _factors(self, part: str) -> tuple[float, float, float]:
        group = part.split("_")[-1]
        strength = self.muscles.get(part, self.muscles.get(group, 1.0))
        return strength, self.gains.get(group, 1.0), self.limits.get(group, np.inf)


def _without(*parts: str, rest: float = 1.0) -> Strength:
    """Return a strength with some parts paralysed."""
    return Strength(muscles={**dict.fromkeys(JOINTS, rest), **dict.fromkeys(parts, 0.0)})


def _of_side(side: str, groups: tuple[str, ...]) -> list[str]:
    return [f"{side}_{group}" for group in groups]


_HALF_MASS = {"mass": 0.7, "gains": dict.fromkeys(LEGS, 0.5)}
PRESETS: Mapping[str, Strength] = {
    "adult": Strength(),
    "athlete": Strength.scaled(1.4),
    "older": Strength.scaled(0.62),
    "weak": Strength.scaled(0.4),
    "frail": Strength.scaled(0.25),
    "passive": Strength.scaled(0.0),
    "left_paralysed": _without(*_of_side("left", LEGS + ARMS)),
    "right_paralysed": _without(*_of_side("right", LEGS + ARMS)),
    "left_leg_paralysed": _without(*_of_side("left", LEGS)),
    "right_leg_paralysed": _without(*_of_side("right", LEGS)),
    "left_arm_paralysed": _without(*_of_side("left", ARMS)),
    "right_arm_paralysed": _without(*_of_side("right", ARMS)),
    "legs_paralysed": _without(*LEGS),
    "paper_interx": Strength(**_HALF_MASS, limits=dict.fromkeys(("hip", "knee", "ankle"), 80.0)),
    "paper_hhi": Strength(**_HALF_MASS, limits={"hip": 20.0, "trunk": 40.0, "knee": 80.0, "ankle": 80.0}),
}
"""People by name. `older` is over 65 (Sarabon 2021: 0.62 of the knee torque of 20 to 50); `paper_interx` and
`paper_hhi` are the recipients of arXiv 2603.11346 for Inter-X and HHI-Assist, whose mass is 0.7 of an adult's."""

OLD_NAMES: Mapping[str, str] = {"normal": "adult"}
"""Presets of version 0.1 under their present names."""
StrengthText = Annotated[str, Accepts(Strength.parse)]
"""A preset's name or a factor on every muscle, as `Strength.parse` takes it."""
