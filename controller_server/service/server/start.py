"""From options to a running server: signals, log, port file, metrics."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Sequence

from controller_server.core.errors import AssistMimicError
from controller_server.service.protocol.port_file import NAME, PortFile, write_port_file

from .configuration import parse_serve
from .logs import set_up_logging
from .options import ServerOptions
from .prometheus import Metrics
from .server import Server

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a server until it is told to stop; the exit code is 0 then, and 2 with a line on stderr when it cannot."""
    try:
        serve(parse_serve(sys.argv[1:] if argv is None else argv).options())
    except AssistMimicError as error:
        print(f"assistmimic: {error}", file=sys.stderr)
        return 2
    return 0


def serve(options: ServerOptions) -> None:
    """Run a server until SIGTERM, SIGINT, or the parent's end. Raises AssistMimicError."""
    metrics = Metrics(options.metrics_port) if options.metrics_port else None
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
        server.run(metrics.update if metrics else None)
        log.info("stopped")
    except AssistMimicError as error:
        log.critical("stopped", extra={"reason": str(error)})
        raise
    finally:
        port_file.unlink(missing_ok=True)


def _port_file_of(server: Server) -> PortFile:
    keys = {}
    if server.access is not None:
        keys["server_key"] = server.access.server.public
        if server.access.guest is not None:
            keys |= {"client_public": server.access.guest.public, "client_secret": server.access.guest.secret}
    return PortFile(server.endpoint, os.getpid(), server.session, **keys)
