"""Keys: made, kept, handed out. CURVE needs no certificates; who is let in is a folder of public keys.

keys/server.json            the server's key pair, for its owner alone
keys/clients/NAME.json      the public key of each client that is let in
NAME.key                    what a client needs: its own pair and the server's public key; moved to the client
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path

import zmq
from zmq.utils import z85

from controller_server.core.errors import ServiceError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
SERVER, CLIENTS = "server.json", "clients"


@dataclass(frozen=True)
class KeyPair:
    """A CURVE key pair in Z85, 40 characters each."""

    public: str
    secret: str = field(repr=False)

    @staticmethod
    def new() -> KeyPair:
        """Return a pair nobody else has."""
        public, secret = zmq.curve_keypair()
        return KeyPair(public.decode(), secret.decode())


@dataclass(frozen=True)
class ClientKey:
    """The keys that a client needs to be let in.

    Attributes:
        name: What the server calls it.
        pair: Its own.
        server: Public key of the server.
    """

    name: str
    pair: KeyPair
    server: str


def make_server_keys(folder: Path) -> str:
    """Make a folder of keys. Returns the server's public key.

    Raises:
        AssistMimicError: there are keys already, or the folder cannot be written to.
    """
    if (folder / SERVER).exists():
        raise ServiceError(f"{folder}: has keys already; remove the folder to lock everybody out and start anew")
    pair = KeyPair.new()
    _make_folder(folder / CLIENTS)
    _write(folder / SERVER, asdict(pair), secret=True)
    return pair.public


def add_client(folder: Path, name: str, out: Path) -> ClientKey:
    """Let a client in, and write the file it needs.

    Raises:
        AssistMimicError: the name is taken or not one, there are no server keys, or a file cannot be written.
    """
    if not NAME.fullmatch(name):
        raise ServiceError(f"{name!r}: a name is 1-64 letters, digits, dots, dashes and underscores")
    server, known = read_server_keys(folder), folder / CLIENTS / f"{name}.json"
    if known.exists():
        raise ServiceError(f"{name}: is let in already; assistmimic keys remove {folder} {name} locks it out")
    if out.exists():
        raise ServiceError(f"{out}: exists and may be the key of somebody; remove it or name another file")
    key = ClientKey(name, KeyPair.new(), server.public)
    _write(out, {"name": name, **asdict(key.pair), "server": key.server}, secret=True)
    _write(known, {"name": name, "public": key.pair.public}, secret=False)
    return key


def remove_client(folder: Path, name: str) -> None:
    """Lock a client out; a running server notices within a second, connections that stand are kept.

    Raises:
        AssistMimicError: nobody of that name is let in.
    """
    known = folder / CLIENTS / f"{name}.json"
    if not NAME.fullmatch(name) or not known.is_file():
        there = ", ".join(sorted(read_clients(folder).values())) or "nobody"
        raise ServiceError(f"{name}: is not let in; {there} is")
    known.unlink()


def read_server_keys(folder: Path) -> KeyPair:
    """Return the server's own pair. Raises AssistMimicError."""
    path = folder / SERVER
    if not path.is_file():
        raise ServiceError(f"{folder}: no server keys; make them: assistmimic keys init {folder}")
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise ServiceError(f"{path}: others can read the server's secret key; chmod 600 {path}")
    values = _read(path)
    return KeyPair(_key(path, values, "public"), _key(path, values, "secret"))


def read_clients(folder: Path) -> dict[str, str]:
    """Name of each client that is let in, by its public key. Raises AssistMimicError."""
    found = {}
    for path in sorted((folder / CLIENTS).glob("*.json")):
        if NAME.fullmatch(path.stem):
            found[_key(path, _read(path), "public")] = path.stem
    return found


def read_client_key(path: Path) -> ClientKey:
    """Return a client's file. Raises AssistMimicError."""
    if not path.is_file():
        raise ServiceError(f"{path}: no such key; the server's owner makes one: assistmimic keys add KEYS NAME")
    values = _read(path)
    pair = KeyPair(_key(path, values, "public"), _key(path, values, "secret"))
    return ClientKey(str(values.get("name", "")), pair, _key(path, values, "server"))


def _key(path: Path, values: dict[str, object], name: str) -> str:
    key = values.get(name)
    try:
        if isinstance(key, str) and len(key) == 40 and len(z85.decode(key)) == 32:
            return key
    except (KeyError, ValueError):
        pass
    raise ServiceError(f"{path}: {name!r} is not a key")


def _read(path: Path) -> dict[str, object]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ServiceError(f"{path}: not a key file ({error})") from None
    if not isinstance(values, dict):
        raise ServiceError(f"{path}: not a key file")
    return values


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.parent.chmod(0o700)
    except OSError as error:
        raise ServiceError(f"{folder}: cannot be made ({error.strerror or error})") from None


def _write(path: Path, values: dict[str, str], *, secret: bool) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if secret else 0o644)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(values, file, indent=2)
    except OSError as error:
        raise ServiceError(f"{path}: cannot be written ({error.strerror or error})") from None
