"""The client's identity: the same name for one user on one machine, so that a server can be fair between users."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import re
import secrets
import socket
import tempfile
from pathlib import Path

from controller_server.service.protocol.port_file import state_folder

FOLDER = "clients"
"""In the state folder: the client's name on each machine that shares the folder."""


def client_name() -> str:
    """Return this user's name on this machine, as `anna@desk-3f9a1c`; made at first use and then kept.

    A folder that cannot be written to gives a name without the last part, which is the same every time too.
    """
    machine = _plain(socket.gethostname()) or "machine"
    path = state_folder() / FOLDER / f"{machine}.json"
    if (kept := _read(path)) is not None:
        return kept
    plain = f"{_user()}@{machine}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_once(path, f"{plain}-{secrets.token_hex(3)}")
    except OSError:
        return plain
    return _read(path) or plain


def _user() -> str:
    try:
        return _plain(getpass.getuser()) or "user"
    except (KeyError, OSError, ImportError):  # a container's user without a name
        return "user"


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "", text)[:48].strip(".")


def _read(path: Path) -> str | None:
    try:
        name = json.loads(path.read_text(encoding="utf-8"))["name"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return name if isinstance(name, str) and 0 < len(name) <= 128 and name.isprintable() else None


def _write_once(path: Path, name: str) -> None:
    """Write the name unless somebody else just did: of many that begin together all have the name of one."""
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"name": name}, file)
        with contextlib.suppress(FileExistsError):
            os.link(part, path)
    finally:
        Path(part).unlink(missing_ok=True)
