"""Options of a command line made from a dataclass: names, types, defaults and help are those of its fields.

Every program of the project is parsed here, with the standard library alone: the server inside Blender has no other
packages. Values are checked as those of files are (`core.validation`), and whatever is wrong is one sentence.
"""

from __future__ import annotations

import argparse
import re
import shutil
import textwrap
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from enum import Enum
from functools import cached_property
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NoReturn, TypeVar, Union, get_args, get_origin

from .constraints import OneOf, near
from .docstrings import attribute_texts, description, summary
from .errors import AssistMimicError, SettingsError
from .validation import Where, convert, field_types

_T = TypeVar("_T")


@dataclass(frozen=True)
class Arg:
    """How a field looks on the command line; stands beside its type.

    Attributes:
        metavar: What stands for the value in help; by default its type or choices.
        name: Of the option, where it is not the field's.
        positional: Given by its place, without a name.
        tree: Returns another dataclass; whichever of its fields are given, as "--inner.field", end up in this field by
            their paths. It may return None where there is no such class.
        without: Fields of that dataclass, by path, that are no options.
    """

    metavar: str = ""
    name: str = ""
    positional: bool = False
    tree: Callable[[], Any] | None = None
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Option:
    """One option or positional argument.

    Attributes:
        path: Names of the fields that lead to it.
        flag: As it is typed; a positional's is its metavar.
        kind: Annotation of the field.
        arg: How it looks.
        default: As help tells it; MISSING where it has to be given.
        meaning: Of the field.
        group: Heading it stands under in help.
    """

    path: tuple[str, ...]
    flag: str
    kind: Any
    arg: Arg
    default: Any
    meaning: str
    group: str

    @cached_property
    def form(self) -> Any:
        """The type without constraints and None."""
        return _form(self.kind)

    @property
    def many(self) -> bool:
        """Whether it takes any number of values."""
        return get_origin(self.form) in (tuple, list)

    def typed(self, text: Any) -> Any:
        """Return the value of what was typed. Raises SettingsError that begins with the flag."""
        where = Where(path=self.path[-1] if self.arg.positional else self.flag)
        kind = _form(get_args(self.form)[0]) if self.many else self.form
        plain = [_plain(kind, each) for each in text] if self.many else _plain(kind, text)
        return convert(self.kind, plain, where)


def parse(kind: type[_T], argv: Sequence[str], prog: str, commands: Mapping[str, Any] | None = None) -> _T:
    """Return a dataclass made of command-line arguments.

    Args:
        kind: The dataclass. Fields that are dataclasses add theirs to the options, without a prefix.
        argv: The arguments.
        prog: What was typed before them.
        commands: Dataclasses of the program's commands by name, to say where a misplaced option belongs.

    Raises:
        SettingsError: an option is unknown, misplaced, missing or impossible; one sentence.
        SystemExit: with code 0 after help was printed.
    """
    options = list_options(kind)
    parser = _parser(kind, options, prog)
    argv = [_hyphenated(word) for word in argv]
    _refuse_unknown(argv, _flags(options), prog, commands or {})
    given, extra = parser.parse_known_intermixed_args(argv)
    if extra:
        raise SettingsError(f"unexpected argument {extra[0]!r}; see {prog} --help")
    values: dict[str, Any] = {}
    for number, option in enumerate(options):
        text = getattr(given, str(number), None)
        if option.arg.positional and text in (None, []) and option.default is not MISSING:
            continue
        if text is not None:
            _put(values, option, option.typed(text))
    try:
        return _made(kind, values, None)
    except AssistMimicError as error:
        raise _by_flag(error, options) from None


def list_options(kind: Any) -> list[Option]:
    """Return all options of a dataclass, in the order of its fields."""
    return list(_options(kind, (), None, "options"))


