"""Terms by name, one registry a kind; each is the decorator that adds to it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar

from controller_server.core.constraints import no_such
from controller_server.core.errors import TermError

from . import files
from .term import GROUPS, NEEDS, BoundTerm, Term, TermConfig, parameters

Function = TypeVar("Function", bound=Callable[..., Any])


class Registry:
    """All terms of one kind.

    Args:
        kind: Of the terms, as complaints call it.
        modules: Those with the terms that come with this project; imported when one is first asked for.
        moments: What a term's `when` may be.
    """

    def __init__(self, kind: str, *modules: str, moments: tuple[str, ...] = ("",)) -> None:
        self.kind, self._modules, self._moments = kind, modules, moments
        self._terms: dict[str, Term] = {}

    def __call__(
        self,
        *bare: object,
        group: str = "prior",
        needs: tuple[str, ...] = (),
        memory: Mapping[str, tuple[int, ...]] | None = None,
        when: str = "",
    ) -> Callable[[Function], Function]:
        """Return a decorator that adds a function under its name.

        Args:
            bare: Nothing; what stands here is a decorator without brackets.
            group: "prior" for what has sense for one person alone, "assist" for what is about both.
            needs: "forces" for who reads contact forces, "retargeting" for who reads moved hand goals.
            memory: Arrays that the term keeps from step to step, by name the shape for each world.
            when: Of events: "setup" before anything, "start" of every episode, or "step".

        Raises:
            TermError: there is no such group or need, the name is taken, or a parameter has no default.
        """
        if bare:
            raise TermError(f"{self.kind}: write the decorator with brackets, @{self.kind}()")
        if isinstance(needs, str):
            raise TermError(f"{self.kind}: needs={needs!r} is text; write needs=({needs!r},)")

        def add(function: Function) -> Function:
            name, file = function.__name__, files.being_imported()
            where = f"{self.kind} {name}"
            if group not in GROUPS:
                raise TermError(f"{where}: group {group!r} is none of {', '.join(GROUPS)}")
            if when not in self._moments:
                raise TermError(f"{where}: when {when!r} is none of {', '.join(self._moments)}")
            for need in needs:
                if need not in NEEDS:
                    raise TermError(f"{where}: needs {need!r}, which is none of {', '.join(NEEDS)}")
            if file is not None:
                self._load()
            if name in self._terms:
                raise TermError(f"{where}: there is a term of that name already")
            first = (inspect.getdoc(function) or "").split("\n", maxsplit=1)[0]
            meaning = first.removeprefix("Return ").rstrip(".")
            shapes = {} if memory is None else dict(memory)
            self._terms[name] = Term(
                self.kind, name, function, group, frozenset(needs), shapes, meaning, parameters(function), file, when
            )
            files.undo_if_it_fails(lambda: self._terms.pop(name))
            return function

        return add

    def __contains__(self, name: str) -> bool:
        """Whether there is a term of that name."""
        self._load()
        if name not in self._terms:
            files.import_configured()
        return name in self._terms

    def __getitem__(self, name: str) -> Term:
        """Return a term. Raises TermError."""
        if name not in self:
            raise TermError(
                f"{self.kind}: {no_such('term', name, self._terms)}; "
                f"one of your own: name its file with --import or in {files.TERMS_VARIABLE}"
            )
        return self._terms[name]

    def all(self) -> dict[str, Term]:
        """Return every term that is known, by name."""
        self._load()
        files.import_configured()
        return dict(self._terms)

    def bind(self, configs: Mapping[str, TermConfig]) -> list[BoundTerm]:
        """Return terms with their parameters, in the configuration's order. Raises TermError."""
        return [self[config.term or name].bind(config, name) for name, config in configs.items()]

    def _load(self) -> None:
        # Before they are imported: they add to this registry, and may ask it for others.
        modules, self._modules = self._modules, ()
        for module in modules:
            if find_spec(module.split(".", maxsplit=1)[0]) is not None:  # a server may be without `training`
                import_module(module)


observation = Registry("observation", "controller_server.control.policy.observation_terms")
"""What a policy sees; see `control.policy.observation`."""
reward = Registry("reward", "training.env.rewards")
"""What a person is rewarded for."""
termination = Registry("termination", "training.env.terminations")
"""What ends an episode as a failure."""
event = Registry("event", "training.env.events", moments=("setup", "start", "step"))
"""What happens to worlds: noise, friction, other muscles, pushes."""
strength = Registry("strength", "training.env.events")
"""What a factor can change about a person's muscles and mass."""
