"""Jobs on disk: a SQLite database in WAL mode for what they are, array files for what comes out and, if large, goes in.

A job is written before it is accepted and ends in exactly one of done, failed, cancelled. Whatever was queued or
running when the process died is queued when the store is opened again. Acceptance, failure and cancellation survive a
power cut as well; a result may have to be made again, which gives the same. One process at a time owns a store.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from controller_server.core.errors import ServiceError
from controller_server.service.protocol.payload import Payload, verdict_of

from .array_file import pack_arrays, read_array_file, unpack_arrays, write_array_file

SCHEMA = 2
INLINE = 1 << 20
"""Inputs up to this size lie in the database [bytes]: one wait for the disk then does for all that come together."""


class State(str, Enum):
    """State of a job in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_end(self) -> bool:
        """Whether nothing more happens."""
        return self in (State.DONE, State.FAILED, State.CANCELLED)


class Key(NamedTuple):
    """The name of a job: its owner, who may see it, and the id its client chose."""

    owner: str
    job: str


@dataclass(frozen=True)
class Job:
    """A job as the database knows it.

    Attributes:
        owner: Whose key submitted it; "" without authentication.
        job: Id chosen by the client.
        client: What the client calls itself; the queue is fair between clients.
        engine: Of the worker it needs.
        state: Where it is in its life.
        settings: As they were sent.
        digest: Digest of settings and clip: the same id sent twice must mean the same job.
        frames: Number of frames of the clip.
        attempts: Workers that died over it.
        created: When it was accepted, seconds since 1970.
        started: When a worker last took it, or None.
        ended: When it ended, or None.
        seconds: Time the worker took [s], or None.
        cancel: Whether somebody wants it cancelled.
        kept: Whether its files are still there.
        bytes: Bytes of its files.
        code: Of the failure, or "".
        message: One sentence about the failure, or "".
        detail: More about the failure, or "".
        name: What its client calls it, or "".
        verdict: Of its result: success, assisted or failed; "" without one.
    """

    owner: str
    job: str
    client: str
    engine: str
    state: State
    settings: Mapping[str, Any]
    digest: str
    frames: int
    created: float
    attempts: int = 0
    started: float | None = None
    ended: float | None = None
    seconds: float | None = None
    cancel: bool = False
    kept: bool = True
    bytes: int = 0
    code: str = ""
    message: str = ""
    detail: str = ""
    name: str = ""
    verdict: str = ""

    @property
    def key(self) -> Key:
        """The name of the job."""
        return Key(self.owner, self.job)


_COLUMNS = tuple(Job.__dataclass_fields__)
_CREATE = """
CREATE TABLE IF NOT EXISTS jobs (
  owner TEXT NOT NULL, job TEXT NOT NULL, client TEXT NOT NULL, engine TEXT NOT NULL, state TEXT NOT NULL,
  settings TEXT NOT NULL, digest TEXT NOT NULL, frames INTEGER NOT NULL, created REAL NOT NULL,
  attempts INTEGER NOT NULL, started REAL, ended REAL, seconds REAL, cancel INTEGER NOT NULL, kept INTEGER NOT NULL,
  bytes INTEGER NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL, detail TEXT NOT NULL,
  name TEXT NOT NULL DEFAULT '', verdict TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (owner, job)
);
CREATE TABLE IF NOT EXISTS inputs (
  owner TEXT NOT NULL, job TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (owner, job)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, ended);
CREATE INDEX IF NOT EXISTS jobs_by_age ON jobs (owner, created);
"""
_SINCE_1 = """
ALTER TABLE jobs ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN verdict TEXT NOT NULL DEFAULT '';
"""
"""Statements that turn a database of schema 1 into one of schema 2."""


