"""The port file: where a running server is, and what is needed to be let in, for whoever may read the file."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from controller_server.core.errors import ServiceError

NAME = "server.json"
"""In the state folder: where `connect()` looks."""


def state_folder() -> Path:
    """Return where this user's server keeps its jobs unless told otherwise."""
    named = os.environ.get("ASSISTMIMIC_STATE")
    if named:
        return Path(named)
    base: Any = os.environ.get("LOCALAPPDATA") if os.name == "nt" else os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "assistmimic"


@dataclass(frozen=True)
class PortFile:
    """The file that a server writes once it is ready.

    Attributes:
        endpoint: ZeroMQ endpoint for clients.
        pid: Of the server.
        session: Of this run of the server.
        server_key: Public key of the server, or "" without encryption.
        client_public: Public half of a key that is let in, where the file carries one.
        client_secret: Its secret half.
    """

    endpoint: str
    pid: int
    session: str
    server_key: str = ""
    client_public: str = ""
    client_secret: str = ""


def write_port_file(path: Path, content: PortFile) -> None:
    """Write it whole, readable by its owner alone. Raises AssistMimicError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made for the owner alone
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(asdict(content), file)
        os.replace(part, path)
    except OSError as error:
        raise ServiceError(f"{path}: the port file cannot be written ({error.strerror or error})") from None


def read_port_file(path: Path) -> PortFile:
    """Read it. Raises AssistMimicError when there is none, or it is damaged."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        known = PortFile.__dataclass_fields__
        return PortFile(**{name: value for name, value in values.items() if name in known})
    except FileNotFoundError:
        raise ServiceError(f"no server is running (no {path}); start one: assistmimic serve") from None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ServiceError(f"{path}: not a server's port file ({error})") from None
