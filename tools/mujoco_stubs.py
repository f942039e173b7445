"""Write typings/mujoco: types of what this code base uses of MuJoCo, whose compiled modules ship none.

    python tools/mujoco_stubs.py

Signatures come from the docstrings that pybind11 puts on functions and properties of the installed package. Only names
that occur in the sources are written, so the stubs stay small; run it again after using something new of MuJoCo.
"""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar, cast

import mujoco

ROOT = Path(__file__).resolve().parent.parent
STUBS = ROOT / "typings" / "mujoco"
SOURCES = ("controller_server", "training", "tests", "tools", "examples")
MODULES = [importlib.import_module(f"mujoco{part}") for part in ("", "._structs", "._specs", "._enums")]
BATCH = ("Batch", "SimulationError")

HEADER = '''"""Types of MuJoCo {version}, those used here. Written by tools/mujoco_stubs.py; do not edit."""

from collections.abc import Iterator, Mapping
from typing import Any, Generic, SupportsFloat, SupportsIndex, SupportsInt, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Int = SupportsInt | SupportsIndex
_Float = SupportsFloat | SupportsIndex
_Read = TypeVar("_Read")
_Scalar = TypeVar("_Scalar", bound=np.generic)

class _Number(Generic[_Read]):
    def __get__(self, instance: object, owner: object = ...) -> _Read: ...
    def __set__(self, instance: object, value: _Int) -> None: ...

class _Array(Generic[_Scalar]):
    def __get__(self, instance: object, owner: object = ...) -> NDArray[_Scalar]: ...
    def __set__(self, instance: object, value: ArrayLike) -> None: ...

'''
BATCH_HEADER = '''"""Types of mujoco.batch in MuJoCo {version}. Written by tools/mujoco_stubs.py; do not edit."""

from collections.abc import Sequence
from typing import Any

import mujoco
from numpy.typing import ArrayLike, NDArray

'''
PARAMETER = re.compile(r"(\w+): (.+?)(?: = (.+))?$")


def used_names() -> set[str]:
    """Return every attribute and keyword in the sources that import MuJoCo."""
    names: set[str] = set()
    for folder in SOURCES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            if not re.search(r"^(import|from) mujoco\b", text, re.MULTILINE):
                continue
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Attribute):
                    names.add(node.attr)
                elif isinstance(node, ast.keyword) and node.arg:
                    names.add(node.arg)
    return names


def split_parameters(text: str) -> list[str]:
    """Split at the commas that stand outside brackets and quotes."""
    parts, depth, start, quoted = [], 0, 0, False
    for i, letter in enumerate(text):
        quoted ^= letter in "'\""
        depth += (letter in "[(") - (letter in "])")
        if letter == "," and depth == 0 and not quoted:
            parts.append(text[start:i].strip())
            start = i + 1
    return [part for part in [*parts, text[start:].strip()] if part]


