"""The work list of a batch: the clips of a folder, each with a key that changes with whatever changes its result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import mujoco

from controller_server.clip.io.pairing import FoundClip, find_clips
from controller_server.control.policy.bundle import CARD, WEIGHTS
from controller_server.control.policy.bundle_store import find_bundle, list_bundles
from controller_server.core.errors import AssistMimicError
from controller_server.core.fingerprint import fingerprint
from controller_server.core.validation import plain_values
from controller_server.core.version import __version__
from controller_server.pipeline.settings import Controller, ConvertSettings

from .options import BatchOptions

_UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Task:
    """A clip that is to be carried out.

    Attributes:
        name: What it is called, a path below OUT's folders without an ending.
        files: What is read.
        clip: Which clip of a file that holds many.
        identity: Of its name; the ledger's files are called after it.
        key: Of everything that decides its result.
        common: Of what all clips of the batch share of that.
    """

    name: str
    files: tuple[Path, ...]
    clip: str | None
    identity: str
    key: str
    common: str


def make_plan(options: BatchOptions) -> list[Task]:
    """Find the clips of a batch and what they depend on, in order of their names.

    Raises:
        AssistMimicError: there are no clips, or what was asked for cannot be.
    """
    common = _digest(_common(options))
    found = find_clips(options.source, options.pair, leave_out=options.out)
    hashed = cache(hash_file)  # one file may hold thousands of clips
    tasks = [_task(clip, common, hashed) for clip in found]
    return [task for task in tasks if options.shard.has(task.identity)]


def _task(found: FoundClip, common: str, hashed: Callable[[Path], str]) -> Task:
    contents = [hashed(path) for path in found.files]
    key = _digest([common, contents, found.name, found.clip])
    return Task(found.name, found.files, found.clip, _digest(found.name)[:32], key, common)


def _common(options: BatchOptions) -> dict[str, Any]:
    """Return what all clips of a batch depend on. Threads are left out: they change no result."""
    settings, read = options.settings.to_dict(), plain_values(asdict(options.read))
    for name in ("threads", "policy"):
        del settings[name]
    for name in ("joint_map", "body_model"):
        path = getattr(options.read, name)
        read[name] = None if path is None else _hash_tree(Path(path))
    return {
        "settings": settings,
        "read": read,
        "write": [options.write, asdict(options.writing), options.report],
        "policies": list(_policies(options.settings)),
        "version": [__version__, _program(), mujoco.__version__],
    }


_program = cache(fingerprint)


def _policies(settings: ConvertSettings) -> Iterator[list[str]]:
    """Yield what tells the policies that may have a part in a result."""
    if settings.controller in (Controller.SEARCH, Controller.ASSISTED):
        return
    for found in [find_bundle(settings.policy)] if settings.policy else list_bundles()[0]:
        yield [found.card.name, hash_file(found.folder / CARD), hash_file(found.folder / WEIGHTS)]


def _hash_tree(path: Path) -> str:
    if not path.exists():
        return f"name {path}"  # a known rig's name, or a mistake that reading will tell
    files: Sequence[Path] = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    return _digest([[file.name, hash_file(file)] for file in files])


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file; one that cannot be read is told when it is its turn."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError:
        return _UNREADABLE
    return digest.hexdigest()


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def with_whole_paths(options: BatchOptions) -> BatchOptions:
    """Return the options with paths that mean the same in every process. Raises AssistMimicError."""
    settings, read = options.settings, options.read
    if settings.policy and Path(settings.policy).exists():
        settings = replace(settings, policy=str(Path(settings.policy).resolve()))
    for name in ("joint_map", "body_model"):
        path = getattr(read, name)
        if path is not None and Path(path).exists():
            read = replace(read, **{name: Path(path).resolve()})
    source, out = options.source.resolve(), options.out.resolve()
    if source == out:
        raise AssistMimicError(f"{options.out}: is also where the clips are read from; choose another folder")
    return replace(options, source=source, out=out, settings=settings, read=read)
