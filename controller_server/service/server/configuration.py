"""Configuration of a server on the command line and in `server.yaml`, as options."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from controller_server.core.errors import AssistMimicError, SettingsError
from controller_server.core.options import parse
from controller_server.core.validation import build
from controller_server.core.yaml_file import read_yaml
from controller_server.physics.engines import check_engine

from .options import Limits, Retention, ServerOptions, Supervision, WorkerSpec


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


_SECTIONS = {"limits": Limits, "supervision": Supervision, "retention": Retention}
_PATHS = ("store", "auth", "port_file")


def read_config(path: Path) -> ServerOptions:
    """Options from `server.yaml`; paths in it are relative to the file.

    Raises:
        AssistMimicError: the file cannot be read, or says something that is not known or not possible.
    """
    values = read_yaml(path) or {}
    if not isinstance(values, dict):
        raise SettingsError(f"{path}: expected names and values")
    try:
        return ServerOptions(**{name: _option(name, value, path.parent) for name, value in values.items()})
    except AssistMimicError as error:
        raise SettingsError(f"{path}: {error}") from None


def _option(name: Any, value: Any, folder: Path) -> Any:
    if name in _SECTIONS:
        return build(_SECTIONS[name], value, name)
    if name == "workers":
        if not isinstance(value, list) or not value:
            raise SettingsError("workers: expected a list such as [{engine: mujoco, count: 2}]")
        return tuple(_worker(entry, number) for number, entry in enumerate(value, 1))
    if name in ("bundles", "terms"):
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise SettingsError(f"{name}: expected a list of {'folders' if name == 'bundles' else 'Python files'}")
        return tuple(folder / entry for entry in value)
    kinds = {"bind": str, "private": bool, "metrics_port": int} | dict.fromkeys(_PATHS, str)
    if name not in kinds:
        known = ", ".join([*kinds, *_SECTIONS, "workers", "bundles", "terms"])
        raise SettingsError(f"no option {name!r}; there are {known}")
    if type(value) is not kinds[name]:
        raise SettingsError(f"{name}: expected {kinds[name].__name__}, got {value!r}")
    return folder / value if name in _PATHS else value


def _worker(entry: Any, number: int) -> WorkerSpec:
    spec = build(WorkerSpec, entry, f"workers: entry {number}")
    if not 1 <= spec.count <= 256:
        raise SettingsError(f"workers: entry {number}: count {spec.count} is outside 1-256")
    if not re.fullmatch(r"[A-Za-z0-9_.]+", spec.module):
        raise SettingsError(f"workers: entry {number}: {spec.module!r} is not a module's name")
    if spec.module == WorkerSpec.module and not spec.python:  # another worker knows its engine by itself
        try:
            check_engine(spec.engine)
        except AssistMimicError as error:
            raise SettingsError(f"workers: entry {number}: {error}") from None
    return spec


def parse_serve(argv: Sequence[str]) -> ServeArguments:
    """Return the arguments of the server's own program; exits after `--help`. Raises SettingsError."""
    return parse(ServeArguments, argv, "python -m controller_server.service")
