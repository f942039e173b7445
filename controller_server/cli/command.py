"""A command of the command line: its name, its arguments, and the function that carries it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        name: As it is typed: a word, or two for a command of a group, such as "bench convert".
        arguments: Data class whose fields are the options (`core.options`); its docstring is the help text.
        run: "module:function"; it is given the arguments and returns the exit code. Imported when the command runs, so
            that a mistyped option does not wait for a physics engine.
    """

    name: str
    arguments: type
    run: str

    def load(self) -> Callable[[Any], int]:
        """Return the function that carries it out."""
        module, _, function = self.run.partition(":")
        return getattr(import_module(module), function)
