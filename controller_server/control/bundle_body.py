"""The bodies and the physics a policy was trained with, and whether a pair's are the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..body.pair import PairBody
from ..body.shape import Hands
from ..body.strength import Strength
from ..clip.interaction import InteractionClip
from ..errors import AssistMimicError
from .bundle_fields import mapping, number, text


@dataclass(frozen=True)
class BodySettings:
    """The bodies and the physics a policy was trained with.

    Attributes:
        hands: Simulated detail of the hands.
        supporter: Strength.
        recipient: Strength.
        grip_force: [N].
        friction: Of everything.
        physics_hz: Physics steps per second.
        control_hz: Joint targets per second.
    """

    hands: Hands = Hands.MITTEN
    supporter: Strength = field(default_factory=Strength)
    recipient: Strength = field(default_factory=Strength)
    grip_force: float = 300.0
    friction: float = 1.0
    physics_hz: int = 240
    control_hz: int = 30

    @staticmethod
    def of(pair: PairBody) -> BodySettings:
        """What a pair's bodies have."""
        return BodySettings(
            pair.supporter.hands,
            pair.supporter.strength,
            pair.recipient.strength,
            pair.grip_force,
            pair.friction,
            pair.physics_hz,
            pair.control_hz,
        )

    def pair(self, clip: InteractionClip) -> PairBody:
        """A clip's people with these bodies."""
        pair = PairBody.from_clip(
            clip,
            hands=self.hands,
            supporter=self.supporter,
            recipient=self.recipient,
            grip_force=self.grip_force,
        )
        return replace(pair, friction=self.friction, physics_hz=self.physics_hz, control_hz=self.control_hz)

    def obstacles(self, pair: PairBody) -> list[str]:
        """Why a policy trained with these settings cannot steer a pair; empty if it can."""
        return self._different(pair, ("hands", "control_hz"))

    def differences(self, pair: PairBody) -> list[str]:
        """What is not as it was in training, though a policy may cope."""
        return self._different(pair, ("supporter", "recipient", "grip_force", "friction", "physics_hz"))

    def _different(self, pair: PairBody, names: tuple[str, ...]) -> list[str]:
        there = BodySettings.of(pair)
        found = []
        for name in names:
            trained, now = getattr(self, name), getattr(there, name)
            if _compared(trained) != _compared(now):
                found.append(f"{name} is {_said(now)}, trained with {_said(trained)}")
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain values for YAML."""
        return {name: _plain_setting(getattr(self, name)) for name in BodySettings.__dataclass_fields__}

    @staticmethod
    def from_dict(values: Any) -> BodySettings:
        """The inverse of `to_dict`. Raises AssistMimicError."""
        values = mapping(values, "body", tuple(BodySettings.__dataclass_fields__))
        hands = text(values["hands"], "body: hands")
        if hands not in {h.value for h in Hands}:
            raise AssistMimicError(f"body: hands {hands!r} is none of {', '.join(h.value for h in Hands)}")
        rates = {name: number(values[name], f"body: {name}", whole=True) for name in ("physics_hz", "control_hz")}
        if not 1 <= rates["control_hz"] <= rates["physics_hz"] <= 10_000 or rates["physics_hz"] % rates["control_hz"]:
            raise AssistMimicError(f"body: {rates} must be positive, the first a multiple of the second")
        grip_force, friction = (number(values[name], f"body: {name}") for name in ("grip_force", "friction"))
        if not (0 <= grip_force <= 450 and 0 < friction <= 10):
            raise AssistMimicError(f"body: grip_force {grip_force:g} (0-450) or friction {friction:g} (up to 10)")
        return BodySettings(
            hands=Hands(hands),
            supporter=_strength(values["supporter"], "body: supporter"),
            recipient=_strength(values["recipient"], "body: recipient"),
            grip_force=grip_force,
            friction=friction,
            physics_hz=int(rates["physics_hz"]),
            control_hz=int(rates["control_hz"]),
        )


def _compared(value: Any) -> Any:
    """A setting as it acts: a slider at 1 is the preset `adult`."""
    return value.drives if isinstance(value, Strength) else value


def _said(value: Any) -> str:
    """A setting in a sentence."""
    return value.label if isinstance(value, Strength) else str(_plain_setting(value))


def _plain_setting(value: Any) -> Any:
    if isinstance(value, Strength):
        return {name: _plain_table(getattr(value, name)) for name in ("mass", "muscles", "gains", "limits")}
    return value.value if isinstance(value, Hands) else value


def _plain_table(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def _strength(values: Any, where: str) -> Strength:
    if isinstance(values, Mapping):
        values = {"muscles": {}, **values}  # cards of version 0.1 know gains and limits only
    values = mapping(values, where, ("mass", "muscles", "gains", "limits"))
    tables = {
        name: {group: number(v, f"{where}: {name}: {group}") for group, v in mapping(values[name], where).items()}
        for name in ("muscles", "gains", "limits")
    }
    try:
        return Strength(mass=number(values["mass"], f"{where}: mass"), **tables)
    except AssistMimicError as error:
        raise AssistMimicError(f"{where}: {error}") from None
