"""Benchmark of the server: time on top of a job, how soon it accepts under load, how often it can be asked."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import zmq

from controller_server.clip.interaction import InteractionClip
from controller_server.clip.io.formats import read_clip
from controller_server.clip.io.npz import clip_from_arrays, clip_to_arrays
from controller_server.core.bundled import CLIPS
from controller_server.core.machine import machine
from controller_server.core.progress import OnProgress, Progress, ignore_progress
from controller_server.physics.recorded_frames import slice_clip
from controller_server.pipeline.result import versions
from controller_server.service.client.client import Client, connect, new_job_id
from controller_server.service.protocol.errors import ServerError
from controller_server.service.protocol.messages import FROM_SERVER, HEARTBEAT, Message
from controller_server.service.protocol.payload import clip_to_payload
from controller_server.service.protocol.wire import new_socket, receive, send

CLIP = CLIPS / "steady.npz"
SMALL_FRAMES, STATUS_REQUESTS = 2, 2000
QUICK = {"controller": "search", "quality": "draft"}
"""Settings of all jobs here: the least work that is still a search."""


def bench_serve(
    *,
    clients: int = 64,
    jobs: int = 20,
    repeats: int = 3,
    seconds: float = 10.0,
    on_progress: OnProgress = ignore_progress,
) -> dict[str, Any]:
    """Start a server of its own and measure it.

    Args:
        clients: That send small jobs at the same time.
        jobs: Of each client, one after the other.
        repeats: Of the long job; its numbers are medians.
        seconds: Of the long job's clip [s].
        on_progress: Told how far it is.

    Returns:
        What `docs/server.md` describes, ready for JSON.
    """
    with tempfile.TemporaryDirectory(prefix="assistmimic-bench-") as folder, _server(Path(folder)) as client:
        clip = long_clip(seconds)
        report = _long_jobs(client, clip, repeats, on_progress)
        report["status_per_s"] = _status_rate(client, clip)
        report |= _crowd(client.location.endpoint, clients, jobs, on_progress)
    return report | {"machine": machine(), "versions": versions()}


@contextmanager
def _server(folder: Path) -> Iterator[Client]:
    port_file = folder / "server.json"
    command = [
        sys.executable,
        "-m",
        "controller_server.service",
        "--store",
        str(folder),
        "--parent-pid",
        str(os.getpid()),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        with connect(port_file=port_file) as client:
            yield client
    finally:
        process.terminate()
        process.communicate()


def long_clip(seconds: float) -> InteractionClip:
    """Return a bundled clip played forwards and backwards until the time is over [s]."""
    clip = read_clip([CLIP]).clip
    there_and_back = np.r_[0 : clip.n_frames, clip.n_frames - 2 : 0 : -1]
    frames = np.resize(there_and_back, round(seconds * clip.fps) + 1)
    tracks = clip_to_arrays(clip).items()
    return clip_from_arrays({name: a[frames] if a.ndim > 1 and len(a) == clip.n_frames else a for name, a in tracks})


def _long_jobs(client: Client, clip: InteractionClip, repeats: int, on_progress: OnProgress) -> dict[str, Any]:
    """Overhead and start of a job, by a worker that is warm."""
    client.simulate(slice_clip(clip, slice(0, SMALL_FRAMES)), QUICK)
    overhead, share, start = [], [], []
    for repeat in range(repeats):
        on_progress(Progress("long jobs", repeat, repeats, "jobs"))
        heard: list[float] = []
        began = time.perf_counter()
        result = client.simulate(
            clip, {**QUICK, "seed": repeat}, on_progress=lambda _, heard=heard: heard.append(time.perf_counter())
        )
        took = time.perf_counter() - began
        assert result.seconds is not None
        overhead.append(took - result.seconds)
        share.append(overhead[-1] / result.seconds)
        start.append(heard[0] - began)
    return {
        "overhead_ms": 1000 * float(np.median(overhead)),
        "overhead_share": float(np.median(share)),
        "start_ms": 1000 * float(np.median(start)),
        "long_jobs": repeats,
    }


def _status_rate(client: Client, clip: InteractionClip) -> float:
    """Answers a second to one client that asks again and again while a job is simulated."""
    job = client.submit(clip, QUICK)
    while (info := client.status(job)).stage != "search" and info.state in ("queued", "running"):
        time.sleep(0.01)
    began, asked = time.perf_counter(), 0
    while asked < STATUS_REQUESTS:
        client.server_status()
        asked += 1
    rate = asked / (time.perf_counter() - began)
    with contextlib.suppress(ServerError):  # it has ended: a clip shorter than the requests took
        client.cancel(job)
    return rate


@dataclass
class _Visitor:
    """One of the crowd: sends its jobs one after the other.

    Attributes:
        socket: Its connection.
        left: Jobs to send.
        job: On its way, or "".
        sent: When [s].
        accepts: How long each took to be accepted [s].
        answered: Jobs that ended in a result.
    """

    socket: zmq.Socket
    left: int
    job: str = ""
    sent: float = 0.0
    accepts: list[float] = field(default_factory=list)
    answered: int = 0


def _crowd(endpoint: str, clients: int, jobs: int, on_progress: OnProgress) -> dict[str, Any]:
    """Return many clients at once, driven by one thread so that the clients cost little."""
    context, poller = zmq.Context(), zmq.Poller()
    text, arrays = clip_to_payload(slice_clip(read_clip([CLIP]).clip, slice(0, SMALL_FRAMES)))
    visitors: dict[zmq.Socket, _Visitor] = {}
    for _ in range(clients):
        socket = new_socket(context, zmq.DEALER)
        socket.connect(endpoint)
        poller.register(socket, zmq.POLLIN)
        visitors[socket] = _Visitor(socket, jobs)

    def submit(visitor: _Visitor) -> None:
        visitor.job, visitor.left, visitor.sent = new_job_id(), visitor.left - 1, time.perf_counter()
        fields = {"job": visitor.job, "client": f"visitor-{id(visitor)}", "settings": QUICK, "text": text}
        send(visitor.socket, Message("submit", fields, arrays))

    began = quiet = pinged = time.perf_counter()
    for visitor in visitors.values():
        submit(visitor)
    while any(visitor.job for visitor in visitors.values()):
        for socket, _ in poller.poll(1000):
            visitor, quiet = visitors[socket], time.perf_counter()
            while (message := receive(socket, FROM_SERVER)) is not None:
                if message.type == "accepted":
                    visitor.accepts.append(time.perf_counter() - visitor.sent)
                elif message.type in ("result", "failed", "cancelled", "error"):
                    visitor.answered += message.type == "result"
                    visitor.job = ""
                    if visitor.left:
                        submit(visitor)
        now = time.perf_counter()
        if now - quiet > 60:
            break
        if now - pinged > HEARTBEAT:
            pinged = now
            for visitor in visitors.values():
                send(visitor.socket, Message("ping"))
        on_progress(Progress("small jobs", sum(v.answered for v in visitors.values()), clients * jobs, "jobs"))
    took = time.perf_counter() - began
    for visitor in visitors.values():
        visitor.socket.close()
    context.term()
    accepts = np.array([seconds for visitor in visitors.values() for seconds in visitor.accepts])
    return {
        "accept_p50_ms": 1000 * float(np.percentile(accepts, 50)),
        "accept_p99_ms": 1000 * float(np.percentile(accepts, 99)),
        "clients": clients,
        "small_jobs": clients * jobs,
        "small_jobs_answered": sum(visitor.answered for visitor in visitors.values()),
        "small_jobs_per_s": sum(visitor.answered for visitor in visitors.values()) / took,
    }