class Stubs:
    """Collects the classes and functions that are needed, those that signatures name included.

    Args:
        used: Names that occur in the sources.
    """

    def __init__(self, used: set[str]) -> None:
        self.used = used
        self.classes: dict[str, type] = {}
        self._queue: list[str] = []

    def _class(self, name: str) -> str:
        """Return a class's name, and write it down as needed; Any for one that Python cannot see."""
        if name in self.classes:
            return name
        for module in MODULES:
            found = getattr(module, name, None) or getattr(module, f"_{name}", None)
            if isinstance(found, type):
                self.classes[found.__name__] = found
                if found.__name__ not in self._queue:
                    self._queue.append(found.__name__)
                return found.__name__
        return "Any"

    def type_of(self, text: str, *, read: bool = False) -> str:
        """Return a type of pybind11's as one of Python's; arrays that are only read may be anything array-like."""
        text = text.strip()
        if re.search(r"Wrapper|mujoco\.\w+\.\w+\.\w+", text):
            return "Any"
        found = re.search(r"numpy\.typing\.NDArray\[numpy\.(\w+)\]", text)
        if found:
            kind = {"bool": "bool_"}.get(found[1], found[1])
            writable = "flags.writeable" in text or not read
            rest = " | None" if text.endswith("| None") else ""
            return (f"NDArray[np.{kind}]" if writable else "ArrayLike") + rest
        text = text.replace("typing.SupportsInt | typing.SupportsIndex", "_Int")
        text = text.replace("typing.SupportsFloat | typing.SupportsIndex", "_Float")
        text = re.sub(r"collections\.abc\.Sequence\[_(?:Float|Int)\]", "ArrayLike", text)
        text = text.replace("collections.abc.", "").replace("typing.", "")
        text = re.sub(r"mujoco(?:::python::|\._\w+\.)(\w+)", lambda name: self._class(name[1]), text)
        text = re.sub(r"\bobject\b", "Any", text)
        return {"list": "list[Any]", "dict": "dict[str, Any]", "tuple": "tuple[Any, ...]"}.get(text, text)

    def parameters(self, text: str, *, method: bool) -> str:
        """Return a signature's parameters; of many optional ones only those in use."""
        written, positional = ["self"] if method else [], True
        for number, part in enumerate(split_parameters(text)):
            found = PARAMETER.match(part)
            if found is None:  # *args, **kwargs, or a bare marker
                written.append(part if part.startswith("*") else "*_: Any")
                continue
            name, kind, default = found.groups()
            if method and number == 0 and name in ("self", "arg0"):
                continue
            if default is None:
                written.append(f"{name}: {self.type_of(kind, read=True)}")
            elif name in self.used or not method:
                kind = self.type_of(kind, read=True)
                optional = "" if "None" in kind or kind == "Any" or default != "None" else " | None"
                if positional and method and number > 1:
                    written.append("*")
                positional = False if number > 1 else positional
                written.append(f"{name}: {kind}{optional} = ...")
        return ", ".join(written)

    def signatures(self, name: str, doc: str | None) -> list[tuple[str, str]]:
        """Return parameters and result of each overload in a docstring."""
        lines = re.findall(rf"^(?:\d+\. )?{re.escape(name)}\((.*)\) -> (.+)$", doc or "", re.MULTILINE)
        return [pair for pair in lines if not pair[0].startswith("*args")]

    def function(self, name: str, function: Any, indent: str = "") -> list[str]:
        """Return the lines of a function or method, one for each overload."""
        found = self.signatures(name, function.__doc__)
        method = bool(indent)
        static = method and all(not re.match(r"(?:self|arg0): mujoco", text) for text, _ in found)
        lines: list[str] = []
        for text, result in found:
            lines += [f"{indent}@overload"] if len(found) > 1 else []
            lines += [f"{indent}@staticmethod"] if static else []
            inside = self.parameters(text, method=method and not static)
            lines.append(f"{indent}def {name}({inside}) -> {self.type_of(result)}: ...")
        return lines or [f"{indent}{name}: Any"]

    def attribute(self, name: str, value: property) -> list[str]:
        """Return the line of a property; where it takes more than it gives, by a descriptor."""
        fget = getattr(value.fget, "__doc__", None) or ""
        kind = self.type_of(fget.rpartition("->")[2]) if "->" in fget else "Any"
        if value.fset is not None and kind.startswith("NDArray"):
            kind = kind.replace("NDArray", "_Array")
        elif value.fset is not None and (kind == "int" or kind.startswith("mjt")):
            kind = f"_Number[{kind}]"
        return [f"    {name}: {kind}"]

    def enum(self, name: str, kind: type) -> list[str]:
        """Return an enumeration with the members in use."""
        members = [member for member in kind.__members__ if member in self.used]  # type: ignore[attr-defined]
        lines = [f"class {name}:", "    value: int"]
        lines += ["    def __init__(self, value: int) -> None: ...", "    def __int__(self) -> int: ..."]
        lines += ["    def __index__(self) -> int: ..."]
        lines += [f"    def __{name}__(self, other: int) -> int: ..." for name in ("or", "ror", "and", "rand")]
        return lines + [f"    {member}: {name}" for member in members]

    def body(self, name: str, kind: type) -> list[str]:
        """Return the lines of a class."""
        if hasattr(kind, "__members__"):
            return self.enum(name, kind)
        lines = [f"class {name}:"]
        for member, value in sorted(vars(kind).items()):
            if member in ("__getitem__", "__len__", "__iter__") or (member == "__init__" and "::" not in name):
                lines += self.function(member, getattr(kind, member), "    ")
            elif member.startswith("_") or member not in self.used:
                continue
            elif isinstance(value, property):
                lines += self.attribute(member, value)
            elif callable(getattr(kind, member)):
                lines += self.function(member, getattr(kind, member), "    ")
        return lines if len(lines) > 1 else [f"class {name}: ..."]

    def write(self) -> str:
        """Return the text of the stub."""
        functions = ["__version__: str"]
        for name in sorted(vars(mujoco)):
            value = getattr(mujoco, name)
            if name not in self.used or name.startswith("_"):
                continue
            if isinstance(value, type):
                self._class(name)
            elif callable(value):
                functions += self.function(name, value)
            elif isinstance(value, (int, float, str)):
                functions.append(f"{name}: {type(value).__name__}")
        bodies: dict[str, list[str]] = {}
        while self._queue:
            name = self._queue.pop()
            bodies[name] = self.body(name, self.classes[name])
        classes = ["\n".join(bodies[name]) for name in sorted(bodies)]
        return "\n\n".join(classes) + "\n\n" + "\n".join(functions) + "\n"


