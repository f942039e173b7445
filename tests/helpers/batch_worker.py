"""A batch's worker that simulates nothing: a clip's name says how to behave. With IN and OUT, a batch of such."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from controller_server.service.server import worker


def misbehave(order: Any, teller: Any) -> tuple[dict[str, str], dict[str, Any]]:
    """Carry out an order, or do not."""
    told = json.loads(order["text"]["order"])
    name, out = told["name"], Path(told["out"])
    with (out / "log").open("a") as log:
        log.write(f"{name}\n")
    if name == "crash":
        os._exit(7)
    if name == "grow":
        held = [bytearray(os.urandom(1 << 20)) * 64 for _ in range(8)]
        time.sleep(60 * len(held))
    if name == "fault":
        raise RuntimeError("a mistake of ours")
    time.sleep(0.02)
    status = {"name": name, "key": told["key"], "end": "result", "verdict": "success", "cpu_seconds": 1.0}
    return {"status": json.dumps(status)}, {}


def run_batch_here(source: str, out: str) -> None:
    """Run a batch as a process of its own, which can be killed."""
    from controller_server.batch.engine import LocalEngine
    from controller_server.batch.options import BatchOptions
    from controller_server.batch.run import run_batch
    from controller_server.pipeline.settings import Controller, ConvertSettings

    settings = ConvertSettings(controller=Controller.SEARCH)
    run_batch(
        BatchOptions(Path(source), Path(out), settings=settings), engine=LocalEngine(1, module="helpers.batch_worker")
    )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        run_batch_here(*sys.argv[1:])
    else:
        sys.exit(worker.main(misbehave))
