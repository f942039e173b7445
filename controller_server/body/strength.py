"""How strong a person is: PD gains, torque limits, body weight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import AssistMimicError


@dataclass(frozen=True)
class Muscle:
    """One joint's drive at strength 1.

    Attributes:
        kp: Stiffness [N m/rad].
        kd: Damping [N m s/rad].
        limit: Largest torque per axis [N m].
    """

    kp: float
    kd: float
    limit: float


MUSCLES: Mapping[str, Muscle] = {
    "hip": Muscle(800, 80, 300),
    "knee": Muscle(800, 80, 300),
    "ankle": Muscle(800, 80, 200),
    "toe": Muscle(500, 50, 50),
    "trunk": Muscle(1000, 100, 300),
    "neck": Muscle(500, 50, 60),
    "shoulder": Muscle(500, 50, 150),
    "elbow": Muscle(500, 50, 100),
    "wrist": Muscle(300, 30, 50),
    "finger": Muscle(100, 10, 5),
}
"""Gains: the PHC set of SMPLSim. Limits: peak isometric torques of a strong adult; fingers weaker than the palm."""

_GROUP_OF_PART = {
    "hip": "hip",
    "knee": "knee",
    "ankle": "ankle",
    "foot": "toe",
    "spine1": "trunk",
    "spine2": "trunk",
    "spine3": "trunk",
    "neck": "neck",
    "head": "neck",
    "collar": "shoulder",
    "shoulder": "shoulder",
    "elbow": "elbow",
    "wrist": "wrist",
}
LEGS = ("hip", "knee", "ankle", "toe")


def muscle_group(joint_name: str) -> str:
    """The muscle group of an SMPL-X joint other than the pelvis ("left_knee" to "knee", fingers to "finger")."""
    return _GROUP_OF_PART.get(joint_name.split("_")[-1], "finger")


@dataclass(frozen=True)
class Strength:
    """Changes one person against strength 1.

    Attributes:
        mass: Factor on every segment's mass and inertia.
        gains: Factor on Kp and Kd per muscle group; groups left out keep 1.
        limits: Torque limit per muscle group [N m]; groups left out keep the limit of `MUSCLES`.
    """

    mass: float = 1.0
    gains: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0.1 <= self.mass <= 5:
            raise AssistMimicError(f"strength: mass factor {self.mass:g} is outside 0.1-5")
        for name, table, top in (("gains", self.gains, 5), ("limits", self.limits, 2000)):
            for group, value in table.items():
                if group not in MUSCLES:
                    raise AssistMimicError(f"strength: no muscle group {group!r}; there are {', '.join(MUSCLES)}")
                if not 0 <= value <= top:
                    raise AssistMimicError(f"strength: {name} of {group} is {value:g}, expected 0 to {top:g}")

    @staticmethod
    def scaled(factor: float, *, mass: float = 1.0) -> Strength:
        """Every gain and limit times a factor: the animator's slider. 1 is a strong adult, 0 cannot hold a limb."""
        return Strength(
            mass=mass,
            gains=dict.fromkeys(MUSCLES, factor),
            limits={group: muscle.limit * factor for group, muscle in MUSCLES.items()},
        )

    @staticmethod
    def parse(text: str) -> Strength:
        """A preset's name or a number for `scaled`. Raises AssistMimicError."""
        if text in PRESETS:
            return PRESETS[text]
        try:
            return Strength.scaled(float(text))
        except ValueError:
            raise AssistMimicError(
                f"strength {text!r}: expected {', '.join(PRESETS)} or a number from 0 to 2"
            ) from None

    @property
    def drives(self) -> tuple[float, dict[str, tuple[float, float]]]:
        """What it comes to: the mass factor, and gain factor and torque limit [N m] of each muscle group."""
        groups = {group: (self.gains.get(group, 1.0), self.limits.get(group, m.limit)) for group, m in MUSCLES.items()}
        return self.mass, groups

    @property
    def label(self) -> str:
        """What `parse` takes for this strength, such as "weak" or "0.8"; else "of own strength"."""
        for name, preset in PRESETS.items():
            if self.drives == preset.drives:
                return name
        factor = self.gains.get("hip", 1.0)
        return f"{factor:g}" if self == Strength.scaled(factor) else "of own strength"

    def muscle(self, joint_name: str) -> Muscle:
        """The drive of one SMPL-X joint of this person."""
        group = muscle_group(joint_name)
        base, gain = MUSCLES[group], self.gains.get(group, 1.0)
        return Muscle(base.kp * gain, base.kd * gain, self.limits.get(group, base.limit))


PRESETS: Mapping[str, Strength] = {
    "normal": Strength(),
    "weak": Strength(mass=0.7, gains=dict.fromkeys(LEGS, 0.5), limits=dict.fromkeys(("hip", "knee", "ankle"), 80.0)),
    "frail": Strength(
        mass=0.7,
        gains=dict.fromkeys(LEGS, 0.5),
        limits={"hip": 20.0, "trunk": 40.0, "knee": 80.0, "ankle": 80.0},
    ),
}
"""`weak` is the paper's recipient of Inter-X, `frail` the one of HHI-Assist (a toe keeps its own, lower limit)."""