class _Modern(ast.NodeTransformer):
    """Writes annotations of mujoco.batch in today's way, with public names alone."""

    NAMES: ClassVar = {"np.ndarray": "NDArray[Any]", "npt.ArrayLike": "ArrayLike", "Ids": "ArrayLike | None"}

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """Write Optional and Union with a bar."""
        node = cast(ast.Subscript, self.generic_visit(node))
        name = ast.unparse(node.value)
        if name not in ("Optional", "Union"):
            return node
        kinds = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice, ast.Constant(None)]
        return ast.parse(" | ".join(map(ast.unparse, kinds)), mode="eval").body

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Use the names that are imported."""
        return ast.parse(self.NAMES.get(ast.unparse(node), ast.unparse(node)), mode="eval").body

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """Spell aliases out."""
        return ast.parse(self.NAMES.get(node.id, node.id), mode="eval").body

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """Let private classes, named in quotes, be anything."""
        return ast.Name("Any") if isinstance(node.value, str) and node.value.startswith("_") else node


def _attributes(method: ast.FunctionDef, used: set[str]) -> list[str]:
    """Return the public attributes in use that a constructor sets; of any type."""
    targets = [node.targets[0] for node in ast.walk(method) if isinstance(node, ast.Assign)]
    names = [target.attr for target in targets if isinstance(target, ast.Attribute)]
    return [f"    {name}: Any" for name in names if name in used and not name.startswith("_")]


def batch(used: set[str]) -> str:
    """Return a stub of the Python module mujoco.batch: its classes without their bodies."""
    tree = ast.parse((Path(mujoco.__file__).parent / "batch.py").read_text(encoding="utf-8"))
    members = {"__init__", "__getattr__"} | {name for name in used if not name.startswith("_")}
    lines: list[str] = []
    for node in tree.body:
        if not isinstance(node, ast.ClassDef) or node.name not in BATCH:
            continue
        lines.append(f"class {node.name}({', '.join(map(ast.unparse, node.bases))}):")
        for method in node.body:
            if not isinstance(method, ast.FunctionDef) or method.name not in members:
                continue
            method.args.defaults = [ast.Constant(...) for _ in method.args.defaults]
            method.args = _Modern().visit(method.args)
            result = ast.unparse(_Modern().visit(method.returns)) if method.returns else "None"
            lines += _attributes(method, used) if method.name == "__init__" else []
            lines += [f"    @{ast.unparse(decorator)}" for decorator in method.decorator_list]
            lines.append(f"    def {method.name}({ast.unparse(method.args)}) -> {result}: ...")
    return "\n".join(lines).replace("():", ":") + "\n"


def main() -> int:
    """Write the stubs."""
    used, version = used_names(), mujoco.__version__.rpartition(".")[0]
    STUBS.mkdir(parents=True, exist_ok=True)
    (STUBS / "__init__.pyi").write_text(HEADER.format(version=version) + Stubs(used).write(), encoding="utf-8")
    (STUBS / "batch.pyi").write_text(BATCH_HEADER.format(version=version) + batch(used), encoding="utf-8")
    for command in ("format", "check --fix --unsafe-fixes", "format"):
        subprocess.run([sys.executable, "-m", "ruff", *command.split(), "--quiet", STUBS], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
