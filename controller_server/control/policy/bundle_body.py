"""The bodies and the physics a policy was trained with, and whether a pair's are the same."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any

from controller_server.body.pair import PairBody
from controller_server.body.shape import Hands
from controller_server.body.strength import GripForce, Strength
from controller_server.clip.interaction import InteractionClip
from controller_server.core.constraints import Range
from controller_server.core.errors import BundleError
from controller_server.core.validation import Where, build, check_fields, plain_values


@dataclass(frozen=True)
class BodySettings:
    """The bodies and the physics a policy was trained with.

    Attributes:
        hands: Simulated detail of the hands.
        supporter: Strength.
        recipient: Strength.
        grip_force: [N].
        friction: Friction of everything.
        physics_hz: Physics steps per second.
        control_hz: Joint targets per second.
    """

    hands: Hands = Hands.MITTEN
    supporter: Strength = field(default_factory=Strength)
    recipient: Strength = field(default_factory=Strength)
    grip_force: GripForce = 300.0
    friction: Annotated[float, Range(0, 10, above=True)] = 1.0
    physics_hz: Annotated[int, Range(1, 10_000)] = 240
    control_hz: Annotated[int, Range(1, 10_000)] = 30

    def __post_init__(self) -> None:
        check_fields(self)
        if self.physics_hz % self.control_hz:
            raise BundleError(f"physics_hz {self.physics_hz} is not a multiple of control_hz {self.control_hz}")

    @staticmethod
    def of(pair: PairBody) -> BodySettings:
        """Return what a pair's bodies have."""
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
        """Return a clip's people with these bodies."""
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
        """Return what is not as it was in training, though a policy may cope."""
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
        """Return plain values for YAML."""
        return plain_values(asdict(self))

    @staticmethod
    def from_dict(values: Any) -> BodySettings:
        """Return the inverse of `to_dict`. Raises BundleError."""
        return build(BodySettings, values, Where("body", error=BundleError, complete=True, strict=True))


def _compared(value: Any) -> Any:
    """Return a setting as it acts: a slider at 1 is the preset `adult`."""
    return value.drives if isinstance(value, Strength) else value


def _said(value: Any) -> str:
    """Return a setting in a sentence."""
    return value.label if isinstance(value, Strength) else str(plain_values(value))
