"""Plain values from YAML, JSON, messages and metadata as what a type annotation says, with one-line errors.

A type is a scalar, an `Enum`, a `Literal`, a dataclass, a tuple, list, mapping or array of such, any of these or None,
and `Annotated` with what `core.constraints` has. An error names the source, the path of the field in it, what stands
there, what is wanted and, for a name that does not exist, the one that was probably meant:

    specialist.yaml: ppo: no entry 'lerning_rate'; did you mean learning_rate?
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from enum import Enum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from .constraints import Constraint, ReadBy, near, no_such, none_of, shown
from .errors import AssistMimicError, SettingsError

_T = TypeVar("_T")
_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text", Path: "a path"}
OPTIONAL = "may be left out"
"""Beside a field's type: it may be left out also where `Where.complete` asks for all fields."""


@dataclass(frozen=True)
class Where:
    """A place in what is read, for errors.

    Attributes:
        source: File, message or whatever else the values are from; empty for none.
        path: Of the field in it, such as "workers[0].engine".
        error: What is raised.
        complete: Whether every field has to be given, also one that has a default.
        strict: Whether text that reads as a number is no number, and a number no text.
        root: The outermost dataclass, to find where a misplaced name belongs.
    """

    source: str = ""
    path: str = ""
    error: type[AssistMimicError] = SettingsError
    complete: bool = False
    strict: bool = False
    root: Any = None

    def at(self, name: object) -> Where:
        """Return the place of an entry of this one."""
        return replace(self, path=f"{self.path}.{name}" if self.path else str(name))

    def item(self, index: int) -> Where:
        """Return the place of an item of this list."""
        return replace(self, path=f"{self.path}[{index}]")

    def wrong(self, problem: str) -> AssistMimicError:
        """Return the error that names this place."""
        return self.error(": ".join(part for part in (self.source, self.path, problem) if part))


def build(kind: type[_T], values: Any, where: str | Where) -> _T:
    """Return a dataclass made of plain values.

    Args:
        kind: The dataclass; what it consists of may be dataclasses too.
        values: Mapping of names to values.
        where: What the values are from.

    Raises:
        SettingsError: (or what `where` says) a name is unknown or missing, or a value does not fit.
    """
    where = Where(where) if isinstance(where, str) else where
    if isinstance(values, kind):
        return values
    if not isinstance(values, Mapping):
        raise where.wrong(f"expected names and values, got {shown(values)}")
    where = where if where.root else replace(where, root=kind)
    hints = field_types(kind)
    for name in values:
        if name not in hints:
            raise where.wrong(_unknown(name, hints, where))
    for field in fields(kind):  # pyright: ignore[reportArgumentType]
        optional = field.default is not MISSING or field.default_factory is not MISSING
        if where.complete:
            optional = OPTIONAL in getattr(hints[field.name], "__metadata__", ())
        if field.init and field.name not in values and not optional:
            raise where.wrong(f"{field.name} is missing")
    given = {name: convert(hints[name], value, where.at(name)) for name, value in values.items()}
    try:
        return kind(**given)
    except AssistMimicError as error:
        raise where.wrong(str(error)) from None


def convert(kind: Any, value: Any, where: Where) -> Any:
    """Return a plain value as a type annotation says. Raises as `build`."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _annotated(inner[0], inner[1:], value, where)
    if kind is Any:
        return value
    if origin in (Union, UnionType):
        return _union(inner, value, where)
    if origin is Literal:
        if not any(value == known and type(value) is type(known) for known in inner):
            raise where.wrong(none_of(value, inner))
        return value
    if origin in (tuple, list) or kind in (tuple, list):
        return _sequence(origin or kind, inner, value, where)
    if kind is np.ndarray:
        return _array(value, where)
    if kind is dict or isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping(inner or (str, Any), value, where)
    if is_dataclass(kind):
        return build(kind, value, where)  # pyright: ignore[reportArgumentType]
    if issubclass(kind, Enum):
        try:
            return kind(value)
        except ValueError:
            raise where.wrong(none_of(value, [member.value for member in kind])) from None
    return _scalar(kind, value, where)


def check_fields(instance: Any, error: type[AssistMimicError] = SettingsError) -> None:
    """Make sure that the fields of a dataclass keep to the constraints beside their types.

    Raises:
        SettingsError: (or `error`) naming the first that does not.
    """
    for name, kind in field_types(type(instance)).items():
        _check(kind, getattr(instance, name), Where(path=name, error=error))


@cache
def field_types(kind: Any) -> dict[str, Any]:
    """Return the annotations of a dataclass's fields, with constraints."""
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in fields(kind)}


