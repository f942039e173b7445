"""The batch's ledger: finished clips and claims as files, correct whichever process is killed.

ledger/ID.json       how a clip ended; written last, in one move
ledger/ID.claim.N    somebody works on it: made by exclusive creation, touched while they live

A claim whose owner is dead is stale. Whoever finds one makes the next, N + 1, by exclusive creation again: of several
that find it at the same time one succeeds. The claim with the highest number counts.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from controller_server.core.errors import AssistMimicError
from controller_server.core.whole_file import replace_file

from .claim_owner import SILENT_S, Owner
from .plan import Task

FOLDER = "ledger"
BEAT_S = 15.0
"""Claims are touched this often [s]."""
AGAIN = frozenset(("storage", "out_of_memory", "worker_died", "stalled", "not_started", "internal", "cluster"))
"""Codes of errors that may be gone the next time: such clips are tried again by the next run."""


@dataclass(frozen=True)
class Claim:
    """The right to work on a clip.

    Attributes:
        task: The clip.
        path: The file that says so.
        number: How many claimed it before, and this one.
    """

    task: Task
    path: Path
    number: int


class Ledger:
    """The ledger of a batch's folder, for one process.

    Args:
        out: The batch's folder; made if it is not there.
        owner: This process.

    Raises:
        AssistMimicError: nothing can be written there.
    """

    def __init__(self, out: Path, owner: Owner | None = None) -> None:
        self.folder, self._owner = out / FOLDER, owner or Owner.this()
        self._held: dict[str, Claim] = {}
        self._next_beat = 0.0
        self._clock = self.folder / f".clock-{os.getpid()}-{self._owner.host[:32]}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._now()
        except OSError as error:
            raise AssistMimicError(
                f"{out}: cannot be written to ({error.strerror or error}); choose a folder you may write to"
            ) from None

    def ended(self, task: Task) -> dict[str, Any] | None:
        """Return how a clip ended with this key; None where it has not, or may end otherwise if tried again."""
        status = self.read(task.identity)
        if status is None or status.get("key") != task.key or status.get("code") in AGAIN:
            return None
        return status

    def read(self, identity: str) -> dict[str, Any] | None:
        """Return how a clip ended, with whatever settings."""
        try:
            status = json.loads((self.folder / f"{identity}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return status if isinstance(status, dict) else None

    def everything(self) -> Iterator[dict[str, Any]]:
        """Yield how every clip ended."""
        for path in sorted(self.folder.glob("*.json")):
            status = self.read(path.stem)
            if status is not None:
                yield status

    def claim(self, task: Task) -> Claim | None:
        """Claim a clip; None where somebody living works on it, or it has ended meanwhile. Raises OSError."""
        number, last = 1, None
        while (path := self._path(task, number)).exists():
            number, last = number + 1, path
        if last is not None and not self._is_stale(last):
            return None
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            return None  # somebody was quicker
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(self._owner.to_dict(), file)
        claim = Claim(task, path, number)
        self._held[task.identity] = claim
        if self.ended(task) is not None:
            self.release(claim)
            return None
        # How it ended before is forgotten: what is written from now on belongs to another end.
        (self.folder / f"{task.identity}.json").unlink(missing_ok=True)
        return claim

    def finish(self, claim: Claim, status: dict[str, Any]) -> bool:
        """Write down how a clip ended and give the claim up; False when somebody else took it over. Raises OSError."""
        if self._path(claim.task, claim.number + 1).exists() or not claim.path.exists():
            self._held.pop(claim.task.identity, None)
            return False
        text = json.dumps(status, ensure_ascii=False, allow_nan=False)
        replace_file(self.folder / f"{claim.task.identity}.json", text.encode())
        self.release(claim)
        return True

    def release(self, claim: Claim) -> None:
        """Give a claim up, and the stale ones below it."""
        self._held.pop(claim.task.identity, None)
        for number in range(claim.number, 0, -1):
            with contextlib.suppress(OSError):
                self._path(claim.task, number).unlink()

    def beat(self) -> None:
        """Give a sign of life on every claim held, now and then."""
        if time.monotonic() < self._next_beat:
            return
        self._next_beat = time.monotonic() + BEAT_S
        for claim in self._held.values():
            with contextlib.suppress(OSError):  # taken away: `finish` will see it
                os.utime(claim.path)

    def close(self) -> None:
        """Give up all claims."""
        for claim in list(self._held.values()):
            self.release(claim)
        self._clock.unlink(missing_ok=True)

    def _path(self, task: Task, number: int) -> Path:
        return self.folder / f"{task.identity}.claim.{number}"

    def _is_stale(self, path: Path) -> bool:
        try:
            silent = self._now() - path.stat().st_mtime
            text = path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return False  # given up this very moment; the next look will tell
        try:
            owner = Owner.read(json.loads(text))
        except ValueError:
            owner = None
        return silent > SILENT_S if owner is None else owner.is_gone(silent)

    def _now(self) -> float:
        """Return the time of the disk that holds the claims, which need not be this machine's [s]."""
        self._clock.touch()
        os.utime(self._clock)
        return self._clock.stat().st_mtime


def unfinished(ledger: Ledger, tasks: Iterable[Task]) -> list[Task]:
    """Return the clips that have not ended."""
    return [task for task in tasks if ledger.ended(task) is None]
