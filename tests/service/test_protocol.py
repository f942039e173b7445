"""The wire format: what is written is read again, and nothing else is."""

from __future__ import annotations

import re

import msgpack
import numpy as np
import pytest
from helpers.paths import ROOT

from controller_server.service.protocol import messages as protocol
from controller_server.service.protocol.messages import (
    DTYPES,
    FROM_CLIENT,
    FROM_SERVER,
    FROM_WORKER,
    KINDS,
    PROTOCOL,
    TO_WORKER,
    Message,
    MessageError,
    Table,
    decode,
    encode,
)

DOCUMENT = ROOT / "docs" / "protocol.md"


def packed(**header: object) -> list[bytes]:
    """A header as frames."""
    data = msgpack.packb({"v": PROTOCOL, **header})
    assert data is not None
    return [data]


def described(name: object, dtype: object, shape: object, data: bytes = b"") -> list[bytes]:
    """A submit with one array."""
    fields = {"type": "submit", "job": "a" * 8, "settings": {}, "text": {}}
    return [*packed(**fields, arrays=[[name, dtype, shape]]), data]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, 0, 4), (1, 2, 1, 2, 1, 2)])
def test_arrays_come_back(dtype, shape):
    """Carry every element type and shape, bit for bit, zero-dimensional and empty ones included."""
    array = np.arange(int(np.prod(shape)), dtype=dtype).reshape(shape)
    message = Message("submit", {"job": "a" * 8, "settings": {"seed": 3}, "text": {"source": "ä"}}, {"x": array})
    back = decode([bytes(frame) for frame in encode(message)], FROM_CLIENT)
    assert back.fields == message.fields
    assert back.arrays["x"].dtype == np.dtype(dtype) and back.arrays["x"].shape == shape
    assert back.arrays["x"].tobytes() == array.tobytes()


def test_nothing_is_copied_on_the_way():
    """Send an array's own memory, and read arrays as views of what arrived, which cannot be written to."""
    array = np.arange(12.0).reshape(3, 4)
    frames = encode(Message("submit", {}, {"x": array}))
    assert np.shares_memory(np.frombuffer(frames[1], dtype=float), array)
    data = bytearray(array.tobytes())
    back = decode([*described("x", "<f8", [3, 4])[:1], data], FROM_CLIENT).arrays["x"]
    assert np.shares_memory(back, np.frombuffer(data, dtype=np.uint8))
    assert not back.flags.writeable


def test_other_memory_layouts_travel_in_order():
    """Bring transposed and big-endian arrays into the wire's order."""
    array = np.arange(6.0).reshape(2, 3)
    for odd in (np.asfortranarray(array), array.T.copy().T, array.astype(">f8")):
        back = decode([bytes(f) for f in encode(Message("submit", SUBMIT, {"x": odd}))], FROM_CLIENT).arrays["x"]
        np.testing.assert_array_equal(back, array)


SUBMIT = {"job": "a" * 8, "settings": {}, "text": {}}


@pytest.mark.parametrize("array", [np.array([object()]), np.array(["text"]), np.array([True]), np.array([1j])])
def test_what_does_not_travel_is_not_sent(array):
    """Refuse to send objects, text and types that are not on the list."""
    with pytest.raises(ValueError, match="do not travel"):
        encode(Message("submit", SUBMIT, {"x": array}))


