"""Dependencies between packages point one way, and no two modules need each other, lazily or not."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest
from helpers.paths import ROOT

FLOORS = (
    ("core",),
    ("clip",),
    ("body",),
    ("physics", "terms"),
    ("physics.conformance", "clip.fit", "clip.checks", "figure"),
    ("clip.io",),
    ("prepare",),
    ("metrics",),
    ("control.reference",),
    ("control",),
    ("control.policy", "control.search"),
    ("control.fallback",),
    ("report", "picture"),
    ("pipeline",),
    ("service.protocol",),
    ("service.client", "service.server"),
    ("batch", "evaluation", "authoring"),
    ("benchmarks",),
    ("service", "controller_server"),
    ("cli",),
    ("training.settings", "training.env.events"),
    ("training.env",),
    ("training.env.rewards", "training.env.terminations"),
    ("training.learning",),
    ("training",),
    ("training.benchmarks",),
    ("training.cli",),
)
"""Packages from the ground up: each may import from those below it, and a module from others of its own package."""
HEIGHT = {package: height for height, packages in enumerate(FLOORS) for package in packages}


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(source: str, module: str, is_package: bool, known: set[str]) -> set[str]:
    """Return the modules among `known` that a module's source imports, anywhere in it."""
    package = module if is_package else module.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            above = parts[: len(parts) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names = {f"{base}.{alias.name}" for alias in node.names}
            found |= {name if name in known else base for name in names}
    return (found & known) - {module}


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    """What each module of the project imports."""
    files = {_module(p): p for top in ("controller_server", "training") for p in (ROOT / top).rglob("*.py")}
    known = set(files)
    return {m: imports(p.read_text(encoding="utf-8"), m, p.name == "__init__.py", known) for m, p in files.items()}


def _package(module: str) -> str:
    """Return the package a module lies in, named as in FLOORS."""
    path = ROOT / module.replace(".", "/")
    package = module if path.is_dir() else module.rpartition(".")[0]
    return package.removeprefix("controller_server.")


def test_packages_point_downwards(graph):
    """No module imports from a package above its own."""
    wrong = [
        f"{module} imports {other}"
        for module, others in sorted(graph.items())
        for other in sorted(others)
        if HEIGHT[_package(other)] > HEIGHT[_package(module)]
    ]
    assert not wrong, "\n".join(wrong)


def test_no_modules_need_each_other(graph):
    """Nobody reaches itself by following imports."""
    reached: dict[str, set[str]] = defaultdict(set)
    for module in graph:
        waiting = list(graph[module])
        while waiting:
            other = waiting.pop()
            if other not in reached[module]:
                reached[module].add(other)
                waiting += graph[other]
    assert not sorted(module for module in graph if module in reached[module])


def test_every_form_of_import_is_seen():
    """Lazy and relative imports count, those of others do not."""
    known = {"a", "a.b", "a.b.c", "a.d"}
    source = "import os\ndef f():\n    from .c import x\n    from ..d import y\n    from a import b"
    assert imports(source, "a.b.e", False, known) == {"a.b.c", "a.d", "a.b"}