def plain_values(value: Any) -> Any:
    """Return what JSON, YAML and msgpack can carry of mappings, sequences, enumerations, arrays and numpy's numbers."""
    if isinstance(value, Mapping):
        return {str(key): plain_values(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_values(item) for item in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Enum):
        return value.value
    return value.item() if isinstance(value, np.generic) else value


def _annotated(kind: Any, extras: tuple[Any, ...], value: Any, where: Where) -> Any:
    for extra in extras:
        if isinstance(extra, ReadBy):
            try:
                value = extra.function(value)
            except AssistMimicError as error:
                raise where.wrong(str(error)) from None
    value = convert(kind, value, where)
    _constrain(extras, value, where)
    return value


def _constrain(extras: tuple[Any, ...], value: Any, where: Where) -> None:
    for extra in extras:
        problem = extra.problem(value) if isinstance(extra, Constraint) and value is not None else None
        if problem:
            raise where.wrong(problem)


def _check(kind: Any, value: Any, where: Where) -> None:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        _constrain(inner[1:], value, where)
        _check(inner[0], value, where)
    elif origin is tuple and isinstance(value, tuple):
        kinds = (inner[0],) * len(value) if inner[-1] is Ellipsis else inner
        for index, (kind, item) in enumerate(zip(kinds, value, strict=False)):
            _check(kind, item, where.item(index))
    elif isinstance(origin, type) and issubclass(origin, Mapping) and isinstance(value, Mapping):
        for name, item in value.items():
            _check(inner[1], item, where.at(name))


def _union(kinds: tuple[Any, ...], value: Any, where: Where) -> Any:
    """Return a value as the first of some types that takes its form: text, number, list, or names and values."""
    if value is None and NoneType in kinds:
        return None
    kinds = tuple(kind for kind in kinds if kind is not NoneType)
    if len(kinds) == 1:
        return convert(kinds[0], value, where)
    fitting = [kind for kind in kinds if _has_form(kind, value)]
    if not fitting:
        raise where.wrong(f"expected {' or '.join(map(_words, kinds))}, got {shown(value)}")
    return convert(fitting[0], value, where)


def _has_form(kind: Any, value: Any) -> bool:
    origin = get_origin(kind)
    if origin is Annotated:
        return _has_form(get_args(kind)[0], value)
    if origin is Literal:
        return value in get_args(kind)
    if origin in (tuple, list):
        return isinstance(value, (list, tuple))
    if is_dataclass(kind) or isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, Mapping) or isinstance(kind, type) and isinstance(value, kind)
    if kind is bool or isinstance(value, bool):
        return kind is bool and isinstance(value, bool)
    return isinstance(value, (int, float) if kind is float else str if issubclass(kind, Enum) else kind)


def _words(kind: Any) -> str:
    """Return what a type takes, in words."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _words(inner[0])
    if origin is Literal:
        return " or ".join(map(repr, inner))
    if origin in (tuple, list):
        fixed = origin is tuple and Ellipsis not in inner
        return f"a list of {len(inner)}" if fixed else "a list"
    return _WORDS.get(kind, "text" if isinstance(kind, type) and issubclass(kind, Enum) else "names and values")


def _sequence(origin: Any, inner: tuple[Any, ...], value: Any, where: Where) -> Any:
    if not isinstance(value, (list, tuple)):
        raise where.wrong(f"expected a list, got {shown(value)}")
    if origin is tuple and inner and inner[-1] is not Ellipsis:
        if len(value) != len(inner):
            raise where.wrong(f"expected {len(inner)} values, got {shown(value)}")
        kinds = inner
    else:
        kinds = (inner[0] if inner else Any,) * len(value)
    return origin(
        convert(kind, item, where.item(index)) for index, (kind, item) in enumerate(zip(kinds, value, strict=True))
    )


def _mapping(inner: tuple[Any, ...], value: Any, where: Where) -> dict[Any, Any]:
    if not isinstance(value, Mapping):
        raise where.wrong(f"expected names and values, got {shown(value)}")
    if get_origin(inner[0]) is Literal:
        for name in value:
            if name not in get_args(inner[0]):
                raise where.wrong(_unknown(name, dict.fromkeys(get_args(inner[0])), where))
    return {str(name): convert(inner[1], item, where.at(name)) for name, item in value.items()}


def _array(value: Any, where: Where) -> np.ndarray:
    try:
        array = np.asarray(value)
    except ValueError:  # rows of different lengths
        array = np.empty(0, object)
    if array.dtype.kind not in "iuf":
        raise where.wrong(f"expected an array of numbers, got {shown(value)}")
    return array if array.dtype.kind == "f" else array.astype(float)


def _scalar(kind: Any, value: Any, where: Where) -> Any:
    if not where.strict:
        if kind is str and isinstance(value, (int, float)) and not isinstance(value, bool):
            return f"{value:g}"  # a strength may be given as a number
        if kind is float and isinstance(value, str):
            with suppress(ValueError):
                value = float(value)  # YAML takes 3e-4 for text
    fits = isinstance(value, {float: (float, int), Path: (Path, str)}.get(kind, kind))
    if not fits or (kind is not bool and isinstance(value, bool)):
        raise where.wrong(f"expected {_WORDS[kind]}, got {shown(value)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise where.wrong(f"expected a finite number, got {shown(value)}")
    if isinstance(value, int) and abs(value) >= 2**64:
        raise where.wrong(f"expected a smaller number, got {shown(value)}")
    return kind(value)


def _unknown(name: Any, names: Mapping[str, Any], where: Where) -> str:
    """Return the problem of a name that is none of those there are, with the one that was probably meant."""
    elsewhere = [path for path in _paths(where.root) if path.split(".")[-1] == name] if where.root else []
    if elsewhere and not near(name, names):
        return f"no entry {shown(name)} here; did you mean {elsewhere[0]}?"
    return no_such("entry", name, names)


@cache
def _paths(kind: Any) -> list[str]:
    """Return the paths of all fields of a dataclass and of the dataclasses in it."""
    found: list[str] = []
    for name, inner in field_types(kind).items():
        found.append(name)
        inner = get_args(inner)[0] if get_origin(inner) is Annotated else inner
        if is_dataclass(inner):
            found += [f"{name}.{path}" for path in _paths(inner)]
    return found