def digest_of(settings: Mapping[str, Any], text: Mapping[str, str], arrays: Mapping[str, np.ndarray]) -> str:
    """Fingerprint of a request."""
    digest = hashlib.sha256(json.dumps([settings, text], sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data if array.size else b"")
    return digest.hexdigest()


class JobStore:
    """All jobs of one server.

    Writing methods open a transaction by themselves; `commit` ends it. Nothing is told to anybody before that.

    Args:
        folder: Where the database and the array files are; made when it is not there.

    Raises:
        AssistMimicError: the folder cannot be used, belongs to a newer version, or another server has it open.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self._files = folder, folder / "jobs"
        self._unneeded: list[Path] = []
        self._lasting = False
        try:
            self._files.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(folder / "jobs.sqlite", isolation_level=None, timeout=1.0)
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._db.execute("PRAGMA auto_vacuum=INCREMENTAL")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA:
                raise ServiceError(f"{folder}: jobs of a newer version of this program; use that, or another folder")
            older = _SINCE_1 if version == 1 else ""
            self._db.executescript(f"BEGIN IMMEDIATE; {_CREATE} {older} PRAGMA user_version={SCHEMA}; COMMIT;")
        except sqlite3.OperationalError as error:
            reason = "another server has them open; stop it or use another folder"
            reason = reason if "locked" in str(error) else str(error)
            raise ServiceError(f"{folder}: jobs cannot be kept there: {reason}") from None
        except (sqlite3.DatabaseError, OSError) as error:
            raise ServiceError(f"{folder}: jobs cannot be kept there ({error})") from None
        self._recover()

    def close(self) -> None:
        """Write out what is left and let go of the folder."""
        self.commit()
        self._db.close()

    def _recover(self) -> None:
        """After a death: running jobs are queued again, cancelled ones ended, files nobody knows removed."""
        now = time.time()
        self._write("UPDATE jobs SET state='cancelled', ended=? WHERE cancel AND state IN ('queued', 'running')", now)
        self._write("UPDATE jobs SET state='queued', started=NULL WHERE state='running'")
        self.commit()
        known = {self._stem(Key(row["owner"], row["job"])) for row in self._db.execute("SELECT owner, job FROM jobs")}
        for path in self._files.iterdir():
            if path.name.split(".")[0] not in known:
                path.unlink(missing_ok=True)

    def _begin(self, *, lasting: bool) -> None:
        """Begin a transaction if none is open; `lasting` if its commit has to wait for the disk."""
        if lasting and not self._lasting:
            self.commit()  # the setting cannot be changed within a transaction
            self._db.execute("PRAGMA synchronous=FULL")
            self._lasting = True
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")

    def _write(self, statement: str, *values: Any) -> int:
        self._begin(lasting=False)
        return self._db.execute(statement, values).rowcount

    def commit(self) -> None:
        """Write everything so far to the disk before returning. Raises sqlite3.Error."""
        if self._db.in_transaction:
            self._db.execute("COMMIT")
        if self._lasting:
            self._lasting = False
            self._db.execute("PRAGMA synchronous=NORMAL")
        while self._unneeded:  # only now: a job that is not known to have ended needs its files
            self._unneeded.pop().unlink(missing_ok=True)

    def add(self, job: Job, text: Mapping[str, str], arrays: Mapping[str, np.ndarray]) -> Job:
        """Keep a new job.

        Raises:
            OSError: there is no room; it is not kept.
            sqlite3.Error: there is no room, and nothing since the last `commit` can be trusted to have been kept.
        """
        pieces = pack_arrays(text, arrays)
        job = replace(job, bytes=sum(map(len, pieces)))
        self._begin(lasting=True)
        if job.bytes > INLINE:
            write_array_file(self._path(job.key, "input"), pieces, sync=True)
        else:
            self._write("INSERT INTO inputs VALUES (?, ?, ?)", *job.key, b"".join(pieces))
        marks = ", ".join("?" * len(_COLUMNS))
        self._write(f"INSERT INTO jobs ({', '.join(_COLUMNS)}) VALUES ({marks})", *_to_row(job))
        return job

    def get(self, key: Key) -> Job | None:
        """Return a job, or None."""
        row = self._db.execute("SELECT * FROM jobs WHERE owner=? AND job=?", key).fetchone()
        return None if row is None else _from_row(row)

    def open_jobs(self) -> Iterator[Job]:
        """Jobs that have not ended, oldest first."""
        rows = self._db.execute("SELECT * FROM jobs WHERE state IN ('queued', 'running') ORDER BY created, rowid")
        return map(_from_row, rows)

    def latest(self, owner: str, limit: int) -> list[Job]:
        """Return an owner's jobs, newest first."""
        rows = self._db.execute("SELECT * FROM jobs WHERE owner=? ORDER BY created DESC LIMIT ?", (owner, limit))
        return [_from_row(row) for row in rows]

    def counts(self) -> dict[str, int]:
        """Return how many jobs there are in each state."""
        found = dict(self._db.execute("SELECT state, COUNT(*) FROM jobs GROUP BY state").fetchall())
        return {state.value: found.get(state.value, 0) for state in State}

    def input_of(self, key: Key) -> Payload:
        """Return what the job works on. Raises ArrayFileError."""
        row = self._db.execute("SELECT data FROM inputs WHERE owner=? AND job=?", key).fetchone()
        return read_array_file(self._path(key, "input")) if row is None else unpack_arrays(memoryview(row["data"]))

    def result_of(self, key: Key) -> Payload:
        """Return what came of it. Raises ArrayFileError."""
        return read_array_file(self._path(key, "result"))

    def start(self, key: Key) -> None:
        """Note that a worker took a job."""
        self._write("UPDATE jobs SET state='running', started=? WHERE owner=? AND job=?", time.time(), *key)

    def requeue(self, key: Key, attempts: int) -> None:
        """Queue a job once more: its worker died, or its result is damaged."""
        self._write(
            "UPDATE jobs SET state='queued', started=NULL, ended=NULL, attempts=? WHERE owner=? AND job=?",
            *(attempts, *key),
        )

    def want_cancel(self, key: Key) -> None:
        """Somebody wants it cancelled; it has not ended yet."""
        self._write("UPDATE jobs SET cancel=1 WHERE owner=? AND job=?", *key)

    def end(
        self,
        key: Key,
        state: State,
        *,
        code: str = "",
        message: str = "",
        detail: str = "",
        seconds: float | None = None,
        verdict: str = "",
    ) -> bool:
        """End a job, once: False if it had ended before."""
        self._begin(lasting=state is not State.DONE)
        changed = self._write(
            "UPDATE jobs SET state=?, ended=?, code=?, message=?, detail=?, seconds=?, verdict=? "
            "WHERE owner=? AND job=? AND state IN ('queued', 'running')",
            *(state.value, time.time(), code, message, detail, seconds, verdict, *key),
        )
        if changed and state is not State.DONE:
            self._drop_input(key)
        return bool(changed)

    def end_with_result(
        self, key: Key, text: Mapping[str, str], arrays: Mapping[str, np.ndarray], seconds: float | None
    ) -> bool:
        """End a job with a result, once: False if it had ended before. Raises OSError when there is no room."""
        pieces = pack_arrays(text, arrays)
        write_array_file(self._path(key, "result"), pieces, sync=False)
        ended = self.end(key, State.DONE, seconds=seconds, verdict=verdict_of(text))
        self._write("UPDATE jobs SET bytes=bytes+? WHERE owner=? AND job=?", sum(map(len, pieces)), *key)
        return ended

    def _drop_input(self, key: Key) -> None:
        self._write("DELETE FROM inputs WHERE owner=? AND job=?", *key)
        self._unneeded.append(self._path(key, "input"))

    def sweep(self, *, keep_seconds: float, keep_bytes: int, forget_seconds: float) -> int:
        """Remove the files of ended jobs that are too old or too much, oldest first, and records older still.

        Returns:
            Jobs that lost their files.
        """
        now = time.time()
        rows = self._db.execute(
            "SELECT owner, job, ended, bytes FROM jobs WHERE kept AND ended IS NOT NULL ORDER BY ended DESC"
        ).fetchall()
        total, swept = 0, 0
        for row in rows:
            total += row["bytes"]
            if now - row["ended"] > keep_seconds or total > keep_bytes:
                key = Key(row["owner"], row["job"])
                self._drop_input(key)
                self._unneeded.append(self._path(key, "result"))
                self._write("UPDATE jobs SET kept=0 WHERE owner=? AND job=?", *key)
                swept += 1
        self._write("DELETE FROM jobs WHERE NOT kept AND ended < ?", now - forget_seconds)
        self.commit()
        self._db.execute("PRAGMA incremental_vacuum(1000)").fetchall()
        return swept

    def _stem(self, key: Key) -> str:
        # No part of a message ever becomes part of a path.
        return hashlib.sha256(f"{key.owner}\0{key.job}".encode()).hexdigest()[:40]

    def _path(self, key: Key, kind: str) -> Path:
        return self._files / f"{self._stem(key)}.{kind}"


def _to_row(job: Job) -> list[Any]:
    values = {name: getattr(job, name) for name in _COLUMNS}
    return list((values | {"state": job.state.value, "settings": json.dumps(dict(job.settings))}).values())


def _from_row(row: sqlite3.Row) -> Job:
    values = {name: row[name] for name in _COLUMNS}
    return Job(
        **values
        | {
            "state": State(row["state"]),
            "settings": json.loads(row["settings"]),
            "cancel": bool(row["cancel"]),
            "kept": bool(row["kept"]),
        }
    )
