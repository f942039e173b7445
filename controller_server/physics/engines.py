"""Engines by name. An engine is loaded only when somebody asks for worlds in it.

An installed package adds one by an entry point in the group `assistmimic.engines`, a program by `register_engine`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from controller_server.body.pair import PairBody
from controller_server.body.shape import Hands
from controller_server.core.errors import EngineError

from .backend import Backend, EngineOptions

BUILT_IN = "mujoco"
"""The engine that is used unless another is named."""
GROUP = "assistmimic.engines"
"""Group of the entry points that name engines of other packages, as MODULE:FUNCTION."""

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

MakeEngine = Callable[[PairBody, int, EngineOptions], Backend]
"""Builds worlds: the bodies, how many, and how."""


@dataclass(frozen=True)
class _Entry:
    """An engine that is known by name.

    Attributes:
        make: Builds it, or where that is: MODULE:FUNCTION.
        extra: The extra of this package that installs what it needs; empty if none does.
    """

    make: MakeEngine | str
    extra: str = ""

    def load(self, name: str) -> MakeEngine:
        """Return the function that builds worlds. Raises AssistMimicError: a package is missing, or it is not there."""
        if not isinstance(self.make, str):
            return self.make
        module, _, function = self.make.partition(":")
        try:
            return getattr(import_module(module), function)
        except ImportError as error:
            package = f"assistmimic[{self.extra}]" if self.extra else (error.name or module).partition(".")[0]
            raise EngineError(
                f"engine {name}: needs {error.name or module}, which is not installed; pip install '{package}'"
            ) from None
        except Exception as error:  # whatever a foreign module does while it is imported
            raise EngineError(
                f"engine {name}: {self.make!r} cannot be loaded ({type(error).__name__}: {error}); "
                "write it as MODULE:FUNCTION, a function that builds worlds"
            ) from error


_ENGINES: dict[str, _Entry] = {BUILT_IN: _Entry("controller_server.physics.mujoco_backend:make")}


def register_engine(name: str, make: MakeEngine | str, *, extra: str = "") -> None:
    """Make an engine known in this process alone, in the place of one of the same name.

    Workers of `batch`, of a server, and those that judge the trials of `evaluate` are processes of their own and do not
    know it: give them an entry point in the group `GROUP`.

    Args:
        name: As settings call it.
        make: Builds worlds, or MODULE:FUNCTION, which is imported when the first are asked for.
        extra: The extra of this package that installs what it needs.
    """
    _ENGINES[name] = _Entry(make, extra)


def engine_names() -> list[str]:
    """Return the names of all engines there are."""
    return list(dict.fromkeys([*_ENGINES, *(point.name for point in _entry_points())]))


def _entry_points() -> list[EntryPoint]:
    """Return what installed packages say of engines."""
    from importlib.metadata import entry_points  # takes a while, and few need it

    return list(entry_points(group=GROUP))


def check_engine(name: str) -> None:
    """Make sure that there is an engine of this name. Raises AssistMimicError, which lists those there are."""
    _entry(name)


def _entry(name: str) -> _Entry:
    if name in _ENGINES:
        return _ENGINES[name]
    for point in _entry_points():
        if point.name == name:
            return _Entry(point.value)
    raise EngineError(
        f"engine {name!r}: there is no such engine; there are {', '.join(engine_names())} "
        "(what a program registers is known in its own process alone; workers need an entry point)"
    )


def load_engine(name: str) -> MakeEngine:
    """Load an engine. Raises AssistMimicError: there is none of this name, or a package is missing."""
    return _entry(name).load(name)


def make_backend(
    engine: str, pair: PairBody, n_worlds: int, options: EngineOptions | None = None, *, needs: Sequence[str] = ()
) -> Backend:
    """Build worlds in an engine.

    Args:
        engine: Its name.
        pair: Body description, shared by all worlds.
        n_worlds: Number of worlds.
        options: How they are built.
        needs: `Capabilities` without which they are of no use.

    Raises:
        AssistMimicError: there is no such engine, a package is missing, or it lacks a capability.
    """
    options = options or EngineOptions()
    backend = load_engine(engine)(pair, n_worlds, options)
    hands = ["full_hands"] if pair.supporter.hands is Hands.FULL else []
    missing = [need for need in (*hands, *needs) if not getattr(backend.capabilities, need)]
    if missing:
        raise EngineError(f"engine {engine}: lacks {', '.join(missing)}, which is needed here; use another")
    return backend
