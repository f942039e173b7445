"""Constraints on values, written beside a field's type: `Annotated[float, Range(0, 450, unit="N")]`.

`core.validation` applies them to what is read from files and messages, and a dataclass to itself with `check_fields`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sized
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any, Protocol, runtime_checkable

import numpy as np

from .errors import AssistMimicError


@runtime_checkable
class Constraint(Protocol):
    """What a value of the right type has to keep to."""

    def problem(self, value: Any) -> str | None:
        """Return what is wrong with a value, to be read after the name of its field; None if nothing is."""
        ...


@dataclass(frozen=True)
class Range:
    """A number within bounds; not-a-number is within none.

    Attributes:
        low: Least value.
        high: Largest value; infinity for no bound.
        unit: Of both, for the error.
        hint: Why, or what to do instead: ends the error's sentence.
        above: Whether `low` itself is too little.
    """

    low: float
    high: float = math.inf
    unit: str = ""
    hint: str = ""
    above: bool = False

    def problem(self, value: Any) -> str | None:
        """Return what is wrong; see `Constraint`."""
        if self.low <= value <= self.high and not (self.above and value == self.low):
            return None
        unit, hint = self.unit and f" {self.unit}", self.hint and f"; {self.hint}"
        if self.high < math.inf and not self.above:
            return f"{_number(value)}{unit} is outside {_number(self.low)}-{_number(self.high)}{hint}"
        wanted = f"above {_number(self.low)}" if self.above else f"{_number(self.low)} or more"
        most = f", at most {_number(self.high)}" if self.high < math.inf else ""
        return f"{_number(value)}{unit} is not {wanted}{most}{hint}"


Threads = Annotated[int, Range(0, 1024, hint="0 takes every core")]


@dataclass(frozen=True)
class Length:
    """A number of entries or characters within bounds."""

    least: int = 0
    most: int | None = None

    def problem(self, value: Sized) -> str | None:
        """Return what is wrong; see `Constraint`."""
        if len(value) >= self.least and (self.most is None or len(value) <= self.most):
            return None
        if self.most is None:
            return f"has {len(value)} entries, expected {self.least} or more"
        wanted = f"{self.least}" if self.least == self.most else f"{self.least}-{self.most}"
        return f"has {len(value)} entries, expected {wanted}"


@dataclass(frozen=True)
class Matches:
    """Text that matches a regular expression as a whole.

    Attributes:
        pattern: The expression.
        words: What such text is: "a job's id: 8-64 letters, digits, _ and -".
    """

    pattern: str
    words: str

    def problem(self, value: str) -> str | None:
        """Return what is wrong; see `Constraint`."""
        return None if re.fullmatch(self.pattern, value) else f"{shown(value)} is not {self.words}"


@dataclass(frozen=True)
class OneOf:
    """One of some texts that are not known when the type is written; else use `Literal` or an `Enum`.

    Attributes:
        names: The texts.
    """

    names: tuple[str, ...]

    def problem(self, value: str) -> str | None:
        """Return what is wrong; see `Constraint`."""
        return None if value in self.names else none_of(value, self.names)


@dataclass(frozen=True)
class Accepts:
    """What a function accepts without an AssistMimicError; its sentence is the problem."""

    function: Callable[[Any], Any]

    def problem(self, value: Any) -> str | None:
        """Return what is wrong; see `Constraint`."""
        try:
            self.function(value)
        except AssistMimicError as error:
            return str(error)
        return None


@dataclass(frozen=True)
class ReadBy:
    """How a value is read from its plain form, where the form differs from the type: a short form, a word, a unit.

    Attributes:
        function: From the plain value to one that the type takes; raises AssistMimicError with the problem.
    """

    function: Callable[[Any], Any]


class Shape:
    """An array of finite numbers of a shape; None stands for any length."""

    def __init__(self, *shape: int | None) -> None:
        self.shape = shape

    def problem(self, value: np.ndarray) -> str | None:
        """Return what is wrong; see `Constraint`."""
        fits = len(value.shape) == len(self.shape) and all(
            wanted in (None, given) for wanted, given in zip(self.shape, value.shape, strict=True)
        )
        if not fits:
            wanted = ", ".join("any" if size is None else str(size) for size in self.shape)
            return f"has shape {value.shape}, expected ({wanted})"
        return None if np.isfinite(value).all() else "holds numbers that are not finite"


def near(name: Any, names: Iterable[str], least: float = 0.6) -> str | None:
    """Return the name that was probably meant, if one is at least so much like it (0-1)."""
    return next(iter(get_close_matches(str(name), list(names), 1, least)), None)


def no_such(kind: str, name: Any, names: Iterable[Any]) -> str:
    """Return the problem of a name that does not exist: the one that was probably meant, or all there are."""
    known = [str(each) for each in names]
    likely = near(name, known)
    rest = f"did you mean {likely}?" if likely else f"there are {', '.join(known)}" if known else "there are none"
    return f"no {kind} {shown(name)}; {rest}"


def none_of(value: Any, names: Iterable[Any]) -> str:
    """Return the problem of a value that is none of some names, with the one that was probably meant."""
    known = [str(each) for each in names]
    likely = near(value, known)
    return f"{shown(value)} is none of {', '.join(known)}" + (f"; did you mean {likely}?" if likely else "")


def shown(value: Any) -> str:
    """Return a value as an error shows it: at most 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"
