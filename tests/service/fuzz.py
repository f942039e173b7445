"""Malformed messages by the thousand, while a good client works: the server answers or drops, and notices nothing.

python -m service.fuzz --messages 100000      (in the folder tests)
"""

from __future__ import annotations

import argparse
import random
import socket
import struct
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgpack
import zmq
from helpers.service_cases import ServerProcess, foreign_server, short_clip

from controller_server.service.client.client import new_job_id
from controller_server.service.protocol.messages import DTYPES, FROM_CLIENT, PROTOCOL, Message, decode, encode
from controller_server.service.protocol.payload import clip_to_payload

MAX_GROWTH_MB = 200.0
BIG_SHARE = 0.0005
_ODD: list[Any] = [
    *(None, True, -1, 0, 2**63, 2**64 - 1, -(2**63), 1e308, float("nan"), float("inf")),
    *("", "a", "a" * 8, "ä" * 5000, "../../../etc/passwd", "x\0y", b"\xff\xfe", [], {}, [[]], {"a": {"b": {}}}),
]


class Fuzz:
    """A source of messages that are almost, or not at all, right.

    Args:
        seed: Of what is sent.
    """

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        text, arrays = clip_to_payload(short_clip(2))
        fields = {"job": "a" * 12, "settings": {"quality": "draft"}, "text": text, "seq": 1}
        self.good = [bytes(frame) for frame in encode(Message("submit", fields, arrays))]
        self.header: dict[str, Any] = msgpack.unpackb(self.good[0])
        self.kinds = [
            *(self.noise, self.truncated, self.flipped, self.wrong_field, self.wrong_shape, self.wrong_arrays),
            *(self.huge_counts, self.deep, self.many_frames, self.wrong_clip, self.wrong_settings, self.any_type),
        ]

    def message(self) -> tuple[str, list[bytes]]:
        """One more, and what kind it is."""
        kind = self.big if self.dice.random() < BIG_SHARE else self.dice.choice(self.kinds)
        return kind.__name__, kind()

    def big(self) -> list[bytes]:
        """As much as is taken, or more than that, of nothing."""
        size = self.dice.choice([60, 63, 70]) << 20
        header = msgpack.packb({**self.header, "job": new_job_id(), "arrays": [["x", "|u1", [size]]]})
        assert header is not None
        return [header, bytes(size)]

    def noise(self) -> list[bytes]:
        """Random bytes."""
        return [self.dice.randbytes(self.dice.choice([0, 1, 10, 1000])) for _ in range(self.dice.randint(1, 5))]

    def truncated(self) -> list[bytes]:
        """A good message cut short, in a frame or between frames."""
        frames = self.good[: self.dice.randint(1, len(self.good))]
        which = self.dice.randrange(len(frames))
        return [f[: self.dice.randint(0, len(f))] if i == which else f for i, f in enumerate(frames)]

    def flipped(self) -> list[bytes]:
        """A good message with some bytes of its header changed."""
        header = bytearray(self.good[0])
        for _ in range(self.dice.randint(1, 4)):
            header[self.dice.randrange(len(header))] = self.dice.randrange(256)
        return [bytes(header), *self.good[1:]]

    def _changed(self, **values: Any) -> list[bytes]:
        return [msgpack.packb({**self.header, **values}), *self.good[1:]]  # pyright: ignore[reportReturnType]

    def wrong_field(self) -> list[bytes]:
        """A field of the wrong type, or of an odd value."""
        return self._changed(
            **{self.dice.choice(["v", "type", "job", "settings", "text", "seq"]): self.dice.choice(_ODD)}
        )

    def wrong_shape(self) -> list[bytes]:
        """Shapes that lie."""
        arrays = [list(entry) for entry in self.header["arrays"]]
        entry = self.dice.choice(arrays)
        sizes = [0, 1, 2, 7, 2**31, 2**62, 2**63 - 1, -1, 2**64 - 1, 1.5, "2", None]
        entry[2] = [self.dice.choice(sizes) for _ in range(self.dice.randint(0, 9))]
        return self._changed(arrays=arrays)

    def wrong_arrays(self) -> list[bytes]:
        """Descriptions that are none."""
        arrays: list[Any] = [list(entry) for entry in self.header["arrays"]]
        arrays[self.dice.randrange(len(arrays))][self.dice.randrange(2)] = self.dice.choice(
            [*_ODD, "|O", "<U9", *DTYPES]
        )
        if self.dice.random() < 0.3:
            arrays = self.dice.choice([*_ODD, [arrays], arrays[1:], arrays * 9])
        return self._changed(arrays=arrays)

    def huge_counts(self) -> list[bytes]:
        """A header that promises more than there is."""
        mark = self.dice.choice([b"\xdd", b"\xdf", b"\xc6", b"\xdb", b"\xc9"])
        return [mark + struct.pack(">I", self.dice.choice([2**32 - 1, 2**31, 10**6])) + self.dice.randbytes(20)]

    def deep(self) -> list[bytes]:
        """Nesting without end."""
        depth = self.dice.choice([10, 500, 5000, 200_000])
        return [self.dice.choice([b"\x91", b"\x81\xa1a"]) * depth + b"\xc0"]

    def many_frames(self) -> list[bytes]:
        """More frames than any message has."""
        return [self.good[0], *[b"x" * self.dice.choice([0, 8, 1000])] * self.dice.choice([65, 70, 1000])]

    def wrong_clip(self) -> list[bytes]:
        """A message that is right, with a clip that is not."""
        frames = list(self.good)
        for _ in range(self.dice.randint(1, 3)):
            which = self.dice.randrange(1, len(frames))
            frames[which] = self.dice.randbytes(len(frames[which]))
        return [frames[0].replace(b"a" * 12, new_job_id()[:12].encode()), *frames[1:]]

    def wrong_settings(self) -> list[bytes]:
        """Settings that are none."""
        name = self.dice.choice(["seed", "quality", "policy", "prepare", "threads", "supporter_strength", "hands", "x"])
        return self._changed(settings={name: self.dice.choice(_ODD)}, job=new_job_id())

    def any_type(self) -> list[bytes]:
        """Any of the messages with odd fields."""
        fields = {name: self.dice.choice(_ODD) for name in ("job", "limit", "previews", "watch", "client", "engine")}
        header = msgpack.packb({"v": PROTOCOL, "type": self.dice.choice(list(FROM_CLIENT)), **fields})
        assert header is not None
        return [header]


