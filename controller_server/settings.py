"""What a person may choose about a conversion: one source for the command line, the server and the result file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass, replace
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from .body.shape import Hands
from .body.strength import Strength
from .errors import AssistMimicError
from .measure.criteria import Criteria
from .physics.engines import BUILT_IN
from .prepare.settings import PrepareSettings


class Controller(str, Enum):
    """Who steers the bodies: the ladder's best rung, or one rung alone."""

    AUTO = "auto"
    POLICY = "policy"
    SEARCH_POLICY = "search-policy"
    SEARCH = "search"
    ASSISTED = "assisted"


class Quality(str, Enum):
    """How much is tried: `draft` plays a policy first where one fits, then searches with a quarter of the effort."""

    DEFAULT = "default"
    DRAFT = "draft"


@dataclass(frozen=True)
class ConvertSettings:
    """Everything that decides what a conversion gives, besides the clip.

    Attributes:
        controller: Who steers the bodies; `auto` climbs the ladder until the result is a success.
        quality: `draft` plays a policy first where one fits, then searches with a quarter of the effort.
        policy: Name or folder of the policy bundle to use; left out, the one that fits the clip best.
        seed: Of every random number; the same seed gives the same result on the same machine.
        hands: `mitten` fixes the fingers to the palm, `full` simulates all of them.
        supporter_strength: A preset (adult, older, weak, frail, passive, ...) or a factor on every muscle, 1 an adult.
        recipient_strength: The same for who is helped.
        supporter_mass: Factor on the supporter's body weight, on top of what the strength says.
        recipient_mass: The same for who is helped.
        grip_force: What one hand holds with [N], 0-450.
        engine: What simulates: `mujoco`, or another engine that is installed.
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
    seed: int = 0
    hands: Hands = Hands.MITTEN
    supporter_strength: str = "adult"
    recipient_strength: str = "adult"
    supporter_mass: float = 1.0
    recipient_mass: float = 1.0
    grip_force: float = 300.0
    engine: str = BUILT_IN
    threads: int = 0
    remove_supporter: bool = False
    origin_sha256: str = ""
    carry_report: bool = False
    criteria: Criteria = field(default_factory=Criteria)
    prepare: PrepareSettings = field(default_factory=PrepareSettings)

    def __post_init__(self) -> None:
        for role in ("supporter", "recipient"):
            _check_strength(f"{role}_strength", getattr(self, f"{role}_strength"))
            mass = getattr(self, f"{role}_mass")
            if not 0.2 <= mass <= 3:
                raise AssistMimicError(f"{role}_mass: {mass:g} times a person's weight is outside 0.2-3")
        if not 0 <= self.grip_force <= 450:
            raise AssistMimicError(
                f"grip_force: {self.grip_force:g} N is outside 0-450, what a human hand can hold; "
                "for none set grips to off"
            )
        if not 0 <= self.seed < 2**63:
            raise AssistMimicError(f"seed: {self.seed} is outside 0-9223372036854775807")
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", self.engine):  # which there are is known where it runs
            raise AssistMimicError(f"engine: {self.engine[:64]!r} is not a name")
        if not 0 <= self.threads <= 1024:
            raise AssistMimicError(f"threads: {self.threads} is outside 0-1024; 0 takes every core")

    @property
    def strengths(self) -> tuple[Strength, Strength]:
        """Of supporter and recipient."""
        return self._strength("supporter"), self._strength("recipient")

    @property
    def judged(self) -> tuple[int, ...]:
        """Who has to stay on the clip for a success (0 supporter, 1 recipient)."""
        return (1,) if self.remove_supporter else (0, 1)

    def _strength(self, role: str) -> Strength:
        strength = Strength.parse(getattr(self, f"{role}_strength"))
        return replace(strength, mass=strength.mass * getattr(self, f"{role}_mass"))

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON, YAML and msgpack can carry."""
        return plain_values(asdict(self))

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> ConvertSettings:
        """The inverse of `to_dict`; what is left out keeps its default.

        Raises:
            AssistMimicError: a name is unknown or a value impossible.
        """
        return build_dataclass(ConvertSettings, values, "settings")


def _check_strength(name: str, text: str) -> None:
    try:
        Strength.parse(text)
    except AssistMimicError as error:
        raise AssistMimicError(f"{name}: {error}") from None


def plain_values(value: Any) -> Any:
    """What JSON, YAML and msgpack can carry of nested mappings, sequences and enumerations."""
    if isinstance(value, Mapping):
        return {key: plain_values(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_values(item) for item in value]
    return value.value if isinstance(value, Enum) else value


_T = TypeVar("_T")
_hints = cache(get_type_hints)
_NUMBERS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


def build_dataclass(kind: type[_T], values: Any, where: str) -> _T:
    """A (nested) dataclass of fields, tuples and tables. Raises AssistMimicError for what does not fit."""
    if not isinstance(values, Mapping):
        raise AssistMimicError(f"{where}: expected names and values, got {values!r}")
    hints, known = _hints(kind), fields(kind)  # pyright: ignore[reportArgumentType]
    names = [f.name for f in known]
    for name in values:
        if name not in names:
            raise AssistMimicError(f"{where}: no setting {name!r}; there are {', '.join(names)}")
    for f in known:
        if f.name not in values and f.default is MISSING and f.default_factory is MISSING:
            raise AssistMimicError(f"{where}: {f.name} is missing")
    return kind(**{name: _coerce(hints[name], value, f"{where}: {name}") for name, value in values.items()})


def _coerce(kind: Any, value: Any, where: str) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):  # of one kind and None
        return None if value is None else _coerce(next(k for k in inner if k is not type(None)), value, where)
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise AssistMimicError(f"{where}: expected a list, got {value!r}")
        return tuple(_coerce(inner[0], item, where) for item in value)
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise AssistMimicError(f"{where}: expected names and values, got {value!r}")
        return {str(name): _coerce(inner[1], item, f"{where}: {name}") for name, item in value.items()}
    if is_dataclass(kind):
        return value if isinstance(value, kind) else build_dataclass(kind, value, where)  # pyright: ignore[reportArgumentType]
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(value)
        except ValueError:
            raise AssistMimicError(f"{where}: {value!r} is none of {', '.join(m.value for m in kind)}") from None
    return _plain(kind, value, where)


def _plain(kind: Any, value: Any, where: str) -> Any:
    if kind is str and isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:g}"  # a strength may be given as a number
    if kind is float and isinstance(value, str):
        with suppress(ValueError):
            return float(value)  # YAML takes 3e-4 for text
    fits = isinstance(value, kind) or (kind is float and isinstance(value, int))
    if not fits or (kind is not bool and isinstance(value, bool)):
        raise AssistMimicError(f"{where}: expected {_NUMBERS[kind]}, got {value!r}")
    return kind(value)