def nested(depth: int) -> object:
    """A list in a list in a list."""
    value: object = 0
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([], "bad_message"),
        ([b""], "bad_message"),
        ([b"\xc1"], "bad_message"),
        ([b"not msgpack at all"], "bad_message"),
        ([b"\xdf\xff\xff\xff\xff"], "bad_message"),
        ([b"\x91" * 100_000 + b"\x00"], "bad_message"),
        ([msgpack.packb([1, 2])], "bad_message"),
        ([msgpack.packb({1: 2})], "bad_message"),
        ([msgpack.packb({"v": 1, "type": "hello", "x": msgpack.ExtType(5, b"x")})], "bad_message"),
        (packed(type="hello", x=nested(20)), "bad_message"),
        ([b"\xda" + b"\0" * (2 << 20)], "too_large"),
        (packed(type="submit", job="a" * 8, text={}, settings={"x": b"binary"}), "bad_message"),
        (packed(type="hello", v=PROTOCOL + 1), "protocol_version"),
        (packed(type="hello", v=PROTOCOL - 1), "protocol_version"),
        (packed(type="hello", v="1"), "protocol_version"),
        (packed(type="hello", v=True), "protocol_version"),
        (packed(type="poem"), "unknown_type"),
        (packed(type=7), "unknown_type"),
        (packed(), "unknown_type"),
        (packed(type="watch"), "bad_message"),
        (packed(type="watch", job=5), "bad_message"),
        (packed(type="watch", job="short"), "bad_message"),
        (packed(type="watch", job="../../etc/passwd"), "bad_message"),
        (packed(type="watch", job="a" * 65), "bad_message"),
        (packed(type="watch", job="aaaaaaaa\n"), "bad_message"),
        (packed(type="jobs", limit=-1), "bad_message"),
        (packed(type="jobs", limit=2**63), "bad_message"),
        (packed(type="jobs", limit=True), "bad_message"),
        (packed(type="jobs", limit=1.5), "bad_message"),
        (packed(type="submit", **{**SUBMIT, "text": {"a": 1}}), "bad_message"),
        (packed(type="submit", **{**SUBMIT, "text": {"a/b": "x"}}), "bad_message"),
        (packed(type="submit", **{**SUBMIT, "client": "a\0b"}), "bad_message"),
        (packed(type="hello", arrays=[["x", "<f8", [1]]]), "bad_message"),
        ([*packed(type="hello"), b"extra"], "bad_message"),
        (packed(type="hello", arrays={"x": 1}), "bad_message"),
        ([*packed(type="hello", arrays=[["x", "<f8", [0]]] * 2), b"", b""], "bad_message"),
        ([*packed(type="hello", arrays=[["x", "<f8", [0]]] * 65), *[b""] * 65], "bad_message"),
        (described("x", "<f8", [3], b"\0" * 23), "bad_message"),
        (described("x", "<f8", [2**62, 2**62], b"\0" * 8), "bad_message"),
        (described("x", "<f8", [-1], b""), "bad_message"),
        (described("x", "<f8", [1] * 7, b"\0" * 8), "bad_message"),
        (described("x", "<f8", ["3"], b"\0" * 24), "bad_message"),
        (described("x", "|O", [1], b"\0" * 8), "bad_message"),
        (described("x", "O", [1], b"\0" * 8), "bad_message"),
        (described("x", "<U4", [1], b"\0" * 16), "bad_message"),
        (described("x", ">f8", [1], b"\0" * 8), "bad_message"),
        (described("x", "f8,f8", [1], b"\0" * 16), "bad_message"),
        (described("../x", "<f8", [1], b"\0" * 8), "bad_message"),
        (described("", "<f8", [1], b"\0" * 8), "bad_message"),
        (described(5, "<f8", [1], b"\0" * 8), "bad_message"),
    ],
)
def test_what_is_no_message_is_refused(frames, code):
    """Refuse everything else with the right code, and never with another exception."""
    with pytest.raises(MessageError) as refused:
        decode(frames, FROM_CLIENT)
    assert refused.value.code == code


def test_the_sender_number_survives_an_error():
    """Tell which message was wrong, where that could be read."""
    with pytest.raises(MessageError) as refused:
        decode(packed(type="poem", seq=12), FROM_CLIENT)
    assert refused.value.seq == 12


def test_unknown_fields_are_ignored():
    """Read the message of a newer peer, without what this version does not know."""
    message = decode(packed(type="hello", seq=1, mood="good"), FROM_CLIENT)
    assert message == Message("hello", {"seq": 1})


def test_a_missing_field_may_be_sent_as_nothing():
    """Take null for a field that may be left out."""
    assert decode(packed(type="status", job=None), FROM_CLIENT) == Message("status")


@pytest.mark.parametrize(
    ("heading", "table"),
    [
        ("## From client to server", FROM_CLIENT),
        ("## From server to client", FROM_SERVER),
        ("| from worker to server |", FROM_WORKER),
        ("| from server to worker |", TO_WORKER),
    ],
)
def test_the_document_says_the_same(heading: str, table: Table):
    """List in docs/protocol.md exactly the messages and fields of the tables, with their kinds."""
    after = DOCUMENT.read_text(encoding="utf-8").split(heading, 1)[1]
    rows = re.search(r"(?:^\|.*\n)+", after[after.index("| --- |") :], re.MULTILINE)
    assert rows is not None
    found = {}
    for row in rows.group().splitlines()[1:]:
        kind, fields = re.split(r"(?<!\\)\|", row)[1:3]
        pairs = re.findall(r"`(\w+)` (\w+\??)", fields.split("array")[0])
        found[kind.strip(" `")] = dict(pairs)
    assert found == {kind: dict(fields) for kind, fields in table.items()}


def test_the_document_names_every_kind_and_number():
    """Give version, limits, element types and kinds as they are."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert f"Version {PROTOCOL}." in text
    assert f"`{' '.join(DTYPES)}`" in text
    for kind in KINDS:
        assert f"`{kind}`" in text
    assert (protocol.MAX_HEADER, protocol.MAX_DEPTH, protocol.MAX_ARRAYS, protocol.MAX_NDIM) == (1 << 20, 8, 64, 6)
    assert (protocol.HEARTBEAT, protocol.LOST) == (1.0, 5.0)
