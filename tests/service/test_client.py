"""The client alone: what it loads, what it says to a server that is gone, silent, strange or of another version."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgpack
import pytest
import zmq
from helpers.service_cases import foreign_server, short_clip

from controller_server import connect
from controller_server.core.errors import AssistMimicError
from controller_server.service.client.client import Client
from controller_server.service.client.location import Location
from controller_server.service.protocol.errors import ServerError, ServerLost
from controller_server.service.protocol.messages import FROM_SERVER, PROTOCOL, Message, decode, encode


def test_the_client_needs_little():
    """Load numpy, pyzmq and msgpack, nothing else from outside, and none of the engine."""
    code = (
        "import sys; before = set(sys.modules); from controller_server import connect\n"
        "names = {m.split('.')[0] for m in set(sys.modules) - before} - set(sys.stdlib_module_names)\n"
        "print(sorted(n for n in names if not n.startswith('_')))\n"
        "print(sorted(m for m in sys.modules if m.startswith('controller_server.') and m.count('.') == 2))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    done = told.splitlines()
    assert set(eval(done[0])) <= {"controller_server", "numpy", "zmq", "msgpack", "cython_runtime"}
    assert eval(done[1]) == [
        "controller_server.core.errors",
        "controller_server.core.progress",
        "controller_server.core.version",
        "controller_server.service.client",
        "controller_server.service.protocol",
    ]


def test_nobody_there():
    """Say within the time given that no server answers, and how to start one."""
    began = time.monotonic()
    with pytest.raises(ServerLost, match="no word from the server"):
        connect("tcp://127.0.0.1:9", lost_s=0.5)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("endpoint", ["nonsense", "http://127.0.0.1:80", "tcp://"])
def test_no_address(endpoint):
    """Refuse what is no address in a sentence."""
    with pytest.raises(AssistMimicError, match="not an address"):
        connect(endpoint, lost_s=0.5)


@contextmanager
def strange_server(answer: Callable[[dict], list[list[bytes]]]) -> Iterator[str]:
    """A ROUTER that answers every message with whatever `answer` gives for its header."""
    context, over = zmq.Context(), threading.Event()
    router = context.socket(zmq.ROUTER)
    router.setsockopt(zmq.LINGER, 0)
    port = router.bind_to_random_port("tcp://127.0.0.1")

    def serve() -> None:
        while not over.is_set():
            if router.poll(20):
                route, header, *_ = router.recv_multipart()
                for frames in answer(msgpack.unpackb(header)):
                    router.send_multipart([route, *frames])
        router.close()

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"tcp://127.0.0.1:{port}"
    over.set()
    thread.join()
    context.term()


def frames(kind: str, **fields: object) -> list[bytes]:
    """A message of the server."""
    return [bytes(frame) for frame in encode(Message(kind, fields))]


def test_a_newer_server_is_refused():
    """Stop at a server of another protocol version, and say which side is which."""

    def newer(header: dict) -> list[list[bytes]]:
        packed = msgpack.packb({"v": PROTOCOL + 1, "type": "welcome", "re": header["seq"]})
        assert packed is not None
        return [[packed]]

    with (
        strange_server(newer) as endpoint,
        pytest.raises(
            AssistMimicError, match=f"speaks protocol version {PROTOCOL}, the other says version {PROTOCOL + 1}"
        ),
    ):
        connect(endpoint)


def test_an_older_client_is_refused(server):
    """Answer a client of another version with a refusal it can read, whatever its message."""
    context = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.connect(server.endpoint)
    for header in ({"v": PROTOCOL + 1, "type": "hello", "seq": 7}, {"v": PROTOCOL + 1, "type": "unheard of", "seq": 8}):
        packed = msgpack.packb(header)
        assert packed is not None
        dealer.send(packed)
        assert dealer.poll(5000)
        answer = decode(dealer.recv_multipart(), FROM_SERVER)
        assert (answer.type, answer["code"], answer["re"]) == ("error", "protocol_version", header["seq"])
        assert f"version {PROTOCOL + 1}" in answer["message"]
    dealer.close(linger=0)
    context.term()


def test_a_lost_answer_is_asked_for_again():
    """Send a submit again when a later ping shows that it did not arrive; find the result in the end."""
    heard: list[str] = []

    def forgetful(header: dict) -> list[list[bytes]]:
        heard.append(header["type"])
        if header["type"] == "ping":
            return [frames("pong", re=header["seq"], watching=False)]
        if heard.count("submit") < 2:
            return []
        return [frames("result", job=header["job"], text={"result_meta": "{}"})]

    with strange_server(forgetful) as endpoint:
        client = Client(Location(endpoint))
        assert client.simulate(short_clip(2)).meta == {}
        client.close()
    assert heard.count("submit") == 2


def test_a_silent_server_is_lost_with_its_job():
    """Name the job in the error, so that it can be asked for again."""
    with strange_server(lambda header: []) as endpoint:
        client = Client(Location(endpoint), lost_s=0.5)
        with pytest.raises(ServerLost, match="job my-job-1 goes on") as lost:
            client.simulate(short_clip(2), job="my-job-1")
        assert lost.value.job == "my-job-1"
        client.close()


def test_a_frozen_server_is_noticed_and_found_again(tmp_path):
    """Give up on a server that does not answer, and use the same client again when it does."""
    import os
    import signal

    with foreign_server(tmp_path) as server, server.connect(lost_s=0.6) as client:
        assert server.process is not None
        job = client.submit(short_clip(2, source="slow"))
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            with pytest.raises(ServerLost):
                client.wait(job)
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
        assert client.wait(job).clip.n_frames == 2


def test_an_error_in_an_answer_is_an_error(client):
    """Raise what the server refused, with its code."""
    with pytest.raises(ServerError) as refused:
        client.status("never-heard-of")
    assert refused.value.code == "no_such_job"
    with pytest.raises(ServerError, match="not a job's id") as refused:
        client.status("x")
    assert refused.value.code == "bad_message"


def test_a_client_is_done_with_quickly(tmp_path):
    """Close without waiting for messages nobody takes."""
    client = Client(Location("tcp://127.0.0.1:9"), lost_s=0.3)
    with pytest.raises(ServerLost):
        client.submit(short_clip(2))
    began = time.monotonic()
    client.close()
    assert time.monotonic() - began < 0.5
