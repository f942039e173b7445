"""One real server with a real worker, for all tests that do it no harm."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from helpers.service_cases import ServerProcess

from controller_server.service.client.client import Client


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that runs for all tests of this folder."""
    with ServerProcess(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def client(server: ServerProcess) -> Iterator[Client]:
    """A connection to that server."""
    with server.connect() as connected:
        yield connected