def resident_mb(pid: int) -> float:
    """Resident memory of a process [MB]."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6


def run(folder: Path, messages: int, seed: int = 0) -> int:
    """Send so many to a server with a foreign worker. Returns the exit code."""
    wrong: list[str] = []
    over = threading.Event()
    with foreign_server(folder) as server:
        assert server.process is not None
        with server.connect() as client:
            client.simulate(short_clip(2))
        before = resident_mb(server.process.pid)
        good = threading.Thread(target=_good_client, args=(server, over, wrong))
        good.start()
        sent, answers, peak = _send_all(server, messages, seed)
        _raw_bytes(server.endpoint, 50, seed)
        over.set()
        good.join()
        peak = max(peak, resident_mb(server.process.pid))
        if server.process.poll() is not None:
            wrong.append("the server stopped")
        with server.connect() as client:
            client.simulate(short_clip(2))
    if peak - before > MAX_GROWTH_MB:
        wrong.append(f"memory grew by {peak - before:.0f} MB")
    print(f"sent {dict(sorted(sent.items()))}")
    print(f"answered {dict(sorted(answers.items()))}")
    for sentence in wrong:
        print(f"wrong: {sentence}")
    print(f"messages={messages} answered={sum(answers.values())} growth_mb={peak - before:.0f} wrong={len(wrong)}")
    return 1 if wrong else 0


def _send_all(server: ServerProcess, messages: int, seed: int) -> tuple[Counter[str], Counter[str], float]:
    """What was sent, what came back, and the server's largest memory on the way [MB]."""
    assert server.process is not None
    fuzz, context = Fuzz(seed), zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.setsockopt(zmq.LINGER, 0)
    dealer.connect(server.endpoint)
    sent: Counter[str] = Counter()
    answers: Counter[str] = Counter()
    peak = 0.0
    for number in range(messages):
        kind, frames = fuzz.message()
        dealer.send_multipart(frames)
        sent[kind] += 1
        while dealer.poll(0 if number < messages - 1 else 1000):
            answer = decode(dealer.recv_multipart(), _ANSWERS)
            answers[answer["code"] if answer.type == "error" else answer.type] += 1
        if number % 500 == 0:
            peak = max(peak, resident_mb(server.process.pid))
    dealer.close()
    context.term()
    return sent, answers, peak


_ANSWERS = {
    **{
        name: {}
        for name in ("welcome", "accepted", "progress", "preview", "result", "failed", "cancelled", "cancelling")
    },
    **{name: {} for name in ("status", "jobs", "pong")},
    "error": {"code": "name"},
}


def _raw_bytes(endpoint: str, times: int, seed: int) -> None:
    """What is not even ZeroMQ."""
    dice, (host, port) = random.Random(seed), endpoint.removeprefix("tcp://").split(":")
    for _ in range(times):
        with socket.create_connection((host, int(port)), timeout=5) as raw:
            raw.sendall(
                dice.choice([b"GET / HTTP/1.1\r\n\r\n", b"\xff" + b"\0" * 8 + b"\x7f\x03", dice.randbytes(300)])
            )


def _good_client(server: ServerProcess, over: threading.Event, wrong: list[str]) -> None:
    """Works all the while, and complains when it is disturbed."""
    with server.connect() as client:
        while not over.is_set():
            began = time.monotonic()
            try:
                if client.simulate(short_clip(3), timeout=20).clip.n_frames != 3:
                    wrong.append("the good client got another clip")
            except Exception as error:
                wrong.append(f"the good client was disturbed: {type(error).__name__}: {error}")
                return
            if time.monotonic() - began > 5:
                wrong.append("the good client waited for more than 5 s")


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="assistmimic-fuzz-") as folder:
        return run(Path(folder), arguments.messages, arguments.seed)


if __name__ == "__main__":
    sys.exit(main())
