"""Counters in the form Prometheus reads; needs the optional prometheus-client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller_server.core.errors import ServiceError

if TYPE_CHECKING:
    from .server import Snapshot


class Metrics:
    """Serves the numbers on loopback.

    Args:
        port: Where.

    Raises:
        AssistMimicError: prometheus-client is missing, or the port is taken.
    """

    def __init__(self, port: int) -> None:
        try:
            from prometheus_client import CollectorRegistry, Gauge, start_http_server
        except ImportError:
            raise ServiceError(
                "metrics need prometheus-client: pip install 'assistmimic[metrics]', or leave out --metrics-port"
            ) from None
        registry = CollectorRegistry()

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"assistmimic_{name}", text, labels, registry=registry)

        self._jobs = gauge("jobs", "Jobs known, by state", "state")
        self._events = gauge("events_total", "Since the server was started", "event")
        self._workers = gauge("workers", "Worker processes, by state", "engine", "state")
        self._memory = gauge("worker_memory_bytes", "Resident memory of a worker", "worker")
        self._clients = gauge("clients", "Clients heard of lately")
        try:
            start_http_server(port, addr="127.0.0.1", registry=registry)
        except OSError as error:
            raise ServiceError(f"metrics port {port}: {error.strerror or error}; choose another") from None

    def update(self, snapshot: Snapshot) -> None:
        """Take over what is true now."""
        for state, count in snapshot.jobs.items():
            self._jobs.labels(state).set(count)
        for event, count in snapshot.events.items():
            self._events.labels(event).set(count)
        self._workers.clear()
        for worker in snapshot.workers:
            self._workers.labels(worker.spec.engine, worker.state).inc()
            self._memory.labels(str(worker.number)).set(worker.memory)
        self._clients.set(snapshot.clients)
