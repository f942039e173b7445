"""Tyro's parser with its boxed complaints turned into one line."""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Callable, Sequence
from typing import Any

import tyro

from ..errors import AssistMimicError

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_RULE = re.compile(r"^[─\-]+$")
_FRAME = "╭╮╰╯│"
_PYTHON_SPEAK: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"^Error parsing __tyro-dummy-inner__\.\w+: "), ""),
    (re.compile(r"^Error parsing "), ""),
    (re.compile(r"invalid literal for int\(\) with base 10: (.*)"), r"expected a whole number, got \1"),
    (re.compile(r"could not convert string to float: (.*)"), r"expected a number, got \1"),
    (re.compile(r"Expected 1 values"), "Expected one value"),
    (re.compile(r"^(Missing from .*?):\s+(\S+).*"), r"\1: \2"),
    (re.compile(r"^[A-Z](?=[a-z])"), lambda match: match.group().lower()),
)


def parse_arguments(kind: Any, argv: Sequence[str], *, prog: str) -> Any:
    """Parse arguments into one of a union of dataclasses.

    Raises:
        AssistMimicError: the arguments do not fit; one sentence.
        SystemExit: with code 0 after help was printed.
    """
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            return _parse(kind, argv, prog)
    except SystemExit as stop:
        if not stop.code:
            raise
    # Once more on a wide page, so that no word of the complaint is broken in two.
    complaint, columns = io.StringIO(), os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "4000"
    try:
        with contextlib.redirect_stderr(complaint), contextlib.suppress(SystemExit):
            _parse(kind, argv, prog)
    finally:
        os.environ.pop("COLUMNS")
        if columns is not None:
            os.environ["COLUMNS"] = columns
    raise AssistMimicError(one_line(complaint.getvalue(), prog=prog, command=_command(argv)))


def _parse(kind: Any, argv: Sequence[str], prog: str) -> Any:
    markers = (tyro.conf.EnumChoicesFromValues, tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes)
    return tyro.cli(kind, prog=prog, args=list(argv), config=markers)


def _command(argv: Sequence[str]) -> str:
    return argv[0] if argv and re.fullmatch(r"[a-z][a-z-]*", argv[0]) else ""


def one_line(boxed: str, *, prog: str, command: str) -> str:
    """The message of a box drawn by tyro, without its frame, its title, quoted help and footer."""
    sections: list[list[str]] = [[]]
    for line in _ANSI.sub("", boxed).splitlines():
        text = line.strip().strip(_FRAME).strip()
        if line.startswith(("╭", "╰")) or not text:
            continue
        if _RULE.match(text):
            sections.append([])
        else:
            sections[-1].append(text)
    message = " ".join(sections[0]).rstrip(".")
    for pattern, plain in _PYTHON_SPEAK:
        message = pattern.sub(plain, message)
    for section in sections[1:]:
        if section and section[0].startswith("Perhaps you meant"):
            options = [text.split()[0].rstrip(",") for text in section if text.startswith("--")]
            message += f"; perhaps you meant {' or '.join(options[:3])}"
        elif section and section[0].startswith("Available subcommands"):
            message, command = f"{message}; {section[0][0].lower()}{section[0][1:]}", ""
    message = message or "these arguments cannot be understood"
    return f"{message}; see {prog} {command + ' ' if command else ''}--help"
