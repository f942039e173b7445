"""What a policy's action means: joint targets, beside the reference's or by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from array_api_compat import array_namespace

from ..errors import AssistMimicError
from .feedforward import SPARING

Array = Any

MODES = ("residual", "absolute")
_LATER = ("slack", "closing")  # what cards of earlier versions do not mention


@dataclass(frozen=True)
class ActionSpec:
    """How actions become joint targets.

    Attributes:
        mode: "residual": the reference's target plus scale x action; "absolute": scale x action.
        scale: Size of an action of one [rad].
        clip: Actions are clipped to +- this.
        sparing: How the reference's targets share out the load (`feedforward.SPARING`): a policy that was trained
            beside one share does not know another.
        balance: Whether the reference's targets come with ankles that keep the balance (`balance.with_balance`).
        slack: Whether the reference's targets stop counting on a partner who is not being held (`hold.slackened`).
        closing: Whether hands close on what they hold, wherever the partner has it, as they do in a search
            (`base.ReferenceBase`); then with `balance` and `slack` too.
    """

    mode: str = "residual"
    scale: float = 0.5
    clip: float = 1.0
    balance: bool = False
    sparing: float = SPARING
    slack: bool = False
    closing: bool = False

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise AssistMimicError(f"action: mode {self.mode!r} is none of {', '.join(MODES)}")
        if not 0.01 <= self.sparing <= 100:
            raise AssistMimicError(f"action: sparing {self.sparing:g} is outside 0.01-100")
        if not (0 < self.scale <= 10 and 0 < self.clip <= 100):
            raise AssistMimicError(f"action: scale {self.scale:g} and clip {self.clip:g} must be above 0")

    def targets(self, action: Array, reference_targets: Array) -> Array:
        """Joint targets of actions.

        Args:
            action: Shape (..., 3 J).
            reference_targets: `Reference.targets` of the frame ahead [rad], shape (..., J, 3).

        Returns:
            Joint targets [rad], shape (..., J, 3).
        """
        xp = array_namespace(action, reference_targets)
        action = self.scale * xp.minimum(xp.maximum(action, -self.clip), self.clip)
        offset = xp.reshape(action, (*action.shape[:-1], action.shape[-1] // 3, 3))
        return reference_targets + offset if self.mode == "residual" else offset

    def to_dict(self) -> dict[str, Any]:
        """Plain values for YAML; `_LATER` only where they are on: cards from before them are without."""
        return {name: value for name, value in asdict(self).items() if name not in _LATER or value}

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> ActionSpec:
        """The inverse of `to_dict`. Raises AssistMimicError."""
        known = set(ActionSpec.__dataclass_fields__)
        if not isinstance(values, Mapping) or {*values, *_LATER} != known:
            raise AssistMimicError(f"action: expected {', '.join(sorted(known))}, got {values!r}")
        for name in ("scale", "clip", "sparing"):
            if isinstance(values[name], bool) or not isinstance(values[name], (int, float)):
                raise AssistMimicError(f"action: scale, clip and sparing must be numbers, got {values!r}")
        values = {**dict.fromkeys(_LATER, False), **values}
        if not all(isinstance(values[name], bool) for name in ("balance", *_LATER)):
            raise AssistMimicError(f"action: balance, slack and closing must be true or false, got {values!r}")
        return ActionSpec(**{**values, "mode": str(values["mode"])})
