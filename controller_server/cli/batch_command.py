"""`assistmimic batch`: a folder in, a folder out, a line for each clip."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from rich.console import Console

from .batch_arguments import Batch
from .exit_codes import EXIT_INTERRUPTED, EXIT_NONE, EXIT_SOME
from .progress import TerminalProgress

if TYPE_CHECKING:
    from controller_server.batch.options import BatchOptions
    from controller_server.batch.run import Counts


def options_of(arguments: Batch) -> BatchOptions:
    """Return what was asked for. Raises AssistMimicError."""
    from controller_server.batch.options import BatchOptions, Shard

    return BatchOptions(
        source=arguments.source,
        out=arguments.out,
        pair=arguments.pair,
        write=arguments.write,
        writing=arguments.writing,
        report=arguments.report,
        shard=Shard.parse(arguments.shard),
        workers=arguments.workers,
        worker_memory_gb=arguments.worker_memory_gb,
        cluster=arguments.cluster,
        settings=arguments.settings,
        read=arguments.read,
    )


def run_batch_command(arguments: Batch) -> int:
    """Carry out a batch. Raises AssistMimicError."""
    from controller_server.batch.run import run_batch

    options, say = options_of(arguments), Console(stderr=True)
    teller = _JsonTeller() if arguments.json else _ProgressReporter(say)
    try:
        with _terminated_like_ctrl_c(), TerminalProgress(say) as progress:
            counts = run_batch(options, on_progress=progress, on_end=teller.on_end, on_start=teller.on_start)
    except KeyboardInterrupt:
        print(f"assistmimic: interrupted; what has ended is in {options.out}, call again to go on", file=sys.stderr)
        return EXIT_INTERRUPTED
    teller.at_end(counts, options)
    return exit_code(counts)


def exit_code(counts: Counts) -> int:
    """Return 0 where every clip that ended was carried, 3 where some were, 4 where none was."""
    ended = sum(counts.ends.values())
    return 0 if counts.carried == ended else EXIT_SOME if counts.carried else EXIT_NONE


@contextmanager
def _terminated_like_ctrl_c() -> Iterator[None]:
    """End in good order when a scheduler wants the process to end: claims are given up, workers ended."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _ProgressReporter:
    """Says on stderr what did not go well, and at the end what came of it all."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def on_start(self, counts: Counts) -> None:
        """Say what there is to do."""
        before = f", {counts.before} of them had ended before" if counts.before else ""
        self._say(f"{counts.total} clips{before}")

    def on_end(self, status: Mapping[str, Any], counts: Counts) -> None:
        """Say how a clip ended, where that is not as wished."""
        if status["end"] == "error":
            self._say(f"{status['name']}: error: {status['message']}")
        elif status["end"] == "failure":
            self._say(f"{status['name']}: {status['headline']}")

    def at_end(self, counts: Counts, options: BatchOptions) -> None:
        """Print what came of it."""
        told = counts.to_dict()
        share = "" if told["carried_share"] is None else f" ({told['carried_share']:.0%})"
        print(
            f"{counts.ended} of {counts.total} clips: {told['results']} results, {told['carried']} of them "
            f"carried{share}; failures: {told['failures']}, errors: {told['errors']}"
        )
        for name in ("index.html", "summary.csv", "summary.json"):
            print(f"wrote {options.out / name}")

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, soft_wrap=True, markup=False)


class _JsonTeller:
    """Prints one JSON object a line on stdout."""

    def on_start(self, counts: Counts) -> None:
        """Print what there is to do."""
        self._print("start", {"batch": counts.to_dict()})

    def on_end(self, status: Mapping[str, Any], counts: Counts) -> None:
        """Print how a clip ended, and where the batch is."""
        self._print("clip", {"clip": dict(status), "batch": counts.to_dict()})

    def at_end(self, counts: Counts, options: BatchOptions) -> None:
        """Print what came of it."""
        self._print("end", {"batch": counts.to_dict()})

    @staticmethod
    def _print(event: str, values: Mapping[str, Any]) -> None:
        print(json.dumps({"event": event, **values}, allow_nan=False), flush=True)