def print_commands(prog: str, commands: Mapping[str, Any]) -> None:
    """Print the help of a program with several commands."""
    column = max(map(len, commands)) + 4
    print(f"usage: {prog} COMMAND [OPTIONS]\n\ncommands:")
    for name, kind in commands.items():
        print(_wrapped(f"  {name}".ljust(column) + summary(kind), column))
    print(f"\n{prog} COMMAND --help explains the options of one.")


def _options(kind: Any, path: tuple[str, ...], defaults: Any, group: str, tree: Arg | None = None) -> Any:
    meanings = attribute_texts(kind)
    for one in fields(kind):
        hint = field_types(kind)[one.name]
        arg = next((extra for extra in getattr(hint, "__metadata__", ()) if isinstance(extra, Arg)), Arg())
        default = _default(one) if defaults is None else getattr(defaults, one.name)
        inner, there = _form(hint), (*path, one.name)
        if tree is not None and ".".join(there[1:]) in tree.without:
            continue
        if arg.tree is not None:
            root = arg.tree()
            if root is not None:
                yield from _options(root, there, None, meanings.get(one.name, "").rstrip("."), arg)
        elif is_dataclass(inner):
            heading = meanings.get(one.name, "").partition(". ")[0].rstrip(".")
            yield from _options(inner, there, default if is_dataclass(default) else None, heading, tree)
        elif not (isinstance(get_origin(inner), type) and issubclass(get_origin(inner), Mapping)):
            name = ".".join(there[1:]) if tree else arg.name or one.name
            flag = f"--{name.replace('_', '-')}"
            if arg.positional:
                flag = arg.metavar or (_metavar(inner) if get_origin(inner) is Literal else one.name.upper())
            default = None if tree else default
            yield Option(there, flag, hint, arg, default, meanings.get(one.name, ""), group)


def _default(one: Any) -> Any:
    return one.default if one.default_factory is MISSING else one.default_factory()


def _form(kind: Any) -> Any:
    """Return a type without constraints and None."""
    if get_origin(kind) is Annotated:
        return _form(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return _form(next(each for each in get_args(kind) if each is not NoneType))
    return kind


def _plain(kind: Any, text: Any) -> Any:
    """Return what a file would say in the place of what was typed."""
    if isinstance(text, str) and kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        message = message.replace("the following arguments are required: ", "missing: ").removeprefix("argument ")
        raise SettingsError(f"{message}; see {self.prog} --help")


def _parser(kind: Any, options: Sequence[Option], prog: str) -> _Parser:
    parser = _Parser(
        prog=prog,
        usage=" ".join([prog, "[OPTIONS]", *(_usage(option) for option in options if option.arg.positional)]),
        description="\n\n".join(map(_wrapped, description(kind).split("\n\n"))),
        allow_abbrev=False,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=28),
    )
    groups: dict[str, Any] = {"options": parser, "arguments": parser}
    for number, option in enumerate(options):
        heading = "arguments" if option.arg.positional else option.group
        if heading not in groups:
            groups[heading] = parser.add_argument_group(heading)
        _add(groups[heading], option, str(number))
    return parser


def _wrapped(text: str, indent: int = 0) -> str:
    width = min(shutil.get_terminal_size().columns, 120) - 2
    return textwrap.fill(text, width, subsequent_indent=" " * indent)


def _usage(option: Option) -> str:
    return option.flag if option.default is MISSING or option.flag.startswith("[") else f"[{option.flag}]"


def _add(group: Any, option: Option, dest: str) -> None:
    told = (option.meaning + _told(option.default)).replace("%", "%%")
    if option.arg.positional:
        nargs = {(True, True): "+", (True, False): "*", (False, True): None, (False, False): "?"}
        required = option.default is MISSING
        group.add_argument(dest, nargs=nargs[option.many, required], metavar=option.flag, help=told)
        return
    how: dict[str, Any] = {"action": argparse.BooleanOptionalAction, "default": None}
    if option.form is not bool:
        how = {"metavar": option.arg.metavar or _metavar(option.kind), "nargs": "*" if option.many else None}
    group.add_argument(option.flag, dest=dest, help=told, **how)


