"""The table of commands, and dispatch of the one a person typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from typing import Any, NoReturn

from controller_server.core.constraints import no_such
from controller_server.core.errors import SettingsError
from controller_server.core.options import parse, print_commands
from controller_server.core.version import __version__
from controller_server.terms import use_terms

from . import bench_arguments as bench
from . import convert_arguments as clips
from . import server_arguments as server
from . import view_arguments as view
from .batch_arguments import Batch
from .command import Command
from .evaluate_arguments import Evaluate

PROG = "assistmimic"
ENTRY_POINTS = "assistmimic.commands"
"""Group of entry points that name a tuple of further commands; the package `training` has one."""


class Bench:
    """Measure conversion, policies, people, pushes, batches, the server or training."""


GROUPS = {"bench": Bench}
"""First words of commands of two; help says of each what the docstring does."""
_HELP = ("-h", "--help")
_HERE = "controller_server.cli"
COMMANDS = (
    Command("convert", clips.Convert, f"{_HERE}.convert_command:run_convert"),
    Command("demo", view.Demo, f"{_HERE}.view_commands:run_demo"),
    Command("batch", Batch, f"{_HERE}.batch_command:run_batch_command"),
    Command("info", clips.Info, f"{_HERE}.info_command:run_info"),
    Command("view", view.View, f"{_HERE}.view_commands:run_view"),
    Command("strip", clips.Strip, f"{_HERE}.picture_commands:run_strip"),
    Command("video", clips.Video, f"{_HERE}.picture_commands:run_video"),
    Command("formats", clips.Formats, f"{_HERE}.info_command:run_formats"),
    Command("author", clips.Author, f"{_HERE}.author_command:run_author"),
    Command("doctor", view.Doctor, f"{_HERE}.view_commands:run_doctor"),
    Command("serve", server.Serve, f"{_HERE}.server_commands:run_serve"),
    Command("submit", server.Submit, f"{_HERE}.server_commands:run_submit"),
    Command("jobs", server.Jobs, f"{_HERE}.server_commands:run_jobs"),
    Command("status", server.Status, f"{_HERE}.server_commands:run_status"),
    Command("cancel", server.Cancel, f"{_HERE}.server_commands:run_cancel"),
    Command("fetch", server.Fetch, f"{_HERE}.server_commands:run_fetch"),
    Command("keys", server.Keys, f"{_HERE}.server_commands:run_keys"),
    Command("evaluate", Evaluate, f"{_HERE}.evaluate_command:run_evaluate"),
    Command("bench convert", bench.BenchConvert, f"{_HERE}.bench_convert_command:run_bench_convert"),
    Command("bench dirty", bench.BenchDirty, f"{_HERE}.bench_dirty_command:run_bench_dirty"),
    Command("bench push", bench.BenchPush, f"{_HERE}.bench_push_command:run_bench_push"),
    Command("bench people", bench.BenchPeople, f"{_HERE}.bench_people_command:run_bench_people"),
    Command("bench policies", bench.BenchPolicies, f"{_HERE}.bench_policies_command:run_bench_policies"),
    Command("bench batch", bench.BenchBatch, f"{_HERE}.bench_batch_command:run_bench_batch"),
    Command("bench serve", bench.BenchServe, f"{_HERE}.bench_serve_command:run_bench_serve"),
)


def all_commands() -> tuple[Command, ...]:
    """Return the commands of this package and those that installed packages add."""
    added = [command for entry in entry_points(group=ENTRY_POINTS) for command in entry.load()]
    return (*COMMANDS, *added)


def run(argv: Sequence[str]) -> int:
    """Carry out the command a person typed.

    Args:
        argv: Arguments without the program's name.

    Returns:
        The exit code.

    Raises:
        AssistMimicError: the arguments do not fit, or the command refuses its input.
        SystemExit: with code 0 after help was printed.
    """
    if "--version" in argv:
        print(f"{PROG} {__version__}")
        return 0
    if not argv:
        raise SettingsError(f"no command; try {PROG} convert IN OUT, or {PROG} --help for all of them")
    commands = {command.name: command for command in all_commands()}
    command, rest = _chosen(commands, argv)
    kinds = {name: command.arguments for name, command in commands.items()}
    arguments = parse(command.arguments, rest, f"{PROG} {command.name}", kinds)
    use_terms(getattr(arguments, "imports", ()))
    return command.load()(arguments)


def _chosen(commands: Mapping[str, Command], argv: Sequence[str]) -> tuple[Command, Sequence[str]]:
    """Return the command that is typed and its own arguments. Raises SettingsError; SystemExit after help."""
    name, *rest = argv
    if name in _HELP:
        _help(PROG, {**{word: c.arguments for word, c in commands.items() if " " not in word}, **GROUPS})
    if name in GROUPS:
        own = {word.removeprefix(f"{name} "): c for word, c in commands.items() if word.startswith(f"{name} ")}
        if not rest:
            raise SettingsError(f"{name} what? There are {', '.join(own)}; see {PROG} {name} --help")
        if rest[0] in _HELP:
            _help(f"{PROG} {name}", {word: command.arguments for word, command in own.items()})
        if rest[0] not in own:
            raise SettingsError(no_such(f"command {name}", rest[0], own))
        return own[rest[0]], rest[1:]
    if name not in commands:
        raise SettingsError(no_such("command", name, [*(word for word in commands if " " not in word), *GROUPS]))
    return commands[name], rest


def _help(prog: str, kinds: Mapping[str, Any]) -> NoReturn:
    print_commands(prog, kinds)
    raise SystemExit(0)
