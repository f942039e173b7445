"""Configuration of a server on the command line and in `server.yaml`, as options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from controller_server.core.errors import AssistMimicError, SettingsError
from controller_server.core.options import parse
from controller_server.core.validation import build
from controller_server.core.yaml_file import read_yaml
from controller_server.physics.engines import check_engine

from .options import ServerOptions, WorkerSpec


@dataclass(frozen=True)
class ServeArguments:
    """Run the controller server until it is stopped.

    Attributes:
        bind: Where to listen; port 0 takes a free one. Beyond this machine only with --auth.
        store: Folder of jobs, results and logs; one server at a time uses it.
        config: YAML file with workers, limits, supervision, retention, bundles, terms (docs/server.md).
        auth: Folder of keys; only their holders may connect.
        private: Only who can read the port file may connect.
        port_file: File to write the address into once the server is ready; STORE/server.json by default.
        parent_pid: Stop when this process is gone.
        workers: Worker processes; one for four cores by default.
        bundles: Folder of policy bundles, beside those that are always found.
        terms: File with terms that policies see (docs/terms.md); workers run it.
        metrics_port: Port on loopback where Prometheus can read.
    """

    bind: str | None = None
    store: Path | None = None
    config: Path | None = None
    auth: Path | None = None
    private: bool = False
    port_file: Path | None = None
    parent_pid: int = 0
    workers: int | None = None
    bundles: Path | None = None
    terms: Path | None = None
    metrics_port: int | None = None

    def options(self) -> ServerOptions:
        """Return as a server takes them: the file's, with the command line's above them. Raises AssistMimicError."""
        options = read_config(self.config) if self.config is not None else ServerOptions()
        said = {name: getattr(self, name) for name in ("bind", "store", "auth", "port_file", "metrics_port")}
        options = replace(
            options,
            **{name: value for name, value in said.items() if value is not None},
            private=self.private or options.private,
            parent_pid=self.parent_pid,
            bundles=options.bundles + (() if self.bundles is None else (self.bundles,)),
            terms=options.terms + (() if self.terms is None else (self.terms,)),
        )
        for file in options.terms:
            if not file.is_file():
                raise SettingsError(f"terms: {file}: no such file")
        if self.workers is not None:
            if not 1 <= self.workers <= 256:
                raise SettingsError(f"workers: {self.workers} is outside 1-256")
            own = [replace(spec, count=self.workers) if not spec.python else spec for spec in options.workers]
            options = replace(options, workers=tuple(own))
        return options


def read_config(path: Path) -> ServerOptions:
    """Return options from `server.yaml`; paths in it are relative to the file.

    Raises:
        SettingsError: the file cannot be read, or says something that is not known or not possible.
    """
    values = read_yaml(path) or {}
    if isinstance(values, dict) and "parent_pid" in values:
        raise SettingsError(f"{path}: parent_pid: belongs to one start of the server, give it as --parent-pid")
    options = build(ServerOptions, values, str(path))
    for number, spec in enumerate(options.workers, 1):
        if spec.module == WorkerSpec.module and not spec.python:  # another worker knows its engine by itself
            try:
                check_engine(spec.engine)
            except AssistMimicError as error:
                raise SettingsError(f"{path}: workers: entry {number}: {error}") from None
    given = {name: getattr(options, name) for name in ("store", "auth", "port_file") if name in values}
    single = {name: path.parent / one for name, one in given.items() if one is not None}
    many = {name: tuple(path.parent / one for one in getattr(options, name)) for name in ("bundles", "terms")}
    return replace(options, **single, **many)


def parse_serve(argv: Sequence[str]) -> ServeArguments:
    """Return the arguments of the server's own program; exits after `--help`. Raises SettingsError."""
    return parse(ServeArguments, argv, "python -m controller_server.service")
