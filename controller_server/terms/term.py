"""One term, and how a configuration names it: `name: {term, weight, params}`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from controller_server.core.constraints import ReadBy, no_such
from controller_server.core.errors import AssistMimicError, TermError
from controller_server.core.validation import OPTIONAL, Where, convert

if TYPE_CHECKING:
    from .files import TermFile

GROUPS = ("prior", "assist")
"""A term of the group `prior` has sense for one person alone, one of `assist` is about both."""
NEEDS = ("forces", "retargeting")
"""What a term may need beside poses: contact forces, or retargeted hand goals."""
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", tuple: "a list"}


@dataclass(frozen=True)
class Term:
    """A function that can be composed with others.

    Attributes:
        kind: What it is a term of, such as "reward".
        name: By which it is found: the function's.
        function: Takes a context, then its memory where it has one; its parameters are keywords with defaults.
        group: One of GROUPS.
        needs: Some of NEEDS.
        memory: Shape, for each world, of every array that is kept from one control step to the next; all begin an
            episode at zero.
        meaning: In one sentence: the first line of the docstring.
        defaults: Of the parameters.
        file: Where it was imported from; None for those that come with this package.
        when: Of events: "setup", "start" or "step".
    """

    kind: str
    name: str
    function: Callable[..., Any]
    group: str
    needs: frozenset[str]
    memory: Mapping[str, tuple[int, ...]]
    meaning: str
    defaults: Mapping[str, Any]
    file: TermFile | None = None
    when: str = ""

    def bind(self, config: TermConfig, name: str) -> BoundTerm:
        """Return the term with the parameters of a configuration. Raises TermError."""
        where = Where(path=f"{self.kind}: {name}", error=TermError)
        for given in config.params:
            if given not in self.defaults:
                raise where.wrong(no_such("parameter", given, self.defaults))
        params = {
            key: convert(type(default), config.params[key], where.at(key)) if key in config.params else default
            for key, default in self.defaults.items()
        }
        return BoundTerm(name, self, params, config.weight)


def _or_none(params: Any) -> Any:
    return {} if params is None else params


Parameter = Annotated[Any, ReadBy(lambda value: tuple(value) if isinstance(value, list) else value)]


@dataclass(frozen=True)
class TermConfig:
    """What a configuration says of a term.

    Attributes:
        term: Which one; left out, the one that is called as its entry, so that one term can stand there twice.
        weight: Of a reward; others have none.
        params: Parameters that differ from the term's defaults.
    """

    term: Annotated[str, OPTIONAL] = ""
    weight: Annotated[float, OPTIONAL] = 1.0
    params: Annotated[Mapping[str, Parameter], ReadBy(_or_none), OPTIONAL] = field(default_factory=dict)

    def short(self) -> dict[str, Any]:
        """Return plain values without what is left at its default."""
        values = {"term": self.term, "weight": self.weight, "params": dict(self.params)}
        return {name: value for name, value in values.items() if value != getattr(TermConfig(), name)}


@dataclass(frozen=True)
class BoundTerm:
    """A term with its parameters.

    Attributes:
        name: Of its entry in the configuration.
        term: The function.
        params: All parameters.
        weight: See `TermConfig`.
    """

    name: str
    term: Term
    params: Mapping[str, Any]
    weight: float = 1.0

    def __call__(self, *given: Any) -> Any:
        """Return what the function makes of a context and, where the term has one, its memory.

        Raises:
            TermError: a term of one's own fails.
        """
        try:
            return self.term.function(*given, **self.params)
        except AssistMimicError:
            raise
        except Exception as error:
            if self.term.file is None:
                raise
            from .files import line_in  # which is about terms too

            file = self.term.file.name
            where = f"{self.term.kind}: {self.name}: {file}{line_in(file, error)}"
            raise TermError(f"{where}: {type(error).__name__}: {error}") from error

    def check(self, value: Any, shape: tuple[int, ...], *, ignore: np.ndarray | None = None) -> None:
        """Make sure that a term of one's own gave finite numbers of a shape, or what spreads to it.

        Args:
            value: What it gave.
            shape: Of what it should give.
            ignore: Worlds whose numbers do not count, shape (N,).

        Raises:
            TermError: it gave something else.
        """
        if self.term.file is None:
            return
        given, where = np.asarray(value), f"{self.term.kind}: {self.name}: {self.term.file.name}"
        try:
            fits = given.dtype.kind in "biuf" and np.broadcast_shapes(given.shape, shape) == shape
        except ValueError:
            fits = False
        if not fits:
            said = f"an array of shape {given.shape}" if given.dtype.kind in "biuf" else repr(value)
            raise TermError(f"{where}: returned {said}, expected numbers of shape {shape}")
        finite = np.isfinite(np.broadcast_to(given, shape))
        if not (finite if ignore is None else finite[~ignore]).all():
            raise TermError(f"{where}: returned numbers that are not finite; look for a division by zero")


def _by_name(given: Any) -> Any:
    """Return terms by name of a list of names. Raises TermError."""
    if not isinstance(given, Sequence) or isinstance(given, str):
        return given
    twice = {str(name) for name in given if list(given).count(name) > 1}
    if twice:
        raise TermError(f"{', '.join(sorted(twice))} stands there twice")
    return dict.fromkeys(map(str, given))


def _entry(value: Any) -> Any:
    """Return `{term, weight, params}` of nothing or of a weight alone."""
    if value is None:
        return {}
    return value if isinstance(value, (Mapping, TermConfig)) else {"weight": value}


Terms = Annotated[Mapping[str, Annotated[TermConfig, ReadBy(_entry)]], ReadBy(_by_name)]
"""Terms by name in their order: a list of names, or by name nothing, a weight, or `{term, weight, params}`."""


def expand_terms(given: Any, where: str) -> dict[str, TermConfig]:
    """Return terms by name in their order.

    Args:
        given: What `Terms` says.
        where: The entry, for errors.

    Raises:
        TermError: it is none of these.
    """
    return convert(Terms, given, Where(path=where, error=TermError))


def short_terms(terms: Mapping[str, TermConfig], *, weighed: bool = False) -> Any:
    """Return the shortest form that `expand_terms` reads: names alone, or weights alone, where that is all."""
    if not weighed and not any(config.short() for config in terms.values()):
        return list(terms)
    short: dict[str, Any] = {}
    for name, config in terms.items():
        values = config.short()
        short[name] = config.weight if weighed and set(values) <= {"weight"} else values
    return short


def parameters(function: Callable[..., Any]) -> dict[str, Any]:
    """Return a function's keyword parameters with their defaults. Raises TermError."""
    found: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            if parameter.default is not inspect.Parameter.empty:
                raise TermError(f"{function.__name__}: write `*,` before {name}, so that it is a parameter")
            continue
        kind = type(parameter.default)
        if kind not in _KINDS:
            known = ", ".join(each.__name__ for each in _KINDS)
            raise TermError(f"{function.__name__}: parameter {name} needs a default that is {known}")
        found[name] = parameter.default
    return found
