"""One clip of a batch carried out, from its files to the files of its end. Every engine calls this."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from controller_server.clip.io.bvh_rig import OwnRigs
from controller_server.clip.io.read_options import ReadOptions
from controller_server.clip.io.write_options import WriteOptions
from controller_server.core.errors import AssistMimicError
from controller_server.core.progress import OnProgress, Progress, ignore_progress
from controller_server.core.validation import build, plain_values
from controller_server.pipeline.job import Fault, fault_of, simulate
from controller_server.pipeline.settings import ConvertSettings
from controller_server.service.server.processes import resident_bytes

from .measures import measures_of
from .output_paths import Places

if TYPE_CHECKING:
    from controller_server.clip.io.formats import ReadResult
    from controller_server.pipeline.result import Result

RESULT, FAILURE, ERROR = "result", "failure", "error"
"""The three ends of a clip: carried out, with help or without; lost, with its best motion; and a stated error."""


@dataclass(frozen=True)
class Order:
    """A clip's work as an engine is told it; plain values, so that it can travel.

    Attributes:
        name: What the clip is called.
        key: Of everything that decides its result.
        files: What is read.
        out: The batch's folder.
        write: How result files' names end.
        writing: Settings of writing.
        report: Whether to write a report.
        settings: Settings of the simulation.
        read: Settings of reading.
    """

    name: str
    key: str
    files: tuple[str, ...]
    out: str
    write: str
    writing: dict[str, Any]
    report: bool
    settings: dict[str, Any]
    read: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return plain_values(asdict(self))

    @staticmethod
    def from_dict(values: Any) -> Order:
        """Return the inverse of `to_dict`."""
        return build(Order, values, "order of a batch")

    @property
    def read_options(self) -> ReadOptions:
        """The reading options, in the form the reader takes."""
        paths = {name: Path(self.read[name]) for name in ("joint_map", "body_model") if self.read[name] is not None}
        return ReadOptions(**{**self.read, **paths, "box": tuple(self.read["box"])})

    @property
    def places(self) -> Places:
        """Paths of its files."""
        return Places(Path(self.out), self.name, self.write)


def carry_out(order: Order, threads: int, on_progress: OnProgress = ignore_progress) -> dict[str, Any]:
    """Read, simulate and write one clip.

    Args:
        order: Which and how.
        threads: Physics threads at most, 0 for no bound.
        on_progress: Told how far it is; what it raises that is no `Exception` ends the work.

    Returns:
        How it ended, for the ledger. Its files are there by then, whole.
    """
    started, at = time.perf_counter(), time.process_time()
    try:
        order.places.clear()
        status = _convert(order, threads, on_progress)
    except OSError as error:
        status = _failed(order, Fault("storage", f"{error.filename or order.out}: {error.strerror or error}"))
    except Exception as error:
        status = _failed(order, fault_of(error))
    seconds = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - at}
    return {**status, **seconds, "memory_mb": resident_bytes(os.getpid()) / 1e6}


def error_status(name: str, key: str, fault: Fault) -> dict[str, Any]:
    """Return a stated error as the ledger has it."""
    detail = {"detail": fault.detail} if fault.detail else {}
    return {"name": name, "key": key, "end": ERROR, "code": fault.code, "message": fault.message, **detail}


def _failed(order: Order, fault: Fault) -> dict[str, Any]:
    with contextlib.suppress(OSError, AssistMimicError):  # the error says enough
        order.places.clear()
    return error_status(order.name, order.key, fault)


def _convert(order: Order, threads: int, on_progress: OnProgress) -> dict[str, Any]:
    from controller_server.clip.io.formats import read_clip

    on_progress(Progress("read"))
    read = read_clip(order.files, order.read_options)
    settings = ConvertSettings.from_dict(order.settings)
    writing, own = WriteOptions(**order.writing), None
    if writing.out_rig == "input":
        own = OwnRigs.read([Path(path) for path in order.files], order.read_options, read.clip)
    result = simulate(read.clip, settings, threads, on_progress, notes=read.notes)
    on_progress(Progress("write"))
    return {**_ended(order, read, result), "files": _write(order, result, writing, own)}


def _write(order: Order, result: Result, writing: WriteOptions, own: OwnRigs | None) -> dict[str, Any]:
    """Write a clip's files, each whole or not there; returns where they are, below OUT."""
    from controller_server.core.whole_file import replace_file
    from controller_server.pipeline.result import write_result, write_result_report

    from .picture import strip_svg

    places, files = order.places, {}
    motion = places.motion(good=_is_result(result))
    for path in (motion, places.picture, *((places.report,) if order.report else ())):
        path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(places.picture, strip_svg([result.input_clip, result.simulated_clip]).encode())
    files["picture"] = places.relative(places.picture)
    if order.report:
        write_result_report(places.report, result, title=order.name)
        files["report"] = places.relative(places.report)
    files["motion"] = [places.relative(path) for path in write_result(motion, result, writing, own)]
    return files


def _is_result(result: Result) -> bool:
    return result.scores.word != "failed"


def _ended(order: Order, read: ReadResult, result: Result) -> dict[str, Any]:
    from controller_server.report.verdict import verdict

    banner = verdict(result.scores)
    return {
        "name": order.name,
        "key": order.key,
        "end": RESULT if _is_result(result) else FAILURE,
        "verdict": result.scores.word,
        "headline": banner.headline,
        "faults": list(banner.faults),
        "controller": result.controller,
        "policy": result.policy,
        "attempts": [f"{attempt.controller}: {attempt.reason}" for attempt in result.attempts],
        "frames": read.clip.n_frames,
        "fps": read.clip.fps,
        "duration_s": read.clip.duration,
        "measures": measures_of(result.scores),
        "notes": _short(result.notes),
    }


def _short(notes: Sequence[str]) -> list[str]:
    return [note[:500] for note in notes[:20]]
