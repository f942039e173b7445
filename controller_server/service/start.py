"""From options to a running server: arguments, signals, logs, port file."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import AssistMimicError
from .logs import set_up_logging
from .options import ServerOptions, WorkerSpec, default_workers, state_folder
from .portfile import NAME, PortFile, write_port_file
from .server import Server

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a server until it is told to stop; the exit code is 0 then, 2 for bad options, 1 when its disk fails."""
    arguments = _parser().parse_args(argv)
    options = ServerOptions(
        bind=arguments.bind,
        store=arguments.store,
        auth=arguments.auth,
        private=arguments.private,
        port_file=arguments.port_file,
        parent_pid=arguments.parent_pid,
        workers=(WorkerSpec(count=arguments.workers),),
    )
    try:
        serve(options)
    except AssistMimicError as error:
        print(f"assistmimic: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="controller_server.service", description="Run the controller server.")
    parser.add_argument("--bind", default="tcp://127.0.0.1:0", help="where to listen; port 0 takes a free one")
    parser.add_argument("--store", type=Path, default=state_folder(), help="folder of jobs, results and logs")
    parser.add_argument("--auth", type=Path, default=None, help="folder of keys; only their holders may connect")
    parser.add_argument("--private", action="store_true", help="only who can read the port file may connect")
    parser.add_argument("--port-file", type=Path, default=None, help="file to write the address into once ready")
    parser.add_argument("--parent-pid", type=int, default=0, help="stop when this process is gone")
    parser.add_argument("--workers", type=int, default=default_workers(), help="worker processes")
    return parser


def serve(options: ServerOptions) -> None:
    """Run a server until SIGTERM, SIGINT, or the parent's end. Raises AssistMimicError."""
    server = Server(options)
    set_up_logging(options.store / "log" / "server.log")
    for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), server.stop)
    port_file = options.port_file or options.store / NAME
    write_port_file(port_file, _port_file_of(server))
    print(f"assistmimic server at {server.endpoint}", flush=True)
    log.info("serving", extra={"endpoint": server.endpoint, "pid": os.getpid(), "session": server.session})
    try:
        server.run()
    finally:
        port_file.unlink(missing_ok=True)
        log.info("stopped")


def _port_file_of(server: Server) -> PortFile:
    keys = {}
    if server.access is not None:
        keys["server_key"] = server.access.server.public
        if server.access.guest is not None:
            keys |= {"client_public": server.access.guest.public, "client_secret": server.access.guest.secret}
    return PortFile(server.endpoint, os.getpid(), server.session, **keys)