def _told(default: Any) -> str:
    if default is MISSING or default is None or default in ("", (), {}) or isinstance(default, Mapping):
        return ""
    value = default.value if isinstance(default, Enum) else default
    if isinstance(value, tuple):
        value = " ".join(map(str, value))
    return f" (default: {value})"


def _metavar(kind: Any) -> str:
    choices = next((extra.names for extra in getattr(kind, "__metadata__", ()) if isinstance(extra, OneOf)), None)
    if choices:
        return "{" + ",".join(choices) + "}"
    kind = _form(kind)
    if get_origin(kind) is Literal:
        return "{" + ",".join(map(str, get_args(kind))) + "}"
    if get_origin(kind) in (tuple, list):
        return _metavar(get_args(kind)[0])
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "{" + ",".join(str(member.value) for member in kind) + "}"
    return {int: "INT", float: "NUMBER", str: "TEXT", Path: "PATH"}[kind]


def _hyphenated(word: str) -> str:
    """Return an option's name with hyphens; underscores will do."""
    name, equals, value = word.partition("=")
    return name.replace("_", "-") + equals + value if name.startswith("--") else word


def _flags(options: Sequence[Option]) -> set[str]:
    named = [option for option in options if not option.arg.positional]
    return {*(option.flag for option in named), *(f"--no-{o.flag[2:]}" for o in named if o.form is bool), "--help"}


def _refuse_unknown(argv: Sequence[str], flags: set[str], prog: str, commands: Mapping[str, Any]) -> None:
    """Make sure that whatever looks like an option is one. Raises SettingsError with the one that was meant."""
    for word in argv[: argv.index("--") if "--" in argv else None]:
        name = word.partition("=")[0]
        if name in flags or name == "-h" or not re.match(r"--?[A-Za-z]", word):
            continue
        elsewhere = [command for command, kind in commands.items() if name in _flags(list_options(kind))]
        inner = sorted(flag for flag in flags if flag.endswith(f".{name.lstrip('-')}"))
        if likely := next(iter(inner), None) or near(name, flags, 0.8):
            meant = f"; did you mean {likely}?"
        elif elsewhere:
            meant = f" here, it is one of {', '.join(elsewhere[:3])}"
        else:
            likely = near(name.lstrip("-"), [flag.lstrip("-") for flag in flags])
            meant = f"; did you mean --{likely}?" if likely else ""
        raise SettingsError(f"no option {name}{meant}; see {prog} --help".replace("?; see", "? See"))


def _put(values: dict[str, Any], option: Option, value: Any) -> None:
    *parents, last = option.path
    for parent in parents:
        values = values.setdefault(parent, {})
    values[last] = value


def _made(kind: Any, values: Mapping[str, Any], base: Any) -> Any:
    """Return a dataclass with some values in the place of its defaults, or of those of `base`."""
    given = {}
    for one in fields(kind):
        if one.name not in values:
            continue
        hint = field_types(kind)[one.name]
        arg = next((extra for extra in getattr(hint, "__metadata__", ()) if isinstance(extra, Arg)), Arg())
        if arg.tree is not None:
            given[one.name] = _flat(values[one.name])
        elif is_dataclass(_form(hint)):
            default = _default(one) if base is None else getattr(base, one.name)
            given[one.name] = _made(_form(hint), values[one.name], default if is_dataclass(default) else None)
        else:
            given[one.name] = values[one.name]
    return kind(**given) if base is None else replace(base, **given)


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        inner = _flat(value) if isinstance(value, dict) else None
        found |= {name: value} if inner is None else {f"{name}.{path}": each for path, each in inner.items()}
    return found


def _by_flag(error: AssistMimicError, options: Sequence[Option]) -> AssistMimicError:
    """Return an error that begins with a field's name with the option's in its place."""
    name, colon, rest = str(error).partition(":")
    flag = next((option.flag for option in options if option.path[-1] == name), None)
    return SettingsError(f"{flag}{colon}{rest}") if flag else error
