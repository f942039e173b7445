"""Settings of a conversion: one source for the command line, the server and the result file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import Enum
from typing import Annotated, Any

from controller_server.body.shape import Hands
from controller_server.body.strength import GripForce, Strength, StrengthText
from controller_server.core.constraints import Matches, Range, Threads
from controller_server.core.validation import build, check_fields, plain_values
from controller_server.metrics.criteria import Criteria
from controller_server.physics.engines import BUILT_IN
from controller_server.prepare.settings import PrepareSettings


class Controller(str, Enum):
    """Who steers the bodies: the first of the fallback strategies that succeeds, or one controller only."""

    AUTO = "auto"
    POLICY = "policy"
    SEARCH_POLICY = "search-policy"
    SEARCH = "search"
    ASSISTED = "assisted"


class Quality(str, Enum):
    """How much is tried: `draft` plays a policy first where one fits, then searches with a quarter of the effort."""

    DEFAULT = "default"
    DRAFT = "draft"


MassFactor = Annotated[float, Range(0.2, 3, hint="it is a factor on a person's weight")]
EngineName = Annotated[str, Matches("[A-Za-z0-9_.-]{1,64}", "a name")]
"""Name of an engine; which engines exist is known where they run."""
Seed = Annotated[int, Range(0, 2**63 - 1)]


@dataclass(frozen=True)
class ConvertSettings:
    """Everything that decides what a conversion gives, besides the clip.

    Attributes:
        controller: Who steers the bodies; `auto` tries the fallback strategies until one is a success.
        quality: `draft` plays a policy first where one fits, then searches with a quarter of the effort.
        policy: Name or folder of the policy bundle to use; left out, the one that fits the clip best.
        seed: Seed of every random number; the same seed gives the same result on the same machine.
        hands: `mitten` fixes the fingers to the palm, `full` simulates all of them.
        supporter_strength: A preset (adult, older, weak, frail, passive, ...) or a factor on every muscle, 1 an adult.
        recipient_strength: The same for who is helped.
        supporter_mass: Factor on the supporter's body weight, on top of what the strength says.
        recipient_mass: The same for who is helped.
        grip_force: What one hand holds with [N], 0-450.
        engine: Simulation engine: `mujoco`, or another engine that is installed.
        threads: Physics threads; 0 takes every core there is.
        remove_supporter: Simulate the recipient alone, to see how much the help was worth.
        origin_sha256: `clip_sha256` of the clip this one was made from, where it was changed since; what was trained on
            that clip counts as trained on this one.
        carry_report: Let the result carry the page that shows it, for clients that cannot make one.
        criteria: What a result has to keep to; the word success is for the limits as they are.
        prepare: Which steps make the clip fit for simulation, and what tells when a hand holds the partner.
    """

    controller: Controller = Controller.AUTO
    quality: Quality = Quality.DEFAULT
    policy: str = ""
    seed: Seed = 0
    hands: Hands = Hands.MITTEN
    supporter_strength: StrengthText = "adult"
    recipient_strength: StrengthText = "adult"
    supporter_mass: MassFactor = 1.0
    recipient_mass: MassFactor = 1.0
    grip_force: GripForce = 300.0
    engine: EngineName = BUILT_IN
    threads: Threads = 0
    remove_supporter: bool = False
    origin_sha256: str = ""
    carry_report: bool = False
    criteria: Criteria = field(default_factory=Criteria)
    prepare: PrepareSettings = field(default_factory=PrepareSettings)

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def strengths(self) -> tuple[Strength, Strength]:
        """The values of supporter and recipient."""
        return self._strength("supporter"), self._strength("recipient")

    @property
    def judged(self) -> tuple[int, ...]:
        """The roles that have to stay on the clip for a success (0 supporter, 1 recipient)."""
        return (1,) if self.remove_supporter else (0, 1)

    def _strength(self, role: str) -> Strength:
        strength = Strength.parse(getattr(self, f"{role}_strength"))
        return replace(strength, mass=strength.mass * getattr(self, f"{role}_mass"))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON, YAML and msgpack can carry."""
        return plain_values(asdict(self))

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> ConvertSettings:
        """Return the inverse of `to_dict`; what is left out keeps its default.

        Raises:
            SettingsError: a name is unknown or a value impossible.
        """
        return build(ConvertSettings, values, "settings")
