"""Tyro's parser with its boxed complaints turned into one line."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Sequence
from typing import Any

import tyro

from ..errors import AssistMimicError

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_RULE = re.compile(r"^[─\-]+$")
_FRAME = "╭╮╰╯│"
_PYTHON_SPEAK = (
    (re.compile(r"invalid literal for int\(\) with base 10: (.*)"), r"expected a whole number, got \1"),
    (re.compile(r"could not convert string to float: (.*)"), r"expected a number, got \1"),
    (re.compile(r"Expected 1 values"), "Expected one value"),
)


def parse_arguments(kind: Any, argv: Sequence[str], *, prog: str) -> Any:
    """Parse arguments into one of a union of dataclasses.

    Raises:
        AssistMimicError: the arguments do not fit; one sentence.
        SystemExit: with code 0 after help was printed.
    """
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.cli(
                kind,
                prog=prog,
                args=list(argv),
                config=(tyro.conf.EnumChoicesFromValues, tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes),
            )
    except SystemExit as stop:
        if not stop.code:
            raise
    raise AssistMimicError(one_line(complaint.getvalue(), prog=prog, command=_command(argv)))


def _command(argv: Sequence[str]) -> str:
    return argv[0] if argv and re.fullmatch(r"[a-z][a-z-]*", argv[0]) else ""


def one_line(boxed: str, *, prog: str, command: str) -> str:
    """The message of a box drawn by tyro, without its frame, title and footer."""
    sentences = []
    for line in _ANSI.sub("", boxed).splitlines():
        text = line.strip().strip(_FRAME).strip()
        if line.startswith(("╭", "╰")) or not text or _RULE.match(text):
            continue
        if text.startswith(("Argument helptext", "For full helptext")):
            break
        sentences.append(text)
    message = " ".join(sentences).rstrip(".")
    for pattern, plain in _PYTHON_SPEAK:
        message = pattern.sub(plain, message)
    return f"{message}; see {prog} {command + ' ' if command else ''}--help"
