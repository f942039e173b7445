"""Meaning of a policy's action: joint targets, relative to the reference's or absolute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from array_api_compat import array_namespace

from controller_server.core.arrays import Array
from controller_server.core.constraints import OneOf, Range
from controller_server.core.errors import BundleError
from controller_server.core.validation import OPTIONAL, Where, build, check_fields
from controller_server.physics.inverse_dynamics import SPARING

MODES = ("residual", "absolute")
_LATER = ("slack", "closing")  # what cards of earlier versions do not mention


@dataclass(frozen=True)
class ActionSpec:
    """The mapping from actions to joint targets.

    Attributes:
        mode: "residual": the reference's target plus scale x action; "absolute": scale x action.
        scale: Size of an action of one [rad].
        clip: Actions are clipped to +- this.
        sparing: How the reference's targets share out the load (`inverse_dynamics.SPARING`): a policy that was trained
            beside one share does not know another.
        balance: Whether the reference's targets come with ankles that keep the balance (`balance.with_balance`).
        slack: Whether the reference's targets stop counting on a partner who is not held
            (`contact_loss.compensate_contact_loss`).
        closing: Whether hands close on what they hold, wherever the partner has it, as they do in a search
            (`base_targets.ReferenceBase`); then with `balance` and `slack` too.
    """

    mode: Annotated[str, OneOf(MODES)] = "residual"
    scale: Annotated[float, Range(0, 10, above=True)] = 0.5
    clip: Annotated[float, Range(0, 100, above=True)] = 1.0
    balance: bool = False
    sparing: Annotated[float, Range(0.01, 100)] = SPARING
    slack: Annotated[bool, OPTIONAL] = False
    closing: Annotated[bool, OPTIONAL] = False

    def __post_init__(self) -> None:
        check_fields(self)

    def targets(self, action: Array, reference_targets: Array) -> Array:
        """Return joint targets of actions.

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
        """Return plain values for YAML; `_LATER` only where they are on: cards from before them are without."""
        return {name: value for name, value in asdict(self).items() if name not in _LATER or value}

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> ActionSpec:
        """Return the inverse of `to_dict`. Raises BundleError."""
        return build(ActionSpec, values, Where("action", error=BundleError, complete=True, strict=True))
